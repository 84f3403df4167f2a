//! One message over one connection: MAIL, RCPT, DATA, gate, content.

use std::time::Duration;

use domain::{
    Outcome,
    outcome::{Answer, NotNowReason, PermanentReason},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    admission::Admitted,
    answer::{Lost, Phase, Reply, lost_after_dot, lost_before_dot, refusal, verdict},
    config::RelayConfig,
    connection::Envelope,
    gate::{Gate, Leave},
    keeper::{After, Lease, Then},
    outgoing::Outgoing,
};

/// How a dialogue ended.
pub(crate) enum Ended {
    /// With an outcome.
    With(Outcome, After),
    /// The kept connection turned out to be closed by the relay before it took anything.
    Stale(OwnedSemaphorePermit),
}

/// What a phase before the dot led to, when it did not lead on.
enum Stop {
    Refused(Refused),
    Lost(Phase, Lost),
    /// The relay offers PIPELINING and did not read what followed MAIL.
    Unread,
}

/// A refusal before the gate was asked.
struct Refused {
    phase: Phase,
    reply: Reply,
    /// Every command has been answered, and the relay does not wait for content.
    clean: bool,
}

/// Speaks the dialogue, or goes on with one that was begun. The lease goes back only where the relay is waiting for a command.
pub(crate) async fn send<G: Gate + ?Sized>(
    mut lease: Lease,
    begun: bool,
    admitted: &mut Admitted,
    config: &RelayConfig,
    message: &Outgoing,
    envelope: &Envelope,
    gate: &G,
) -> Ended {
    let relay = config.name.as_str();
    if message.needs_smtputf8() && !lease.connection.offers.smtputf8 {
        let note =
            Answer::note("the relay does not offer SMTPUTF8 (RFC 6531), which the address needs");
        let answer = Answer { relay: relay.to_owned(), ..note };
        let outcome = Outcome::Permanent { reason: PermanentReason::Rejected, answer };
        return Ended::With(outcome, Then::Keep(lease).into());
    }

    let kept = lease.connection.was_used();
    match begin(&mut lease, begun, config, envelope).await {
        Ok(()) => {}
        Err(Stop::Lost(Phase::Mail, Lost::Closed)) if kept => return Ended::Stale(lease.close()),
        // A relay that has enough of this connection (idle too long, too many messages) says 421 as
        // well; a new connection shows whether it meant more than this one.
        Err(Stop::Refused(Refused { phase: Phase::Mail, reply, .. }))
            if kept && reply.code == 421 =>
        {
            return Ended::Stale(lease.close());
        }
        Err(Stop::Unread) => {
            tracing::warn!(
                relay.name = relay,
                "it offers PIPELINING and does not do it; one command at a time from now on"
            );
            return Ended::Stale(lease.close_and_stop_pipelining());
        }
        Err(stop) => {
            let (outcome, after) = stopped(stop, lease, admitted, relay);
            return Ended::With(outcome, after);
        }
    }

    match gate.leave().await {
        Leave::Go => {}
        // The relay waits for content: whatever is written now, a QUIT as well, would be content.
        Leave::Refused(outcome) => return Ended::With(outcome, After::default()),
    }

    let next = lease.take_next();
    let begins = next.as_ref().map(|next| &next.envelope);
    let limit = config.time_limits.content;
    let (result, dot_left) = lease.connection.content(message, begins, limit).await;
    let mut after = After::default();
    let outcome = match (result, dot_left) {
        (Ok(reply), true) => {
            if reply.closes_service() {
                admitted.down();
            } else {
                admitted.works();
            }
            let outcome = verdict(&reply, relay);
            if reply.keeps_connection() && !matches!(outcome, Outcome::Unknown(_)) {
                after = match next {
                    Some(next) => Then::HandOver(lease, next),
                    None => Then::Keep(lease),
                }
                .into();
            }
            outcome
        }
        (Err(lost), true) => lost_after_dot(lost, relay),
        (Ok(reply), false) => stopped_in_content(&reply, admitted, relay),
        (Err(lost), false) => lost_before_dot(Phase::Content, lost, relay),
    };
    Ended::With(outcome, after)
}

/// How long a relay that was never seen to read what follows MAIL has for that. One that drops it would else hold up
/// the first message of every connection for as long as RCPT may take.
const TRUST: Duration = Duration::from_secs(20);

