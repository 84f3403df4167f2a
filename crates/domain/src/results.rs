//! What came back of messages, as counts that add up over hours.
//!
//! A message is counted once for what happened to it, in the hour in which it first did; events are counted
//! each in its own hour. So the messages of a series add up to all messages, whatever it is cut into.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    engagement::Class, event::EventKind, ids::ParseIdError, send::text_enum, time::UtcMillis,
};

/// How long an hour is, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

text_enum! {
    /// What is counted.
    ResultKind ("a result: accepted, delivered, bounced, unsubscribed, opened or clicked") {
        /// The relay took it.
        Accepted = "accepted",
        /// The relay took it, and nothing was heard later of its having bounced.
        Delivered = "delivered",
        /// It was refused for good.
        Bounced = "bounced",
        /// Its recipient asked for no more.
        Unsubscribed = "unsubscribed",
        /// Its image was asked for.
        Opened = "opened",
        /// One of its links was followed.
        Clicked = "clicked",
    }
}

impl ResultKind {
    /// What an event is counted as; `None` for what is not counted.
    pub const fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::Accepted => Some(Self::Accepted),
            EventKind::Bounced => Some(Self::Bounced),
            EventKind::Unsubscribed => Some(Self::Unsubscribed),
            EventKind::Opened => Some(Self::Opened),
            EventKind::Clicked => Some(Self::Clicked),
            EventKind::Deferred | EventKind::Returned | EventKind::Failed | EventKind::Unknown => {
                None
            }
        }
    }

    /// Whether people and machines do it, each for themselves.
    pub const fn is_by_who(self) -> bool {
        matches!(self, Self::Opened | Self::Clicked)
    }
}

text_enum! {
    /// Whose doing something was.
    Who ("mail, human or machine") {
        /// Nobody's: it happened to the mail.
        Mail = "mail",
        /// A person's, as far as can be told.
        Human = "human",
        /// A program's: it looks for harm, or loads ahead of people.
        Machine = "machine",
    }
}

impl From<Class> for Who {
    fn from(class: Class) -> Self {
        if class.is_human() { Self::Human } else { Self::Machine }
    }
}

/// Something that happened to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub kind: ResultKind,
    /// Whose doing it was.
    pub who: Who,
    /// When, in campaign time.
    pub at: UtcMillis,
}

/// Where something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// When its hour begins, in campaign time.
    pub hour: UtcMillis,
    /// What.
    pub kind: ResultKind,
    /// Whose doing it was.
    pub who: Who,
}

/// How often, and of how many messages for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// How often it happened.
    pub events: i64,
    /// To how many messages it happened for the first time.
    pub messages: i64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.messages += other.messages;
    }
}

impl std::ops::SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.events -= other.events;
        self.messages -= other.messages;
    }
}

/// The beginning of the hour of `at`.
pub const fn hour_of(at: UtcMillis) -> UtcMillis {
    UtcMillis::new(at.get() - at.get().rem_euclid(HOUR_MS))
}

/// What one message adds to the counts, given everything that happened to it, in any order.
pub fn counted(happened: &[Happened]) -> BTreeMap<Place, Tally> {
    let mut counted: BTreeMap<Place, Tally> = BTreeMap::new();
    let mut first: BTreeMap<(ResultKind, Who), UtcMillis> = BTreeMap::new();
    for Happened { kind, who, at } in happened {
        let place = Place { hour: hour_of(*at), kind: *kind, who: *who };
        counted.entry(place).or_default().events += 1;
        let first = first.entry((*kind, *who)).or_insert(*at);
        *first = (*first).min(*at);
    }
    for ((kind, who), at) in first {
        let place = Place { hour: hour_of(at), kind, who };
        counted.entry(place).or_default().messages += 1;
    }
    if let Some(at) = delivered_at(happened) {
        let place = Place { hour: hour_of(at), kind: ResultKind::Delivered, who: Who::Mail };
        counted.insert(place, Tally { events: 1, messages: 1 });
    }
    counted
}

/// When a message was delivered: first accepted, and not bounced after it was last accepted. A relay takes
/// what a mailbox refuses later; a refusal that came before an acceptance was of another attempt.
fn delivered_at(happened: &[Happened]) -> Option<UtcMillis> {
    let times =
        |kind| happened.iter().filter(move |one| one.kind == kind).map(|Happened { at, .. }| *at);
    let last_accepted = times(ResultKind::Accepted).max()?;
    let bounced = times(ResultKind::Bounced).any(|at| at > last_accepted);
    if bounced { None } else { times(ResultKind::Accepted).min() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(kind: ResultKind, who: Who, minute: i64) -> Happened {
        Happened { kind, who, at: UtcMillis::new(minute * 60_000) }
    }

    fn shown(happened: &[Happened]) -> Vec<String> {
        counted(happened)
            .iter()
            .map(|(place, tally)| {
                let hour = place.hour.get() / HOUR_MS;
                format!("{hour} {} {} {}/{}", place.kind, place.who, tally.events, tally.messages)
            })
            .collect()
    }

    #[test]
    fn a_message_counts_once_in_the_hour_it_first_happened() {
        use ResultKind::Opened;
        let opens = [
            one(Opened, Who::Human, 130),
            one(Opened, Who::Human, 70),
            one(Opened, Who::Human, 119),
            one(Opened, Who::Machine, 5),
        ];
        assert_eq!(
            shown(&opens),
            ["0 opened machine 1/1", "1 opened human 2/1", "2 opened human 1/0"]
        );
    }

    #[test]
    fn what_bounces_later_was_not_delivered() {
        use ResultKind::{Accepted, Bounced};
        let mail = |kind, minute| one(kind, Who::Mail, minute);
        assert_eq!(shown(&[mail(Accepted, 1)]), ["0 accepted mail 1/1", "0 delivered mail 1/1"]);
        assert_eq!(
            shown(&[mail(Bounced, 61), mail(Accepted, 1)]),
            ["0 accepted mail 1/1", "1 bounced mail 1/1"]
        );
        let refused_then_taken = [mail(Bounced, 1), mail(Accepted, 61), mail(Accepted, 62)];
        assert_eq!(
            shown(&refused_then_taken),
            ["0 bounced mail 1/1", "1 accepted mail 2/1", "1 delivered mail 1/1"]
        );
    }

    #[test]
    fn hours_before_1970_are_hours_too() {
        assert_eq!(hour_of(UtcMillis::new(-1)).get(), -HOUR_MS);
        assert_eq!(hour_of(UtcMillis::new(HOUR_MS - 1)).get(), 0);
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_messages_are_counted_once(
            happened in prop::collection::vec((0usize..6, 0usize..3, 0i64..400), 0..20),
            turn in 0usize..20,
        ) {
            let mut happened: Vec<Happened> = happened
                .into_iter()
                .filter(|(kind, ..)| ResultKind::ALL[*kind] != ResultKind::Delivered)
                .map(|(kind, who, at)| one(ResultKind::ALL[kind], Who::ALL[who], at))
                .collect();
            let before = counted(&happened);
            let turn = turn % happened.len().max(1);
            happened.rotate_left(turn);
            prop_assert_eq!(&before, &counted(&happened));
            for kind in ResultKind::ALL {
                for who in Who::ALL {
                    let of = |(place, _): &(&Place, &Tally)| place.kind == *kind && place.who == *who;
                    let messages: i64 = before.iter().filter(of).map(|(_, tally)| tally.messages).sum();
                    prop_assert!(messages == i64::from(before.iter().any(|row| of(&row))));
                }
            }
        }
    }
}
