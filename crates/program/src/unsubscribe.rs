//! The unsubscribe endpoint's work. The token in the link is the authority; there is no other actor.

use domain::{HashScope, SendId, token::Purpose};
use serde::Serialize;
use store::SendDetail;

use crate::{
    error::{Error, Result},
    program::{BeltTold, Program},
    report::masked,
};

/// An unsubscribe that is in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsubscribed {
    /// Whose mail it is that no longer comes.
    pub company_name: String,
    /// The address, masked: the link may have been forwarded.
    pub masked_address: String,
    /// The vendor whose invitations to that company no longer come; `None` where it is the company's own mail.
    pub invitations_from: Option<String>,
    /// The reader's language (BCP 47).
    pub locale: String,
    /// It was so before.
    pub already: bool,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

/// What the page behind the link says; reading it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsubscribePage {
    /// Whose mail it is about.
    pub company_name: String,
    /// The address, masked.
    pub masked_address: String,
    /// The vendor whose invitations to that company it is about; `None` where it is the company's own mail.
    pub invitations_from: Option<String>,
    /// The reader's language (BCP 47).
    pub locale: String,
    /// No more mail comes already.
    pub already: bool,
}

impl Program {
    /// Takes the person off the partner company's lists, durably, before it answers.
    ///
    /// # Errors
    /// [`Error::NotFound`] for whatever is no link of ours; says no more than that.
    pub async fn unsubscribe(&self, token: &str) -> Result<Unsubscribed> {
        let send = self.open_token(token)?;
        let done = self
            .store()
            .unsubscribe(send, "one_click", self.now())
            .await
            .map_err(Error::book("write the unsubscribe"))?;
        let Some(done) = done else {
            return self.refuse_invitations(send).await?.ok_or_else(no_link);
        };
        let hash = done.detail.hash_company.clone();
        let belt = self
            .tell_belt("suppression", |belt| async move {
                belt.suppress(std::slice::from_ref(&hash)).await
            })
            .await;
        Ok(Unsubscribed {
            locale: self.reader_locale(&done.detail).await?,
            company_name: done.detail.partner_name,
            masked_address: masked(&done.detail.address),
            invitations_from: None,
            already: !done.is_new,
            belt,
        })
    }

    /// What the page says.
    ///
    /// # Errors
    /// As [`Program::unsubscribe`].
    pub async fn unsubscribe_page(&self, token: &str) -> Result<UnsubscribePage> {
        let send = self.open_token(token)?;
        let doing = "read the send";
        let detail = self.store().send(send).await.map_err(Error::book(doing))?;
        let Some(detail) = detail else {
            return self.refuse_invitations_page(send).await?.ok_or_else(no_link);
        };
        let suppressed = self
            .store()
            .find_suppression(HashScope::Company(&detail.company), &detail.hash_company)
            .await
            .map_err(Error::book(doing))?;
        Ok(UnsubscribePage {
            locale: self.reader_locale(&detail).await?,
            company_name: detail.partner_name,
            masked_address: masked(&detail.address),
            invitations_from: None,
            already: suppressed.is_some(),
        })
    }

    /// The language a recipient reads: its own, if that is known, or its partner's.
    pub(crate) async fn reader_locale(&self, detail: &SendDetail) -> Result<String> {
        if !detail.language.is_empty() {
            return Ok(detail.language.clone());
        }
        let brand = self
            .store()
            .partner_brand(&detail.partner)
            .await
            .map_err(Error::book("read the brand profile"))?;
        Ok(brand.map(|(brand, _)| brand.locale).unwrap_or_default())
    }

    fn open_token(&self, token: &str) -> Result<SendId> {
        self.parts.link_key.open(Purpose::Unsubscribe, token).map_err(|_| no_link())
    }
}

/// The same for a forged token and for a send that is gone.
pub(crate) fn no_link() -> Error {
    Error::not_found("link", "…")
}
