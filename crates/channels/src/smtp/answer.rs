//! What a relay's answer means for the message: the one place that decides it.

use std::time::Duration;

use domain::{
    Outcome,
    outcome::{Answer, NotNowReason, PermanentReason},
    schedule::retry_after,
};

/// The parts of the dialogue, as they are named in logs and notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connect,
    Greeting,
    Mail,
    Rcpt,
    Data,
    Content,
}

impl Phase {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
        }
    }
}

/// A reply, whatever its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) enhanced: String,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn new(code: u16, text: String) -> Self {
        let enhanced = enhanced_code(code, &text).unwrap_or_default().to_owned();
        Self { code, enhanced, text }
    }

    /// The relay asks to be left alone, and closes (RFC 5321, 3.8).
    pub(crate) fn closes_service(&self) -> bool {
        self.code == 421 && !self.asks_for_less()
    }

    /// The provider takes mail from us, but less of it for now: 4.7.28 is Gmail's "unusual rate" (Google Workspace, SMTP error
    /// reference), 4.7.650 to 4.7.659 are Outlook.com's "temporarily rate limited" (Microsoft, Postmaster troubleshooting), and 421
    /// with 4.7.0 Yahoo's "temporarily deferred" (Yahoo Sender Hub, SMTP error codes). Other codes 4.7.x are as often greylisting.
    pub(crate) fn asks_for_less(&self) -> bool {
        let policy = |detail: &str| match (self.code, detail) {
            (421, _) => true,
            (400..=499, "28") => true,
            (400..=499, _) => detail.len() == 3 && detail.starts_with("65"),
            _ => false,
        };
        self.enhanced.strip_prefix("4.7.").is_some_and(policy)
    }

    /// Whether the connection may be used after this reply.
    pub(crate) fn keeps_connection(&self) -> bool {
        self.code != 421 && self.code != 521
    }

    pub(crate) fn is_done(&self) -> bool {
        self.code / 100 == 2
    }

    pub(crate) fn answer(&self, relay: &str) -> Answer {
        Answer::new(self.code, &self.enhanced, &self.text, relay)
    }
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The time limit of the phase passed.
    TimedOut(Duration),
    /// The connection is gone.
    Closed,
    /// What came is no reply.
    Garbled,
}

/// A negative reply before the dot, in `phase`.
pub(crate) fn refusal(phase: Phase, reply: &Reply, relay: &str) -> Outcome {
    if reply.asks_for_less() {
        return asked_less();
    }
    let answer = reply.answer(relay);
    match (reply.code / 100, phase) {
        (5, Phase::Rcpt) => recipient_refused(reply, answer),
        (5, _) => Outcome::Permanent { reason: PermanentReason::Rejected, answer },
        // 4xx, and codes that have no meaning here (a 250 to DATA): try again.
        _ => try_again(answer),
    }
}

/// A 5xx to RCPT: is the address bad, or is it only not wanted now or from us?
fn recipient_refused(reply: &Reply, answer: Answer) -> Outcome {
    let reason = match reply.enhanced.as_str() {
        // The sender's address is at fault, not the recipient's (RFC 3463, section 3.2).
        "5.1.7" | "5.1.8" => PermanentReason::Rejected,
        enhanced if enhanced.starts_with("5.1.") => PermanentReason::BadAddress,
        // RFC 5321, 4.5.3.1.10: "too many recipients" from a relay that says 552 for 452.
        _ if reply.code == 552 => return try_again(answer),
        // Without 5.1.x, 550 is as often policy as "no such user". Suppressing an address
        // everywhere needs to be told more.
        _ => PermanentReason::Rejected,
    };
    Outcome::Permanent { reason, answer }
}

/// The answer to the dot. Only 2xx is success: a 3xx there is an answer to something else.
pub(crate) fn verdict(reply: &Reply, relay: &str) -> Outcome {
    if reply.asks_for_less() {
        return asked_less();
    }
    let answer = reply.answer(relay);
    match reply.code / 100 {
        2 => Outcome::Done(answer),
        4 => try_again(answer),
        5 => Outcome::Permanent { reason: PermanentReason::Rejected, answer },
        _ => Outcome::Unknown(answer),
    }
}

/// No reply before the dot: the relay has nothing it could deliver.
pub(crate) fn lost_before_dot(phase: Phase, lost: Lost, relay: &str) -> Outcome {
    try_again(note(phase, lost, relay))
}

