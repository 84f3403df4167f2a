//! `send_email`: one message to one person. Load, render, transmit; the gate is inside transmit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use apalis::prelude::Data;
use belt::{Claimed, Mark};
use channels::smtp::{Gate, Leave, MailParts, Outgoing, Transmitted, build};
use domain::{
    Outcome, SendEmail, SendId,
    job::reads_version,
    outcome::{Answer, NotNowReason, PermanentReason},
    schedule::retry_after,
    token::{ClickToken, Purpose},
};
use render::{MessageLinks, TrackingLinks};
use tracing::Instrument;

use crate::{
    skeletons::{PrepareError, Prepared},
    workshop::Workshop,
};

/// The name of this job in metrics and logs.
pub const NAME: &str = "send_email";

/// How long a job whose shelf item is missing waits for feed to put it there.
const SHELF_WAIT: Duration = Duration::from_millis(200);

/// Does one job to its one exit.
pub async fn send_email(job: Claimed<SendEmail>, workshop: Data<Arc<Workshop>>) {
    let (job, hand) = job.take();
    let span = tracing::info_span!(
        "job", job.name = NAME, job.id = %job.send, job.claim = %hand.meta().claim,
        job.attempt = job.attempts + 1, partner.id = %job.partner, activation.id = %job.activation
    );
    let began = Instant::now();
    let Transmitted { outcome, after } =
        attempt(&job, &hand.meta().relay, &BeltGate(hand.gate()), &workshop)
            .instrument(span.clone())
            .await;
    workshop.metrics.job_finished(NAME, outcome.label(), began.elapsed());
    span.in_scope(|| log(&outcome, began.elapsed()));
    let completion = hand.complete(outcome);
    // In this order: the next message on this connection is asked for behind the end of this one.
    drop(after);
    completion.await;
}

async fn attempt<G: Gate>(
    job: &SendEmail,
    relay: &str,
    gate: &G,
    workshop: &Workshop,
) -> Transmitted {
    if !reads_version(job.v) {
        return Outcome::permanent(PermanentReason::SetAside).into();
    }
    let prepared = match workshop.skeletons.get(job, &workshop.shelf).await {
        Ok(prepared) => prepared,
        Err(error) => return not_prepared(&error).into(),
    };
    let message = match render(job, &prepared, workshop) {
        Ok(message) => message,
        Err(outcome) => return outcome.into(),
    };
    let Transmitted { outcome, after } = workshop.relays.transmit(relay, &message, gate).await;
    Transmitted { outcome: with_own_wait(outcome, job), after }
}

/// The message as it goes over the wire: the same bytes for every attempt.
fn render(job: &SendEmail, prepared: &Prepared, workshop: &Workshop) -> Result<Outgoing, Outcome> {
    let link = |path: &str, purpose| {
        format!("{}/{path}/{}", workshop.public_url, workshop.link_key.seal(purpose, job.send))
    };
    let unsubscribe_url = link("u", Purpose::Unsubscribe);
    let links = MessageLinks {
        unsubscribe_url: &unsubscribe_url,
        preferences_url: &link("p", Purpose::Preferences),
        view_url: &link("v", Purpose::View),
        invitation_url: &link("i", Purpose::Invitation),
    };
    let open_url = job.track.opens.then(|| format!("{}.gif", link("o", Purpose::Open)));
    // Another list than the one the book was given would lead people astray: then links stay as they are.
    let targets = job.track.clicks.filter(|targets| *targets == prepared.targets);
    let click_url = targets.map(|targets| {
        let token = workshop.link_key.seal_click(&ClickToken { send: job.send, targets });
        format!("{}/c/{token}", workshop.public_url)
    });
    let track = TrackingLinks {
        open_url: open_url.as_deref(),
        click_url: click_url.as_deref(),
        honeypot: job.track.honeypot,
    };
    let rendered = prepared
        .skeleton
        .tracked_message(&job.fields, &links, &track)
        .map_err(|error| will_not_render(&error))?;
    let partner = &prepared.partner;
    build(&MailParts {
        from_name: &partner.sender.from_name,
        from_email: &partner.sender.from_email,
        reply_to: &partner.sender.reply_to,
        to_name: &job.name,
        to_email: &job.address,
        subject: &rendered.subject,
        text: &rendered.text,
        html: &rendered.html,
        message_id: &format!("{}@{}", job.send, workshop.message_id_domain),
        date: job.first_fed_at,
        list_unsubscribe_url: &unsubscribe_url,
        list_id_name: &partner.brand.name,
        list_id: &partner.list_id,
        envelope_from: "",
    })
    .map_err(|error| {
        if error.field == "to_email" {
            Outcome::Permanent {
                reason: PermanentReason::BadAddress,
                answer: Answer::note(&error.to_string()),
            }
        } else {
            will_not_render(&error)
        }
    })
}

