//! One message over one connection: MAIL, RCPT, DATA, gate, content.

use domain::{
    Outcome,
    outcome::{Answer, NotNowReason, PermanentReason},
};
use lettre::transport::smtp::{
    commands::{Data, Mail, Rcpt},
    extension::{Extension, MailBodyParameter, MailParameter},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    admission::Admitted,
    answer::{Lost, Phase, Reply, lost_after_dot, lost_before_dot, refusal, verdict},
    config::RelayConfig,
    gate::{Gate, Leave},
    keeper::Lease,
    outgoing::Outgoing,
};

/// How a dialogue ended.
pub(crate) enum Ended {
    /// With an outcome.
    With(Outcome),
    /// The kept connection turned out to be closed by the relay before it took anything.
    Stale(OwnedSemaphorePermit),
}

/// What a phase before the dot led to, when it did not lead on.
enum Stop {
    Refused(Phase, Reply),
    Lost(Phase, Lost),
}

/// Speaks the dialogue. The lease goes back only where the relay is waiting for a command.
pub(crate) async fn send<G: Gate + ?Sized>(
    mut lease: Lease,
    admitted: &mut Admitted,
    config: &RelayConfig,
    message: &Outgoing,
    gate: &G,
) -> Ended {
    let relay = config.name.as_str();
    if message.needs_smtputf8() && !lease.connection.offers(Extension::SmtpUtfEight) {
        lease.finish();
        let note =
            Answer::note("the relay does not offer SMTPUTF8 (RFC 6531), which the address needs");
        let answer = Answer { relay: relay.to_owned(), ..note };
        return Ended::With(Outcome::Permanent { reason: PermanentReason::Rejected, answer });
    }

    let kept = lease.connection.was_used();
    match envelope(&mut lease, config, message).await {
        Ok(()) => {}
        Err(Stop::Lost(Phase::Mail, Lost::Closed)) if kept => return Ended::Stale(lease.close()),
        // A relay that has enough of this connection (idle too long, too many messages) says 421 as
        // well; a new connection shows whether it meant more than this one.
        Err(Stop::Refused(Phase::Mail, reply)) if kept && reply.code == 421 => {
            return Ended::Stale(lease.close());
        }
        Err(stop) => return Ended::With(stopped(stop, lease, admitted, relay)),
    }

    match gate.leave().await {
        Leave::Go => {}
        // The relay waits for content: whatever is written now, a QUIT as well, would be content.
        Leave::Refused(outcome) => return Ended::With(outcome),
    }

    let (result, dot_left) = lease.connection.content(message, config.time_limits.content).await;
    Ended::With(match (result, dot_left) {
        (Ok(reply), true) => {
            if reply.closes_service() {
                admitted.down();
            } else {
                admitted.works();
            }
            let outcome = verdict(&reply, relay);
            if reply.keeps_connection() && !matches!(outcome, Outcome::Unknown(_)) {
                lease.finish();
            }
            outcome
        }
        (Err(lost), true) => lost_after_dot(lost, relay),
        (Ok(reply), false) => stopped_in_content(&reply, admitted, relay),
        (Err(lost), false) => lost_before_dot(Phase::Content, lost, relay),
    })
}

/// MAIL, RCPT, DATA.
async fn envelope(lease: &mut Lease, config: &RelayConfig, message: &Outgoing) -> Result<(), Stop> {
    let limits = &config.time_limits;
    let connection = &mut lease.connection;

    let mut parameters = Vec::new();
    if message.needs_smtputf8() {
        parameters.push(MailParameter::SmtpUtfEight);
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let mail = Mail::new(Some(message.envelope_from().clone()), parameters);
    let reply = connection.begin(mail, limits.mail).await;
    expect(Phase::Mail, reply, Reply::is_done)?;

    let rcpt = Rcpt::new(message.envelope_to().clone(), Vec::new());
    let reply = connection.command(rcpt, limits.rcpt).await;
    expect(Phase::Rcpt, reply, Reply::is_done)?;

    let reply = connection.command(Data, limits.data).await;
    expect(Phase::Data, reply, |reply| reply.code == 354)
}

fn expect(
    phase: Phase,
    result: Result<Reply, Lost>,
    fits: impl FnOnce(&Reply) -> bool,
) -> Result<(), Stop> {
    match result {
        Ok(reply) if fits(&reply) => Ok(()),
        Ok(reply) => Err(Stop::Refused(phase, reply)),
        Err(lost) => Err(Stop::Lost(phase, lost)),
    }
}

/// A dialogue that ended before the gate was asked.
fn stopped(stop: Stop, lease: Lease, admitted: &mut Admitted, relay: &str) -> Outcome {
    let (phase, reply) = match stop {
        Stop::Lost(phase, lost) => return lost_before_dot(phase, lost, relay),
        Stop::Refused(phase, reply) => (phase, reply),
    };
    if reply.closes_service() {
        return relay_down(admitted, relay, phase, Some(&reply), "");
    }
    admitted.works();
    // A code below 400 is no refusal but an answer to something else: that connection is lost.
    if reply.code >= 400 && reply.keeps_connection() {
        lease.reset_and_finish();
    }
    refusal(phase, &reply, relay)
}

/// The relay spoke before it had seen the end of the content; the dot was not written.
fn stopped_in_content(reply: &Reply, admitted: &mut Admitted, relay: &str) -> Outcome {
    if reply.closes_service() {
        relay_down(admitted, relay, Phase::Content, Some(reply), "")
    } else {
        refusal(Phase::Content, reply, relay)
    }
}

/// The relay itself can't be used: not this message's fault.
pub(crate) fn relay_down(
    admitted: &mut Admitted,
    relay: &str,
    phase: Phase,
    reply: Option<&Reply>,
    note: &str,
) -> Outcome {
    let (wait, news) = admitted.down();
    if news {
        tracing::warn!(
            relay.name = relay,
            smtp.phase = phase.as_str(),
            smtp.code = reply.map_or(0, |reply| reply.code),
            back_off_ms = wait.as_millis() as u64,
            // Not the text of the reply: it may repeat an address.
            reason = note,
            "relay is left alone for a while"
        );
    }
    Outcome::not_now(wait, NotNowReason::RelayDown)
}
