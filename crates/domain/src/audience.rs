//! The audience decision: who gets a step, and the one reason why somebody does not.

use crate::{send::SkipReason, time::UtcMillis};

/// What the decision needs to know about one person and one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The package version was recalled or retired.
    pub recalled: bool,
    /// When the step is due for this person.
    pub due_at: UtcMillis,
    /// The package's validity window, `[from, until)`; `None` is open.
    pub valid_from: Option<UtcMillis>,
    /// See `valid_from`.
    pub valid_until: Option<UtcMillis>,
    /// The person asked to be erased.
    pub erased: bool,
    /// The address is one that mail can be sent to.
    pub address_is_good: bool,
    /// Where the person is suppressed.
    pub suppressed: Suppressed,
    /// There is a basis on which to mail this contact.
    pub has_consent: bool,
    /// The step's time was over when the activation was launched: an invitation two weeks before an
    /// event that is in three days.
    pub missed_its_event_time: bool,
    /// The step was due before the activation had it.
    pub late: bool,
}

/// At which scopes a person is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Suppressed {
    /// For the whole installation.
    pub everywhere: bool,
    /// For this vendor.
    pub vendor: bool,
    /// For this company.
    pub company: bool,
    /// For the package's topic, in this partner's mail.
    pub topic: bool,
}

/// The decision for one person and one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It goes out when due.
    Send,
    /// It does not, for exactly this reason.
    Skip(SkipReason),
}

/// Decides. The reasons are tried in the order of [`SkipReason::ALL`]; the first that applies is the one.
pub fn decide(candidate: &Candidate) -> Decision {
    let too_early = candidate.valid_from.is_some_and(|from| candidate.due_at < from);
    let too_late = candidate.valid_until.is_some_and(|until| candidate.due_at >= until);
    let checks = [
        (candidate.recalled, SkipReason::Recalled),
        (too_early || too_late, SkipReason::OutsideValidity),
        (candidate.erased, SkipReason::Erased),
        (!candidate.address_is_good, SkipReason::BadAddress),
        (candidate.suppressed.everywhere, SkipReason::SuppressedEverywhere),
        (candidate.suppressed.vendor, SkipReason::SuppressedVendor),
        (candidate.suppressed.company, SkipReason::SuppressedCompany),
        (candidate.suppressed.topic, SkipReason::SuppressedTopic),
        (!candidate.has_consent, SkipReason::NoConsent),
        (candidate.missed_its_event_time, SkipReason::OutsideEventWindow),
        (candidate.late, SkipReason::Late),
    ];
    checks
        .into_iter()
        .find_map(|(applies, reason)| applies.then_some(Decision::Skip(reason)))
        .unwrap_or(Decision::Send)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(bits: u16, due: i64, from: Option<i64>, until: Option<i64>) -> Candidate {
        let bit = |n: u16| bits & (1 << n) != 0;
        Candidate {
            recalled: bit(0),
            due_at: UtcMillis::new(due),
            valid_from: from.map(UtcMillis::new),
            valid_until: until.map(UtcMillis::new),
            erased: bit(1),
            address_is_good: !bit(2),
            suppressed: Suppressed {
                everywhere: bit(3),
                vendor: bit(4),
                company: bit(5),
                topic: bit(9),
            },
            has_consent: !bit(6),
            missed_its_event_time: bit(7),
            late: bit(8),
        }
    }

    #[test]
    fn the_window_is_closed_below_and_open_above() {
        let at = |due| decide(&candidate(0, due, Some(10), Some(20)));
        assert_eq!(at(9), Decision::Skip(SkipReason::OutsideValidity));
        assert_eq!(at(10), Decision::Send);
        assert_eq!(at(19), Decision::Send);
        assert_eq!(at(20), Decision::Skip(SkipReason::OutsideValidity));
    }

    proptest! {
        /// Taking away the reason that was given never gives one that stands before it.
        #[test]
        fn the_first_reason_that_applies_is_the_one(bits in 0u16..1024, due in 0i64..30) {
            let with = candidate(bits, due, Some(10), Some(20));
            let Decision::Skip(reason) = decide(&with) else {
                prop_assert_eq!(bits, 0);
                return Ok(());
            };
            let mut without = with;
            match reason {
                SkipReason::Recalled => without.recalled = false,
                SkipReason::OutsideValidity => { without.valid_from = None; without.valid_until = None; }
                SkipReason::Erased => without.erased = false,
                SkipReason::BadAddress => without.address_is_good = true,
                SkipReason::SuppressedEverywhere => without.suppressed.everywhere = false,
                SkipReason::SuppressedVendor => without.suppressed.vendor = false,
                SkipReason::SuppressedCompany => without.suppressed.company = false,
                SkipReason::SuppressedTopic => without.suppressed.topic = false,
                SkipReason::NoConsent => without.has_consent = true,
                SkipReason::OutsideEventWindow => without.missed_its_event_time = false,
                SkipReason::Late => without.late = false,
            }
            match decide(&without) {
                Decision::Send => {}
                Decision::Skip(next) => prop_assert!(next > reason, "{next} after {reason}"),
            }
        }
    }
}
