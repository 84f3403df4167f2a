//! Outcomes merge by rank, so their order and repetition don't matter.
//!
//! Rank: accepted > permanent > unknown; ends that are none (deferred, not now) by the higher claim
//! number. A second acceptance is counted as a duplicate and shown.

use std::time::Duration;

use crate::{
    claim::ClaimNumber,
    outcome::{NotNowReason, OnUnknown, Outcome, OutcomeRecord, PermanentReason},
    send::{SendState, SkipReason},
    time::UtcMillis,
};

/// What the book holds of a send, as far as merging needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendStatus {
    /// Where it stands.
    pub state: SendState,
    /// Why, for states that have a reason; empty otherwise.
    pub reason: String,
    /// When it is due; meaningful while it is due or queued.
    pub due_at: UtcMillis,
    /// The highest claim number that has been merged in.
    pub claim: Option<ClaimNumber>,
    /// The claim number of the acceptance, once there is one.
    pub accepted_claim: Option<ClaimNumber>,
    /// Attempts charged so far.
    pub attempts: u32,
    /// Acceptances beyond the first.
    pub duplicates: u32,
    /// When it was first fed to the belt.
    pub first_fed_at: Option<UtcMillis>,
    /// The time a change of its activation gave it: it goes no sooner, whatever comes back late.
    pub not_before: Option<UtcMillis>,
}

/// When to stop trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiveUp {
    /// How long after it was first fed a send is given up. RFC 5321 section 4.5.4.1 asks for 4 to 5 days.
    pub after: Duration,
}

/// How soon a send that met a pause on the belt may go again. Not at once: where the belt still has a pause that the book has
/// not, it would go round in between.
const AFTER_A_PAUSE: Duration = Duration::from_secs(1);

/// Merges one outcome into a send. `now` is campaign time at which the outcome happened.
///
/// Pure. Records are told apart by (send, claim) before they come here (the event row is the witness),
/// so each is merged once; any order of
/// records gives the same end state (only the due time of a send that is still open, which the
/// higher claim number decides, depends on which records have come so far).
pub fn merge(
    status: &SendStatus,
    record: &OutcomeRecord,
    now: UtcMillis,
    give_up: GiveUp,
) -> SendStatus {
    let mut next = status.clone();
    let is_news = status.claim.is_none_or(|claim| record.claim > claim);
    next.claim = status.claim.max(Some(record.claim));
    match &record.outcome {
        Outcome::Done(_) => match status.accepted_claim {
            None => {
                next.state = SendState::Sent;
                next.reason = String::new();
                next.accepted_claim = Some(record.claim);
            }
            Some(first) if first == record.claim => {}
            Some(first) => {
                // Kept as the lowest claim number, so that repeats in any order count the same.
                next.accepted_claim = Some(first.min(record.claim));
                next.duplicates += 1;
            }
        },
        Outcome::Permanent { reason, .. } if beats(status, SendState::Failed) => {
            let (state, reason) = end_of(*reason);
            next.state = state;
            next.reason = reason;
        }
        Outcome::Unknown(_)
            if record.on_unknown == OnUnknown::Hold && beats(status, SendState::Held) =>
        {
            next.state = SendState::Held;
            next.reason = "unknown".to_owned();
        }
        Outcome::Unknown(_) if is_news && !status.state.is_final() => {
            reschedule(&mut next, now, now, give_up, true);
        }
        Outcome::Transient { after_ms, .. } if is_news && !status.state.is_final() => {
            let until = now.plus(Duration::from_millis(*after_ms));
            reschedule(&mut next, until, now, give_up, true);
        }
        Outcome::NotNow { after_ms, reason } if is_news && !status.state.is_final() => {
            // While something is paused the book keeps it back; after that nothing has to wait.
            let at_most = match reason {
                NotNowReason::Paused => AFTER_A_PAUSE,
                _ => Duration::MAX,
            };
            let until = now.plus(Duration::from_millis(*after_ms).min(at_most));
            // A pause is not the message's age: a campaign may rest for a month and go on.
            let may_give_up = matches!(
                reason,
                NotNowReason::RelayDown | NotNowReason::RelayLeftAlone | NotNowReason::Throttled
            );
            if may_give_up {
                reschedule(&mut next, until, now, give_up, false);
            } else {
                wait_until(&mut next, until);
            }
        }
        _ => {}
    }
    next
}

