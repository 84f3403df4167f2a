//! Opens and clicks on their way to the book.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    event::EventKind,
    ids::{ParseIdError, SendId},
    link_targets::TargetsId,
    send::text_enum,
};

text_enum! {
    /// How somebody asked.
    Method ("a method: get or head") {
        /// For the content.
        Get = "get",
        /// For the headers alone, which no program that shows mail to a person does.
        Head = "head",
    }
}

/// The most characters of a user agent that are kept.
const MOST_AGENT: usize = 300;

/// What travels from the portal over the belt's `tracks` stream into the book.
///
/// `(send, kind, id)` names it: a repeat is one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackRecord {
    /// Format version of this record; see [`crate::job::VERSION`].
    pub v: u32,
    /// A number that no other request of the same send has; from 0 up.
    pub id: i64,
    /// The message.
    pub send: SendId,
    /// What was asked for: the image, or a link.
    #[serde(flatten)]
    pub what: Tracked,
    /// How long before it was put on the stream it happened, in milliseconds; the stream knows when that was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub age_ms: u64,
    /// Who asked, as far as a request says.
    #[serde(flatten)]
    pub visitor: Visitor,
}

fn is_zero(millis: &u64) -> bool {
    *millis == 0
}

/// What somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Tracked {
    /// The image of the message.
    Opened,
    /// One of its links.
    Clicked {
        /// Its number; [`crate::link_targets::HONEYPOT`] is one that no person sees.
        link: u16,
        /// The list in which the number says where the link leads.
        targets: TargetsId,
    },
}

impl Tracked {
    /// The event that it is.
    pub const fn event_kind(self) -> EventKind {
        match self {
            Self::Opened => EventKind::Opened,
            Self::Clicked { .. } => EventKind::Clicked,
        }
    }

    /// The number of the link, if it is one.
    pub const fn link(self) -> Option<u16> {
        match self {
            Self::Opened => None,
            Self::Clicked { link, .. } => Some(link),
        }
    }
}

/// What the book keeps of an open or a click beside its send and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackDetail {
    /// What was asked for.
    #[serde(flatten)]
    pub what: Tracked,
    /// Who asked.
    #[serde(flatten)]
    pub visitor: Visitor,
}

/// Who asked, as far as a request says: nothing that names a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// How it asked.
    pub method: Method,
    /// What it calls itself: cut and cleaned, otherwise as it came. Empty if it said nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Where it asked from: a network such as `203.0.113.0/24`, or a whole address where the configuration
    /// says so. Empty if it is not kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// It said that it loads ahead of somebody who may or may not look.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ahead: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Visitor {
    /// A visitor by what it says of itself; its user agent is cut and cleaned.
    pub fn new(method: Method, agent: &str, network: String, ahead: bool) -> Self {
        Self { method, agent: clean_agent(agent), network, ahead }
    }
}

/// A stranger's text: at most 300 characters, nothing that moves a cursor or turns the reading direction.
fn clean_agent(agent: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let cleaned: String =
        agent.trim().chars().take(MOST_AGENT).map(|c| if unseen(c) { ' ' } else { c }).collect();
    cleaned.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job;

    #[test]
    fn the_wire_form_is_small_and_reads_back() {
        let record = TrackRecord {
            v: job::VERSION,
            id: 5,
            send: SendId::new(7),
            what: Tracked::Clicked { link: 2, targets: TargetsId::from_bytes([1; 16]) },
            age_ms: 0,
            visitor: Visitor::new(Method::Get, "Mozilla/5.0", "203.0.113.0/24".to_owned(), false),
        };
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(
            json,
            r#"{"v":1,"id":5,"send":"snd_0000000000007","kind":"clicked","link":2,"targets":"01010101010101010101010101010101","method":"get","agent":"Mozilla/5.0","network":"203.0.113.0/24"}"#
        );
        assert_eq!(serde_json::from_str::<TrackRecord>(&json).unwrap(), record);
        let opened = r#"{"v":1,"id":0,"send":"snd_0000000000007","kind":"opened","method":"head"}"#;
        let record: TrackRecord = serde_json::from_str(opened).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), opened);
        assert_eq!(record.what.event_kind(), EventKind::Opened);
    }

    #[test]
    fn a_stranger_s_user_agent_is_cut_and_cleaned() {
        let hostile = format!(" \u{202e}Mozilla\r\n\u{1b}[2J{} ", "x".repeat(900));
        let visitor = Visitor::new(Method::Get, &hostile, String::new(), false);
        assert!(visitor.agent.starts_with("Mozilla"), "{}", visitor.agent);
        assert!(!visitor.agent.contains(|c: char| c.is_control() || c == '\u{202e}'));
        assert!(visitor.agent.chars().count() <= MOST_AGENT);
    }
}