/// MAIL, RCPT, DATA: in one go where the relay offers PIPELINING (RFC 2920), or not at all if they have left already.
async fn begin(
    lease: &mut Lease,
    begun: bool,
    config: &RelayConfig,
    envelope: &Envelope,
) -> Result<(), Stop> {
    let limits = &config.time_limits;
    if begun {
        return answers_to_all(lease, config).await;
    }
    let [mail, rcpt, data] = envelope.commands(lease.connection.offers);
    if lease.pipelines() {
        if let Err(instead) = lease.connection.begin(&[&mail, &rcpt, &data], limits.mail).await {
            return expect(Phase::Mail, instead);
        }
        return answers_to_all(lease, config).await;
    }
    let connection = &mut lease.connection;
    let reply = match connection.begin(&[&mail], limits.mail).await {
        Ok(()) => connection.hear(limits.mail).await,
        Err(instead) => instead,
    };
    expect(Phase::Mail, reply)?;
    let reply = connection.command(&rcpt, limits.rcpt).await;
    expect(Phase::Rcpt, reply)?;
    let reply = connection.command(&data, limits.data).await;
    expect(Phase::Data, reply)
}

async fn answers_to_all(lease: &mut Lease, config: &RelayConfig) -> Result<(), Stop> {
    let limits = &config.time_limits;
    let trusted = lease.is_seen_to_pipeline();
    let connection = &mut lease.connection;
    let mut refusal: Option<Refused> = None;
    for (phase, limit) in
        [(Phase::Mail, limits.mail), (Phase::Rcpt, limits.rcpt), (Phase::Data, limits.data)]
    {
        let trusted = trusted || phase == Phase::Mail;
        let limit = if trusted { limit } else { limit.min(TRUST) };
        let heard = connection.hear(limit).await;
        let reply = match (heard, refusal.take()) {
            (Ok(reply), None) => reply,
            (Ok(reply), Some(mut refused)) => {
                // What follows a refusal is refused as well. A relay that waits for content all the same gets none.
                refused.clean = is_clean(&reply);
                if !refused.clean {
                    return Err(Stop::Refused(refused));
                }
                refusal = Some(refused);
                continue;
            }
            (Err(_), Some(refused)) => {
                return Err(Stop::Refused(Refused { clean: false, ..refused }));
            }
            (Err(Lost::TimedOut(_)), None) if !trusted => return Err(Stop::Unread),
            (Err(lost), None) => return Err(Stop::Lost(phase, lost)),
        };
        if !fits(phase, &reply) {
            let refused = Refused { phase, clean: is_clean(&reply), reply };
            if !refused.clean {
                return Err(Stop::Refused(refused));
            }
            refusal = Some(refused);
        }
    }
    lease.seen_to_pipeline();
    refusal.map_or(Ok(()), |refused| Err(Stop::Refused(refused)))
}

fn fits(phase: Phase, reply: &Reply) -> bool {
    if phase == Phase::Data { reply.code == 354 } else { reply.is_done() }
}

/// A code below 400 is no refusal but an answer to something else: that connection is lost.
fn is_clean(refusal: &Reply) -> bool {
    refusal.code >= 400 && refusal.keeps_connection()
}

fn expect(phase: Phase, heard: Result<Reply, Lost>) -> Result<(), Stop> {
    match heard {
        Ok(reply) if fits(phase, &reply) => Ok(()),
        Ok(reply) => Err(Stop::Refused(Refused { phase, clean: is_clean(&reply), reply })),
        Err(lost) => Err(Stop::Lost(phase, lost)),
    }
}

/// A dialogue that ended before the gate was asked.
fn stopped(stop: Stop, lease: Lease, admitted: &mut Admitted, relay: &str) -> (Outcome, After) {
    let ends = |outcome| (outcome, After::default());
    let Refused { phase, reply, clean } = match stop {
        Stop::Lost(phase, lost) => return ends(lost_before_dot(phase, lost, relay)),
        Stop::Unread => return ends(lost_before_dot(Phase::Rcpt, Lost::TimedOut(TRUST), relay)),
        Stop::Refused(refused) => refused,
    };
    if reply.closes_service() {
        return ends(relay_down(admitted, relay, phase, Some(&reply), ""));
    }
    admitted.works();
    let outcome = refusal(phase, &reply, relay);
    if clean { (outcome, Then::Reset(lease).into()) } else { ends(outcome) }
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