/// Whether an end of rank `end` replaces where the send stands.
fn beats(status: &SendStatus, end: SendState) -> bool {
    let rank = |state: SendState| match state {
        SendState::Sent => 3,
        // What was decided inside (skipped, cancelled) ranks with what the relay refused: the first
        // of them stands.
        SendState::Failed | SendState::Skipped | SendState::Cancelled => 2,
        SendState::Held => 1,
        SendState::Due | SendState::Queued => 0,
    };
    rank(end) > rank(status.state)
}

/// The state and reason a permanent end leaves a send in.
fn end_of(reason: PermanentReason) -> (SendState, String) {
    match reason {
        PermanentReason::Suppressed => {
            (SendState::Skipped, SkipReason::SuppressedCompany.as_str().to_owned())
        }
        PermanentReason::Expired => {
            (SendState::Skipped, SkipReason::OutsideValidity.as_str().to_owned())
        }
        PermanentReason::Stopped => (SendState::Cancelled, reason.as_str().to_owned()),
        PermanentReason::SetAside => (SendState::Held, reason.as_str().to_owned()),
        _ => (SendState::Failed, reason.as_str().to_owned()),
    }
}

fn reschedule(
    next: &mut SendStatus,
    until: UtcMillis,
    now: UtcMillis,
    give_up: GiveUp,
    charge: bool,
) {
    if charge {
        next.attempts += 1;
    }
    let too_old = next.first_fed_at.is_some_and(|first| now.since(first) >= give_up.after);
    if too_old {
        next.state = SendState::Failed;
        next.reason = PermanentReason::GaveUp.as_str().to_owned();
    } else {
        wait_until(next, until);
    }
}

