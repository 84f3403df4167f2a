//! A message as a page, for whoever can't read it as mail.

use domain::{ActivationState, Recipient, token::Purpose};
use render::MessageLinks;
use serde::Serialize;
use store::{Activation, Contact, SendDetail, ShelfSource};

use crate::{
    error::{Error, Result},
    program::Program,
    unsubscribe::no_link,
};

/// A message as a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageView {
    /// Its HTML.
    pub html: String,
    /// The reader's language (BCP 47).
    pub locale: String,
}

/// A send and all that its message is made of.
struct Told {
    detail: SendDetail,
    contact: Contact,
    activation: Activation,
    source: ShelfSource,
}

impl Program {
    /// The message behind the link, with the partner's brand as it was when it went out and the person's fields as the
    /// book has them now. Links lead straight to where they lead, and none of them unsubscribes or chooses mail: the
    /// page may have been passed on. What was recalled is shown no more.
    ///
    /// # Errors
    /// [`Error::NotFound`] for whatever is no link of ours, for a person who was erased and for mail that was recalled;
    /// says no more than that.
    pub async fn view_message(&self, token: &str) -> Result<MessageView> {
        let Told { detail, contact, activation, source } = self.told(token).await?;
        let compiled = self.compiled(&activation.version_hash).await?;
        let shelf = source.shelf(&self.parts.list_domain);
        let language = compiled.language_of([&contact.language, &shelf.brand.locale]);
        let recipient = Recipient {
            first_name: &contact.first_name,
            last_name: &contact.last_name,
            fields: &contact.fields,
        };
        let fields = recipient.merge_fields(&compiled.package().person_fields);
        let view_url = format!("{}/v/{token}", self.parts.public_url);
        let mail_url = format!("{view_url}/mail");
        let links = MessageLinks {
            unsubscribe_url: &mail_url,
            preferences_url: &mail_url,
            view_url: &view_url,
            invitation_url: "",
        };
        let rendered = compiled
            .skeleton_of(&detail.step, detail.occurrence, language, &shelf, &self.parts.public_url)
            .and_then(|skeleton| skeleton.message(&fields, &links));
        let rendered = rendered.map_err(|source| Error::Internal {
            doing: "render the message",
            source: Box::new(source),
        })?;
        Ok(MessageView { html: rendered.html, locale: language.to_owned() })
    }

    /// The language of whom the message behind the link was for.
    ///
    /// # Errors
    /// As [`Program::view_message`].
    pub async fn view_locale(&self, token: &str) -> Result<String> {
        let told = self.told(token).await?;
        self.reader_locale(&told.detail).await
    }

    async fn told(&self, token: &str) -> Result<Told> {
        let send = self.parts.link_key.open(Purpose::View, token).map_err(|_| no_link())?;
        let book = Error::book("read the message");
        let detail = self.store().send(send).await.map_err(book)?.ok_or_else(no_link)?;
        let book = Error::book("read the contact");
        let contact = self.store().contact(detail.contact).await.map_err(book)?;
        let book = Error::book("read the activation");
        let activation = self.store().activation(detail.activation).await.map_err(book)?;
        let book = Error::book("read the partner");
        let source = self.store().shelf_source(detail.activation).await.map_err(book)?;
        match (contact, activation, source) {
            (Some(contact), Some(activation), Some(source))
                if activation.state != ActivationState::Recalled =>
            {
                Ok(Told { detail, contact, activation, source })
            }
            _ => Err(no_link()),
        }
    }
}
