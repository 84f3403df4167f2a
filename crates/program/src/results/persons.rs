//! Who answered. A person is the company's to know: its own contacts, and nobody else's.

use std::{fmt, str::FromStr};

use domain::{ActivationId, SendId, StepKey, UtcMillis, ids::ParseIdError, results::ResultKind};
use serde::{Deserialize, Serialize};
use store::{PersonsAfter, ResultPerson};

use super::table::persons_csv;
use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
    program::Program,
};

/// The most persons a page holds.
const MOST: u32 = 1_000;

/// What persons are asked for by, in the order in which they are shown.
const KINDS: [ResultKind; 4] =
    [ResultKind::Clicked, ResultKind::Opened, ResultKind::Unsubscribed, ResultKind::Bounced];

/// Which persons are asked for.
#[derive(Debug, Clone, Default)]
pub struct PersonsOf {
    /// Of this step; `None` for all.
    pub step: Option<StepKey>,
    /// To whose message this happened: opened, clicked, unsubscribed or bounced; `None` for any of these, one
    /// after the other.
    pub kind: Option<ResultKind>,
    /// Behind this place.
    pub after: Option<PersonsCursor>,
}

/// A place among persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonsCursor {
    kind: ResultKind,
    send: SendId,
}

impl fmt::Display for PersonsCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.send)
    }
}

impl FromStr for PersonsCursor {
    type Err = ParseIdError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let parse = || {
            let (kind, send) = text.split_once('.')?;
            Some(Self { kind: kind.parse().ok()?, send: send.parse().ok()? })
        };
        parse().ok_or_else(|| ParseIdError {
            expected: "a place such as opened.snd_0000000000abc",
            got: text.to_owned(),
        })
    }
}

impl TryFrom<String> for PersonsCursor {
    type Error = ParseIdError;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PersonsCursor> for String {
    fn from(cursor: PersonsCursor) -> Self {
        cursor.to_string()
    }
}

/// A person to whose message something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonLine {
    /// What happened. Opens and clicks are people's; what machines did is nobody's answer.
    pub kind: ResultKind,
    /// The step.
    pub step: StepKey,
    /// The address, as it was given.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// When it first happened, in campaign time.
    pub first_at: UtcMillis,
    /// When it last happened.
    pub last_at: UtcMillis,
    /// How often.
    pub events: u64,
    /// The message.
    pub send: SendId,
}

impl From<ResultPerson> for PersonLine {
    fn from(person: ResultPerson) -> Self {
        Self {
            kind: person.kind,
            step: person.step,
            email: person.address,
            first_name: person.first_name,
            last_name: person.last_name,
            first_at: person.first_at,
            last_at: person.last_at,
            events: u64::try_from(person.events).unwrap_or(0),
            send: person.send,
        }
    }
}

/// A page of persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonPage {
    /// By kind, and within a kind in the order of their messages.
    pub persons: Vec<PersonLine>,
    /// Give this as `after` to read on; `None` at the end.
    pub next: Option<PersonsCursor>,
}

impl PersonPage {
    /// As CSV; only the first page has a head.
    ///
    /// # Errors
    /// Never in practice: the rows are written into memory.
    pub fn to_csv(&self, with_head: bool) -> Result<Vec<u8>> {
        persons_csv(&self.persons, with_head)
    }
}

impl Program {
    /// Who opened, clicked, unsubscribed or could not be reached: at most `limit` (1 to 1,000), a page. Only
    /// for who may act for the company whose contacts they are: to its vendor the page does not exist.
    ///
    /// # Errors
    /// No such activation for this actor, a kind that persons are not asked for by, or the book fails.
    pub async fn result_persons(
        &self,
        actor: &Actor,
        activation: ActivationId,
        of: &PersonsOf,
        limit: u32,
    ) -> Result<PersonPage> {
        let row = self.require_activation(actor, activation).await?;
        if !actor.owns(&row.company_id) {
            return Err(Error::not_found("activation", activation));
        }
        if let Some(kind) = of.kind.filter(|kind| !KINDS.contains(kind)) {
            let names = KINDS.map(ResultKind::as_str).join(", ");
            let problem = Problem::new("kind", kind.as_str(), &format!("one of: {names}"));
            return Err(Error::BadInput { problems: vec![problem] });
        }
        let limit = limit.clamp(1, MOST) as usize;
        let mut page = PersonPage { persons: Vec::new(), next: None };
        let from = of.after.map_or(0, |after| {
            KINDS.iter().position(|kind| *kind == after.kind).unwrap_or(KINDS.len())
        });
        for kind in KINDS.into_iter().skip(from) {
            if of.kind.is_some_and(|asked| asked != kind) {
                continue;
            }
            let after = of.after.filter(|after| after.kind == kind);
            let mut after = after.map_or(SendId::new(0), |after| after.send);
            loop {
                let room = limit - page.persons.len();
                if room == 0 {
                    page.next = Some(PersonsCursor { kind, send: after });
                    return Ok(page);
                }
                let asked = PersonsAfter {
                    activation,
                    kind,
                    step: of.step.as_ref(),
                    after,
                    limit: i64::try_from(room).unwrap_or(i64::MAX),
                };
                let read = self.store().result_persons(&asked).await;
                let (persons, last) = read.map_err(Error::book("read who answered"))?;
                page.persons.extend(persons.into_iter().map(PersonLine::from));
                match last {
                    Some(last) => after = last,
                    None => break,
                }
            }
        }
        Ok(page)
    }
}