fn wait_until(next: &mut SendStatus, until: UtcMillis) {
    next.state = SendState::Due;
    next.due_at = next.not_before.map_or(until, |not_before| until.max(not_before));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{ActivationId, SendId},
        outcome::Answer,
    };
    use proptest::prelude::*;

    const GIVE_UP: GiveUp = GiveUp { after: Duration::from_secs(4 * 86_400) };

    fn queued() -> SendStatus {
        SendStatus {
            state: SendState::Queued,
            reason: String::new(),
            due_at: UtcMillis::new(1_000),
            claim: None,
            accepted_claim: None,
            attempts: 0,
            duplicates: 0,
            first_fed_at: Some(UtcMillis::new(1_000)),
            not_before: None,
        }
    }

    fn record(counter: u64, on_unknown: OnUnknown, outcome: Outcome) -> OutcomeRecord {
        OutcomeRecord {
            v: 1,
            send: SendId::new(1),
            activation: ActivationId::new(1),
            partner: "par_01j00000000000000000000000".parse().unwrap(),
            claim: ClaimNumber::new(1, counter),
            on_unknown,
            outcome,
        }
    }

    fn done() -> Outcome {
        Outcome::Done(Answer::new(250, "", "ok", "main"))
    }

    fn at(status: &SendStatus, records: &[OutcomeRecord]) -> SendStatus {
        records.iter().fold(status.clone(), |status, record| {
            merge(&status, record, UtcMillis::new(5_000), GIVE_UP)
        })
    }

    #[test]
    fn a_send_that_was_moved_keeps_its_new_time() {
        let later = UtcMillis::new(900_000);
        let moved = SendStatus { due_at: later, not_before: Some(later), ..queued() };
        let back = Outcome::not_now(Duration::ZERO, NotNowReason::Revised);
        for outcome in [back, Outcome::transient(Duration::from_secs(60), Answer::default())] {
            let after = at(&moved, &[record(1, OnUnknown::Retry, outcome)]);
            assert_eq!((after.state, after.due_at), (SendState::Due, later));
        }
    }

    #[test]
    fn accepted_beats_permanent_beats_unknown() {
        let refused = Outcome::permanent(PermanentReason::Rejected);
        let unknown = Outcome::Unknown(Answer::default());
        let ends = [
            record(1, OnUnknown::Hold, unknown),
            record(2, OnUnknown::Hold, refused),
            record(3, OnUnknown::Hold, done()),
        ];
        assert_eq!(at(&queued(), &ends[..1]).state, SendState::Held);
        assert_eq!(at(&queued(), &ends[..2]).state, SendState::Failed);
        assert_eq!(at(&queued(), &ends).state, SendState::Sent);
        let reversed: Vec<_> = ends.iter().rev().cloned().collect();
        assert_eq!(at(&queued(), &reversed).state, SendState::Sent);
    }

    #[test]
    fn a_second_acceptance_is_a_duplicate_and_a_repeat_is_not() {
        let status = at(
            &queued(),
            &[
                record(1, OnUnknown::Retry, done()),
                record(1, OnUnknown::Retry, done()),
                record(4, OnUnknown::Retry, done()),
            ],
        );
        assert_eq!((status.state, status.duplicates), (SendState::Sent, 1));
    }

    #[test]
    fn a_late_deferral_does_not_move_what_a_later_claim_decided() {
        let later = record(
            7,
            OnUnknown::Retry,
            Outcome::transient(Duration::from_secs(60), Answer::default()),
        );
        let earlier = record(
            5,
            OnUnknown::Retry,
            Outcome::transient(Duration::from_secs(1), Answer::default()),
        );
        let status = at(&queued(), &[later, earlier]);
        assert_eq!(status.due_at, UtcMillis::new(65_000));
        assert_eq!(status.attempts, 1);
    }

    #[test]
    fn not_now_costs_no_attempt_and_unknown_under_retry_costs_one() {
        let not_now = record(
            1,
            OnUnknown::Retry,
            Outcome::not_now(Duration::from_secs(60), NotNowReason::Limit),
        );
        assert_eq!(at(&queued(), &[not_now]).attempts, 0);
        let unknown = record(1, OnUnknown::Retry, Outcome::Unknown(Answer::default()));
        let status = at(&queued(), &[unknown]);
        assert_eq!((status.state, status.attempts), (SendState::Due, 1));
    }

    #[test]
    fn what_met_a_pause_goes_soon_after_it_and_a_limit_s_wait_is_kept() {
        for (reason, wait_ms) in [(NotNowReason::Paused, 1_000), (NotNowReason::Limit, 60_000)] {
            let back = Outcome::not_now(Duration::from_secs(60), reason);
            let status = at(&queued(), &[record(1, OnUnknown::Retry, back)]);
            assert_eq!(status.due_at, UtcMillis::new(5_000 + wait_ms), "{reason:?}");
        }
    }

    #[test]
    fn a_send_is_given_up_after_its_time() {
        let deferred = record(
            1,
            OnUnknown::Retry,
            Outcome::transient(Duration::from_secs(60), Answer::default()),
        );
        let late = UtcMillis::new(1_000).plus(GIVE_UP.after);
        let status = merge(&queued(), &deferred, late, GIVE_UP);
        assert_eq!((status.state, status.reason.as_str()), (SendState::Failed, "gave_up"));
    }

    #[test]
    fn an_end_at_the_gate_is_no_failure() {
        let end = |reason| {
            let status = at(&queued(), &[record(1, OnUnknown::Retry, Outcome::permanent(reason))]);
            (status.state, status.reason)
        };
        assert_eq!(
            end(PermanentReason::Suppressed),
            (SendState::Skipped, "suppressed_company".to_owned())
        );
        assert_eq!(end(PermanentReason::Stopped), (SendState::Cancelled, "stopped".to_owned()));
        assert_eq!(end(PermanentReason::SetAside), (SendState::Held, "set_aside".to_owned()));
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(done()),
            Just(Outcome::permanent(PermanentReason::Rejected)),
            Just(Outcome::Unknown(Answer::default())),
            Just(Outcome::transient(Duration::from_secs(60), Answer::default())),
            Just(Outcome::not_now(Duration::from_secs(60), NotNowReason::Limit)),
        ]
    }

    proptest! {
        /// The law: each claim ends once; any order and any repetition gives the same end.
        #[test]
        fn order_and_repetition_do_not_matter(
            outcomes in prop::collection::vec(any_outcome(), 1..6),
            hold in any::<bool>(),
            order in any::<prop::sample::Index>(),
            repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let policy = if hold { OnUnknown::Hold } else { OnUnknown::Retry };
            let records: Vec<_> = outcomes
                .into_iter()
                .enumerate()
                .map(|(n, outcome)| record(n as u64 + 1, policy, outcome))
                .collect();
            let straight = at(&queued(), &records);
            let mut mixed = records.clone();
            mixed.rotate_left(order.index(records.len()));
            for repeat in repeats {
                let again = records[repeat.index(records.len())].clone();
                let place = repeat.index(mixed.len() + 1);
                mixed.insert(place, again);
            }
            let mixed = at(&queued(), &mixed);
            if straight.state.is_final() {
                prop_assert_eq!(mixed.state, straight.state);
                prop_assert_eq!(&mixed.reason, &straight.reason);
            } else {
                prop_assert!(!mixed.state.is_final());
                prop_assert_eq!(mixed.due_at, straight.due_at);
            }
            prop_assert_eq!(mixed.accepted_claim.is_some(), straight.accepted_claim.is_some());
        }
    }
}