fn not_prepared(error: &PrepareError) -> Outcome {
    match error {
        PrepareError::ShelfMiss(_) | PrepareError::Belt(_) => {
            Outcome::not_now(SHELF_WAIT, NotNowReason::ShelfMiss)
        }
        PrepareError::Unreadable(_) => Outcome::permanent(PermanentReason::SetAside),
        PrepareError::Render(source) => will_not_render(source),
    }
}

/// Rendering fails the same way every time, so it is not tried again.
fn will_not_render(error: &dyn std::error::Error) -> Outcome {
    Outcome::Permanent {
        reason: PermanentReason::RenderFailed,
        answer: Answer::note(&error.to_string()),
    }
}

/// A deferred send waits by its own number of attempts, spread so that a wave does not come back as one.
fn with_own_wait(outcome: Outcome, job: &SendEmail) -> Outcome {
    match outcome {
        Outcome::Transient { answer, .. } => {
            Outcome::transient(retry_after(job.attempts, spread(job.send)), answer)
        }
        other => other,
    }
}

/// A number from 0 to 1 that is a send's own, whatever process asks.
fn spread(send: SendId) -> f64 {
    // Fibonacci hashing: neighbours end up far apart.
    let mixed = (send.get() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

fn log(outcome: &Outcome, took: Duration) {
    let duration_ms = took.as_millis() as u64;
    match outcome {
        Outcome::Done(answer) => tracing::debug!(duration_ms, relay = answer.relay, "sent"),
        Outcome::NotNow { after_ms, reason } => {
            tracing::debug!(duration_ms, after_ms, reason = reason.as_str(), "not now");
        }
        Outcome::Transient { after_ms, answer } => tracing::info!(
            duration_ms,
            after_ms,
            smtp.code = answer.code,
            smtp.enhanced = answer.enhanced,
            "deferred"
        ),
        Outcome::Permanent { reason, answer } => tracing::info!(
            duration_ms,
            reason = reason.as_str(),
            smtp.code = answer.code,
            smtp.enhanced = answer.enhanced,
            "will not go"
        ),
        Outcome::Unknown(answer) => {
            tracing::warn!(
                duration_ms,
                relay = answer.relay,
                "connection lost after the final dot"
            );
        }
    }
}

/// The belt's mark, as transmission asks for it.
struct BeltGate(belt::Gate);

/// A mark whose answer came late is asked for again, this often.
const ASK_AGAIN: u32 = 3;

impl Gate for BeltGate {
    async fn leave(&self) -> Leave {
        for _ in 0..ASK_AGAIN {
            match self.0.mark().await {
                Mark::Go(permit) if permit.is_fresh() => return Leave::Go,
                Mark::Go(_) => {}
                Mark::Refused(refusal) => return Leave::Refused(refusal.outcome()),
            }
        }
        // Marked, but nothing has been written: the belt may hand it out again.
        Leave::Refused(Outcome::not_now(Duration::from_secs(1), NotNowReason::GivenBack))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deferred_send_waits_longer_each_time() {
        let job = |attempts| SendEmail {
            v: 1,
            send: SendId::new(7),
            activation: domain::ActivationId::new(1),
            vendor: "ven_01j00000000000000000000000".parse().unwrap(),
            partner: "par_01j00000000000000000000000".parse().unwrap(),
            step: "announce".parse().unwrap(),
            occurrence: 0,
            version: domain::ContentHash::of(b"v"),
            profile: domain::ContentHash::of(b"p"),
            address: "anna@example.com".to_owned(),
            name: String::new(),
            language: String::new(),
            fields: Default::default(),
            first_fed_at: domain::UtcMillis::new(0),
            attempts,
            track: Default::default(),
        };
        let wait = |attempts| {
            let suggested = Outcome::transient(Duration::from_secs(60), Answer::default());
            match with_own_wait(suggested, &job(attempts)) {
                Outcome::Transient { after_ms, .. } => after_ms,
                other => panic!("{other:?}"),
            }
        };
        assert!(wait(0) < wait(1) && wait(1) < wait(2) && wait(2) < wait(3));
    }

    #[test]
    fn spreads_are_apart_and_within_bounds() {
        let spreads: Vec<f64> = (1..=100).map(|n| spread(SendId::new(n))).collect();
        assert!(spreads.iter().all(|s| (0.0..1.0).contains(s)));
        let low = spreads.iter().filter(|s| **s < 0.5).count();
        assert!((40..=60).contains(&low), "{low} of 100 in the lower half");
    }
}
