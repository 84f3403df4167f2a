//! `pause`, `resume`, `cancel`: one transaction in the book, then the belt, then the answer.

use domain::{ActivationId, ActivationState, activation::ActivationCommand};
use serde::Serialize;

use belt::Stop;

use crate::{
    actor::Actor,
    control::{PauseLine, standing_against},
    error::{Error, Result},
    program::{BeltTold, Program},
};

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commanded {
    /// The activation.
    pub activation: ActivationId,
    /// Where it stood.
    pub before: ActivationState,
    /// Where it stands.
    pub after: ActivationState,
    /// Whether the command changed anything.
    pub changed: bool,
    /// Sends that were open and will not go: of a cancelled activation.
    pub sends_cancelled: u64,
    /// What keeps it back above it: it goes on once these are lifted too.
    pub paused_by: Vec<PauseLine>,
    /// Whether the belt knows already.
    pub belt: BeltTold,
}

impl Program {
    /// Does what a command says.
    ///
    /// # Errors
    /// As the command of that name.
    pub async fn steer(
        &self,
        actor: &Actor,
        activation: ActivationId,
        command: ActivationCommand,
    ) -> Result<Commanded> {
        match command {
            ActivationCommand::Pause => self.pause(actor, activation).await,
            ActivationCommand::Resume => self.resume(actor, activation).await,
            ActivationCommand::Cancel => self.cancel(actor, activation).await,
        }
    }

    /// Stops an activation for now: no send of it starts later than 2 s after the answer.
    ///
    /// # Errors
    /// It is none of the actor's, or has ended.
    pub async fn pause(&self, actor: &Actor, activation: ActivationId) -> Result<Commanded> {
        self.command(actor, activation, ActivationCommand::Pause).await
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// It is none of the actor's, or has ended.
    pub async fn resume(&self, actor: &Actor, activation: ActivationId) -> Result<Commanded> {
        let commanded = self.command(actor, activation, ActivationCommand::Resume).await?;
        self.ring("expand").await;
        self.ring("feed").await;
        Ok(commanded)
    }

    /// Stops an activation for good: no send of it starts later than 2 s after the answer.
    ///
    /// # Errors
    /// It is none of the actor's, or has ended otherwise.
    pub async fn cancel(&self, actor: &Actor, activation: ActivationId) -> Result<Commanded> {
        let mut commanded = self.command(actor, activation, ActivationCommand::Cancel).await?;
        // After the belt was told, so that nothing starts while the rows are rewritten in chunks. A
        // repeated cancel finishes what an interrupted one left.
        commanded.sends_cancelled = self
            .store()
            .cancel_open_sends(activation, "cancelled")
            .await
            .map_err(Error::book("cancel the open sends"))?;
        if commanded.changed {
            // What the belt stopped first, the recorder may have ended already.
            let heard = self.store().stopped_on_belt(&[activation]).await;
            commanded.sends_cancelled += heard.map_err(Error::book("count what was stopped"))?;
        }
        Ok(commanded)
    }

    async fn command(
        &self,
        actor: &Actor,
        activation: ActivationId,
        command: ActivationCommand,
    ) -> Result<Commanded> {
        self.require_activation(actor, activation).await?;
        let change = self
            .store()
            .change_activation(activation, command, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("change the activation"))?;
        let belt = self.align_belt(activation, change.activation.state).await?;
        let pauses = self.visible_pauses(actor).await?;
        Ok(Commanded {
            activation,
            before: change.before,
            after: change.activation.state,
            changed: change.changed,
            sends_cancelled: 0,
            paused_by: standing_against(&change.activation, &pauses),
            belt,
        })
    }

    /// Tells the belt where an activation stands, until that is where it stands.
    ///
    /// Two commands at once are ordered by the book, but may reach the belt the other way round; who
    /// finds the book changed after telling tells again, so the last word is the book's.
    async fn align_belt(
        &self,
        activation: ActivationId,
        mut state: ActivationState,
    ) -> Result<BeltTold> {
        loop {
            let key = activation.to_string();
            let told = self
                .tell_belt("stop", |belt| async move {
                    match stop_of(state) {
                        Some(stop) => belt.set_stop(&key, stop).await,
                        None => belt.clear_stop(&key).await,
                    }
                })
                .await;
            let now = self
                .store()
                .activation(activation)
                .await
                .map_err(Error::book("read the activation"))?
                .map_or(state, |row| row.state);
            if told != BeltTold::Told || stop_of(now) == stop_of(state) {
                return Ok(told);
            }
            state = now;
        }
    }
}

fn stop_of(state: ActivationState) -> Option<Stop> {
    match state {
        ActivationState::Paused => Some(Stop::Pause),
        ActivationState::Cancelled | ActivationState::Recalled => Some(Stop::Cancel),
        ActivationState::Scheduled | ActivationState::Running | ActivationState::Completed => None,
    }
}
