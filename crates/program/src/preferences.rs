//! What mail a recipient wants. The token in the link is the authority; there is no other actor.

use domain::{SendId, token::Purpose};
use render::Localised;
use serde::Serialize;
use store::{Wish, reason};

use crate::{
    error::{Error, Result},
    program::{BeltTold, Program},
    report::masked,
    unsubscribe::no_link,
};

/// What the page behind the link shows; reading it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreferencesPage {
    /// Whose mail it is about.
    pub company_name: String,
    /// In whose program it goes out.
    pub vendor_name: String,
    /// The address, masked: the link may have been forwarded.
    pub masked_address: String,
    /// The reader's language (BCP 47).
    pub locale: String,
    /// What the partner's mail is about; may be empty.
    pub topics: Vec<PreferredTopic>,
    /// How much of it is wanted.
    pub wanted: Wanted,
    /// What was refused can't be taken back here: the address was reported, or somebody else put it on the list.
    pub is_final: bool,
}

/// A topic to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreferredTopic {
    /// Its stable name.
    pub topic: String,
    /// What it is called, in the reader's language.
    pub title: String,
    /// Mail about it is wanted.
    pub is_wanted: bool,
}

/// How much mail a recipient wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// That of the topics that are wanted, and what belongs to none.
    Topics,
    /// None of the company's.
    NothingOfCompany,
    /// None of any of the vendor's partners.
    NothingOfVendor,
}

/// What a recipient chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferring {
    /// How much.
    pub wanted: Wanted,
    /// The topics that were shown; others stay as they are.
    pub shown: Vec<String>,
    /// Those of them that are wanted.
    pub topics: Vec<String>,
}

/// A choice that is in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preferred {
    /// The page as it is now.
    pub page: PreferencesPage,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

impl Program {
    /// What the page shows.
    ///
    /// # Errors
    /// [`Error::NotFound`] for whatever is no link of ours; says no more than that.
    pub async fn preferences_page(&self, token: &str) -> Result<PreferencesPage> {
        self.preferences_of(self.preferences_link(token)?).await
    }

    /// Keeps what the recipient chooses, durably, before it answers. Names of topics that the partner's mail does not
    /// have are passed over.
    ///
    /// # Errors
    /// As [`Program::preferences_page`].
    pub async fn prefer(&self, token: &str, chosen: &Preferring) -> Result<Preferred> {
        let send = self.preferences_link(token)?;
        let known = self.preferences_of(send).await?.topics;
        let is_shown = |topic: &PreferredTopic| chosen.shown.contains(&topic.topic);
        let (wanted, refused): (Vec<_>, Vec<_>) = known
            .into_iter()
            .filter(is_shown)
            .partition(|topic| chosen.topics.contains(&topic.topic));
        let names =
            |topics: Vec<PreferredTopic>| topics.into_iter().map(|topic| topic.topic).collect();
        let wish = match chosen.wanted {
            Wanted::Topics => Wish::Topics { wanted: names(wanted), refused: names(refused) },
            Wanted::NothingOfCompany => Wish::NothingOfCompany,
            Wanted::NothingOfVendor => Wish::NothingOfVendor,
        };
        let doing = "write what the recipient wants";
        let done = self.store().set_preferences(send, &wish, "preferences", self.now()).await;
        let done = done.map_err(Error::book(doing))?.ok_or_else(no_link)?;
        let belt = self
            .tell_belt("suppression", |belt| async move {
                belt.suppress(&done.suppressed).await?;
                belt.lift(&done.lifted).await
            })
            .await;
        Ok(Preferred { page: self.preferences_of(send).await?, belt })
    }

    fn preferences_link(&self, token: &str) -> Result<SendId> {
        self.parts.link_key.open(Purpose::Preferences, token).map_err(|_| no_link())
    }

    async fn preferences_of(&self, send: SendId) -> Result<PreferencesPage> {
        let doing = "read what the recipient wants";
        let found = self.store().preferences(send).await.map_err(Error::book(doing))?;
        let found = found.ok_or_else(no_link)?;
        let locale = self.reader_locale(&found.detail).await?;
        let topics = found.topics.into_iter().map(|topic| PreferredTopic {
            title: title(&topic.name, &topic.topic, &locale),
            topic: topic.topic,
            is_wanted: !topic.is_refused,
        });
        let refusals = [&found.vendor_refused, &found.company_refused];
        Ok(PreferencesPage {
            company_name: found.detail.partner_name,
            vendor_name: found.detail.vendor_name,
            masked_address: masked(&found.detail.address),
            topics: topics.collect(),
            wanted: match (&found.vendor_refused, &found.company_refused) {
                (Some(_), _) => Wanted::NothingOfVendor,
                (None, Some(_)) => Wanted::NothingOfCompany,
                (None, None) => Wanted::Topics,
            },
            is_final: refusals.into_iter().flatten().any(|why| why != reason::UNSUBSCRIBED),
            locale,
        })
    }
}

/// A topic's name for people; its stable one where the book has none that can be read.
fn title(name: &str, topic: &str, locale: &str) -> String {
    let known = serde_json::from_str::<Localised>(name).unwrap_or_default();
    match known.for_language(locale) {
        "" => topic.to_owned(),
        title => title.to_owned(),
    }
}
