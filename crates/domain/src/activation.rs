//! An activation: one partner's launch of one package version.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ids::ParseIdError, send::text_enum};

text_enum! {
    /// Where an activation stands.
    ActivationState ("an activation state: scheduled, running, paused, completed, cancelled or recalled") {
        /// Launched; its audience is not expanded to the end yet.
        Scheduled = "scheduled",
        /// Its audience is expanded and its sends go out as they fall due.
        Running = "running",
        /// Nothing of it goes out until it is resumed.
        Paused = "paused",
        /// Every send of it has ended.
        Completed = "completed",
        /// Stopped for good by its partner or vendor.
        Cancelled = "cancelled",
        /// Stopped for good because its package version was recalled.
        Recalled = "recalled",
    }
}

/// What a user may ask of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationCommand {
    /// Stop for now.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Stop for good.
    Cancel,
}

/// The activation can't do that from where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a {state} activation can't be {asked}")]
pub struct TransitionError {
    state: ActivationState,
    asked: &'static str,
}

impl ActivationState {
    /// Whether it counts as the one live activation of its (partner, package).
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Scheduled | Self::Running | Self::Paused)
    }

    /// The state after `command`. Asking for what already holds is fine and changes nothing.
    ///
    /// `expanded` says whether the audience was expanded to the end, which is what a resumed
    /// activation goes back to.
    ///
    /// # Errors
    /// An ended activation can't be paused, resumed or cancelled.
    pub fn after(
        self,
        command: ActivationCommand,
        expanded: bool,
    ) -> Result<Self, TransitionError> {
        use ActivationCommand::{Cancel, Pause, Resume};
        match (self, command) {
            (Self::Scheduled | Self::Running | Self::Paused, Pause) => Ok(Self::Paused),
            (Self::Paused, Resume) if expanded => Ok(Self::Running),
            (Self::Paused, Resume) => Ok(Self::Scheduled),
            (Self::Scheduled | Self::Running, Resume) => Ok(self),
            (Self::Scheduled | Self::Running | Self::Paused | Self::Cancelled, Cancel) => {
                Ok(Self::Cancelled)
            }
            (_, Pause) => Err(TransitionError { state: self, asked: "paused" }),
            (_, Resume) => Err(TransitionError { state: self, asked: "resumed" }),
            (_, Cancel) => Err(TransitionError { state: self, asked: "cancelled" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ActivationCommand::{Cancel, Pause, Resume};

    #[test]
    fn a_pause_in_mid_expansion_resumes_into_expansion() {
        let paused = ActivationState::Scheduled.after(Pause, false).unwrap();
        assert_eq!(paused.after(Resume, false).unwrap(), ActivationState::Scheduled);
        assert_eq!(paused.after(Resume, true).unwrap(), ActivationState::Running);
    }

    #[test]
    fn what_ended_stays_ended() {
        for ended in [ActivationState::Completed, ActivationState::Recalled] {
            for command in [Pause, Resume, Cancel] {
                assert!(ended.after(command, true).is_err(), "{ended} {command:?}");
            }
        }
        assert_eq!(
            ActivationState::Cancelled.after(Resume, true).unwrap_err().to_string(),
            "a cancelled activation can't be resumed"
        );
        assert_eq!(
            ActivationState::Cancelled.after(Cancel, true).unwrap(),
            ActivationState::Cancelled
        );
    }
}
