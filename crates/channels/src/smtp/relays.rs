//! All relays of a process, by name.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{Outcome, outcome::NotNowReason};
use tokio::{task::JoinSet, time::Instant};

use super::{
    answer::Phase,
    config::{self, RelayConfig},
    connection::Envelope,
    dialogue::{self, Ended},
    error::RelayConfigError,
    gate::Gate,
    keeper::{After, Keeper, Turn},
    outgoing::Outgoing,
};

/// How long a job is put off that names a relay this process does not know, or comes while it stops.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// The relays of this process and their kept connections. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Relays {
    keepers: Arc<BTreeMap<String, Arc<Keeper>>>,
}

/// How a message ended.
#[derive(Debug)]
#[must_use = "it holds a connection"]
pub struct Transmitted {
    /// The outcome.
    pub outcome: Outcome,
    /// Its connection: dropped, it carries the next message. To be dropped when the outcome has been said to whoever is asked for leave to
    /// write the next one's content.
    pub after: After,
}

impl Transmitted {
    /// The outcome, for who does not need to be told in order.
    pub fn into_outcome(self) -> Outcome {
        self.outcome
    }
}

impl From<Outcome> for Transmitted {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, after: After::default() }
    }
}

/// What a relay's connections are doing, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayLoad {
    /// The relay.
    pub name: String,
    /// Connections in use, being opened or being closed.
    pub busy: usize,
    /// Connections kept for the next message.
    pub idle: usize,
    /// What is left of its back-off, if it is in one.
    pub back_off: Option<Duration>,
}

impl Relays {
    /// Takes the relays as configured; connects to none yet.
    ///
    /// # Errors
    /// When there is none, two have one name, or a field can't work.
    pub fn new(configs: impl IntoIterator<Item = RelayConfig>) -> Result<Self, RelayConfigError> {
        let configs: Vec<_> = configs.into_iter().collect();
        config::check(&configs)?;
        let keepers =
            configs.into_iter().map(|config| (config.name.clone(), Keeper::new(config))).collect();
        Ok(Self { keepers: Arc::new(keepers) })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keepers.keys().map(String::as_str)
    }

    /// Hands one message to one relay and says how that ended.
    ///
    /// Waits for a free connection first, then at most the sum of the relay's time limits and what
    /// the gate takes. May be dropped at any moment: its connection is closed then, never used again.
    ///
    /// `Done` is only ever a 2xx to the final dot; `Unknown` only ever a dot that left without an
    /// answer that could be read. A relay that can't be used, or is not known here, is `NotNow`.
    pub async fn transmit<G: Gate + ?Sized>(
        &self,
        relay: &str,
        message: &Outgoing,
        gate: &G,
    ) -> Transmitted {
        let Some(keeper) = self.keepers.get(relay) else {
            tracing::error!(relay.name = relay, "no relay of this name is configured here");
            return Outcome::not_now(ELSEWHERE, NotNowReason::RelayLeftAlone).into();
        };
        let began = Instant::now();
        let transmitted = transmit(keeper, message, gate).await;
        tracing::debug!(
            relay.name = relay,
            mail.message_id = message.message_id(),
            outcome = transmitted.outcome.label(),
            size_bytes = message.bytes().len(),
            duration_ms = began.elapsed().as_millis() as u64,
            "message transmitted"
        );
        transmitted
    }

    /// What the connections of each relay are doing.
    pub fn load(&self) -> Vec<RelayLoad> {
        self.keepers
            .iter()
            .map(|(name, keeper)| {
                let (busy, idle) = keeper.counts();
                RelayLoad { name: name.clone(), busy, idle, back_off: keeper.admission.waiting() }
            })
            .collect()
    }

    /// Takes nothing new, waits for what is under way, closes idle connections with QUIT. Returns
    /// within `limit`; what is still under way then is left to its own time limits.
    pub async fn drain(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut drains: JoinSet<()> =
            self.keepers.values().map(|keeper| Arc::clone(keeper).drain(deadline)).collect();
        while drains.join_next().await.is_some() {}
    }
}

async fn transmit<G: Gate + ?Sized>(
    keeper: &Arc<Keeper>,
    message: &Outgoing,
    gate: &G,
) -> Transmitted {
    let config = &keeper.config;
    let left_alone = |wait| Outcome::not_now(wait, NotNowReason::RelayLeftAlone).into();
    // Before waiting for a connection: while the relay is down nobody needs to queue for it.
    if let Some(wait) = keeper.admission.waiting() {
        return left_alone(wait);
    }
    let envelope = Envelope::of(message);
    let Some(turn) = keeper.turn(&envelope).await else {
        return Outcome::not_now(ELSEWHERE, NotNowReason::GivenBack).into();
    };
    let mut admitted = match keeper.admission.ask() {
        Ok(admitted) => admitted,
        Err(wait) => return left_alone(wait),
    };
    let (mut permit, mut kept) = match turn {
        Turn::Free(permit) => (permit, keeper.take_idle()),
        Turn::Begun(lease) => {
            match dialogue::send(lease, true, &mut admitted, config, message, &envelope, gate).await
            {
                Ended::With(outcome, after) => return Transmitted { outcome, after },
                Ended::Stale(turn) => (turn, None),
            }
        }
    };
    loop {
        let connection = match kept.take() {
            Some(connection) => connection,
            None => match keeper.open().await {
                Ok(connection) => connection,
                Err(failure) => {
                    let phase: Phase = failure.phase;
                    let reply = failure.reply.as_ref();
                    return dialogue::relay_down(
                        &mut admitted,
                        &config.name,
                        phase,
                        reply,
                        &failure.note,
                    )
                    .into();
                }
            },
        };
        let lease = keeper.lease(connection, permit);
        match dialogue::send(lease, false, &mut admitted, config, message, &envelope, gate).await {
            Ended::With(outcome, after) => return Transmitted { outcome, after },
            // Nothing was taken: once more over a connection that is surely alive. A new one can't
            // end like this again.
            Ended::Stale(turn) => permit = turn,
        }
    }
}