/// No reply after the dot: the relay may have taken it (RFC 5321, 6.1; RFC 1047).
pub(crate) fn lost_after_dot(lost: Lost, relay: &str) -> Outcome {
    Outcome::Unknown(note(Phase::Content, lost, relay))
}

/// The least a provider that asked for less is left alone; SMTP has no way to say how long.
const REST: Duration = Duration::from_secs(5);

fn asked_less() -> Outcome {
    Outcome::not_now(REST, NotNowReason::Throttled)
}

/// Try again after the first wait of the schedule; a caller that counts attempts knows better.
pub(crate) fn try_again(answer: Answer) -> Outcome {
    Outcome::transient(retry_after(0, 0.5), answer)
}

fn note(phase: Phase, lost: Lost, relay: &str) -> Answer {
    let phase = phase.as_str();
    let text = match lost {
        Lost::TimedOut(limit) => format!("no answer within {limit:?} ({phase})"),
        Lost::Closed => format!("connection lost ({phase})"),
        Lost::Garbled => format!("answer not understood ({phase})"),
    };
    Answer { relay: relay.to_owned(), ..Answer::note(&text) }
}

/// The enhanced status code a text begins with, if its class is that of the reply (RFC 2034).
fn enhanced_code(code: u16, text: &str) -> Option<&str> {
    let word = text.split([' ', '\t']).next()?;
    let mut parts = word.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let fits = parts.next().is_none()
        && class.parse() == Ok(code / 100)
        && class.len() == 1
        && number(subject)
        && number(detail);
    fits.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_rcpt(code: u16, text: &str) -> String {
        match refusal(Phase::Rcpt, &Reply::new(code, text.to_owned()), "main") {
            Outcome::Permanent { reason, .. } => reason.as_str().to_owned(),
            other => other.label().to_owned(),
        }
    }

    #[test]
    fn only_a_bad_address_is_a_bad_address() {
        for (code, text, want) in [
            (550, "5.1.1 no such user", "bad_address"),
            (550, "5.1.10 null MX", "bad_address"),
            (551, "5.1.6 moved", "bad_address"),
            (553, "5.1.3 syntax", "bad_address"),
            (552, "5.1.1 no such user", "bad_address"),
            (550, "no such user", "rejected"),
            (550, "5.7.1 policy 5.1.1", "rejected"),
            (550, "5.1.8 sender domain has no MX", "rejected"),
            (550, "5.1.7 sender address", "rejected"),
            (550, "4.1.1 class does not fit", "rejected"),
            (550, "5.1.1.1 no code", "rejected"),
            (550, "5.1", "rejected"),
            (554, "5.2.1 disabled", "rejected"),
            (552, "too many recipients", "transient"),
            (552, "5.5.3 too many recipients", "transient"),
            (450, "4.2.1 greylisted", "transient"),
            (354, "what", "transient"),
        ] {
            assert_eq!(refused_rcpt(code, text), want, "{code} {text}");
        }
    }

    #[test]
    fn throttling_is_told_from_greylisting_and_from_a_relay_that_closes() {
        for (code, text, want) in [
            (421, "4.7.28 unusual rate of mail", "throttled"),
            (450, "4.7.28 unusual rate of mail", "throttled"),
            (451, "4.7.650 rate limited", "throttled"),
            (421, "4.7.0 [TSS04] temporarily deferred", "throttled"),
            (451, "4.7.1 greylisted", "transient"),
            (451, "4.7.0 try again", "transient"),
            (550, "5.7.28 refused", "permanent"),
            (550, "4.7.28 class does not fit", "permanent"),
        ] {
            let reply = Reply::new(code, text.to_owned());
            for outcome in [refusal(Phase::Rcpt, &reply, "main"), verdict(&reply, "main")] {
                let found = match &outcome {
                    Outcome::NotNow { reason, .. } => reason.as_str(),
                    other => other.label(),
                };
                assert_eq!(found, want, "{code} {text}");
            }
            assert!(!reply.closes_service());
        }
        assert!(Reply::new(421, "4.3.2 closing".to_owned()).closes_service());
    }

    #[test]
    fn only_2xx_after_the_dot_is_done() {
        for (code, want) in [
            (250, "done"),
            (252, "done"),
            (354, "unknown"),
            (334, "unknown"),
            (451, "transient"),
            (554, "permanent"),
        ] {
            let reply = Reply::new(code, String::new());
            assert_eq!(verdict(&reply, "main").label(), want, "{code}");
        }
    }
}
