//! Stops and suppressions: to the book first, then here.

use std::{borrow::Cow, collections::BTreeMap};

use domain::{ActivationId, AddressHash};

use crate::{
    connection::{Belt, Carried},
    error::Result,
};

/// How a stop stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// What it covers goes back to the book and comes again later.
    Pause,
    /// What it covers ends.
    Cancel,
    /// What was queued under an older revision than this goes back to the book, which has a new time for
    /// it. Its key is [`revision_key`].
    OlderThan(u32),
}

/// The stop key of an activation's revision.
pub fn revision_key(activation: ActivationId) -> String {
    format!("revision:{activation}")
}

impl Stop {
    /// The stop as it lies on the belt.
    pub fn as_text(self) -> Cow<'static, str> {
        match self {
            Self::Pause => "pause".into(),
            Self::Cancel => "cancel".into(),
            Self::OlderThan(revision) => revision.to_string().into(),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "pause" => Some(Self::Pause),
            "cancel" => Some(Self::Cancel),
            revision => revision.parse().ok().map(Self::OlderThan),
        }
    }
}

impl Belt {
    /// Stops everything under `key`: an activation, partner, version or vendor id as text, [`domain::Scope::ALL`], or a
    /// [`revision_key`]. No mark is given under it once this has answered.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`], [`crate::Error::Closed`]: it takes effect before anything is
    /// sent, if the book has it.
    pub async fn set_stop(&self, key: &str, stop: Stop) -> Result<()> {
        self.call(|s| &s.stop, &["set", key, &stop.as_text()].as_slice(), Carried::default()).await
    }

    /// The same for many keys, 500 a call.
    ///
    /// # Errors
    /// As [`Self::set_stop`]; some may be set then.
    pub async fn set_stops(&self, stops: &[(String, Stop)]) -> Result<()> {
        for part in stops.chunks(500) {
            let kinds: Vec<_> = part.iter().map(|(_, stop)| stop.as_text()).collect();
            let mut arguments = vec!["set"];
            for ((key, _), kind) in part.iter().zip(&kinds) {
                arguments.extend([key.as_str(), kind]);
            }
            self.call::<(), _>(|s| &s.stop, &arguments, Carried::default()).await?;
        }
        Ok(())
    }

    /// Every stop there is, by its key. What reads as no stop is left out.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`], [`crate::Error::Closed`].
    pub async fn stops(&self) -> Result<BTreeMap<String, Stop>> {
        let epoch = self.learn_scripts().await?.epoch;
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys().in_epoch(epoch, "stops"));
        let found: BTreeMap<String, String> = self.ask("the stops", command).await?;
        let read = |(key, text): (String, String)| Some((key, Stop::read(&text)?));
        Ok(found.into_iter().filter_map(read).collect())
    }

    /// Lifts the stop of `key`, if there is one.
    ///
    /// # Errors
    /// As [`Self::set_stop`].
    pub async fn clear_stop(&self, key: &str) -> Result<()> {
        self.call(|s| &s.stop, &["clear", key].as_slice(), Carried::default()).await
    }

    /// Lets nothing go to these addresses any more, or nothing about a topic (see [`AddressHash::about`]). Kept for two hours: sends queued later were
    /// checked against the book.
    ///
    /// # Errors
    /// As [`Self::set_stop`].
    pub async fn suppress(&self, hashes: &[AddressHash]) -> Result<()> {
        self.each_500("suppress", hashes).await
    }

    /// Lets mail go to these again: the book suppresses them no more.
    ///
    /// # Errors
    /// As [`Self::set_stop`]; then what is queued for them within two hours may end as suppressed.
    pub async fn lift(&self, hashes: &[AddressHash]) -> Result<()> {
        self.each_500("lift", hashes).await
    }

    async fn each_500(&self, what: &str, hashes: &[AddressHash]) -> Result<()> {
        for part in hashes.chunks(500) {
            let mut arguments = vec![what];
            arguments.extend(part.iter().map(AddressHash::as_str));
            self.call::<(), _>(|s| &s.stop, &arguments, Carried::default()).await?;
        }
        Ok(())
    }
}
