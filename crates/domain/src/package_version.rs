//! Where a package version stands, and who may move it where.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ids::ParseIdError, send::text_enum};

text_enum! {
    /// Where a package version stands.
    VersionState ("a version state: draft, in_review, published, retired or recalled") {
        /// Kept, and nothing more yet.
        Draft = "draft",
        /// Waiting for approval.
        InReview = "in_review",
        /// May be launched.
        Published = "published",
        /// May not be launched any more; what was launched goes on.
        Retired = "retired",
        /// Must not be sent any more.
        Recalled = "recalled",
    }
}

/// What a vendor may ask of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionCommand {
    /// Ask for approval.
    Submit,
    /// Send it back to be worked on.
    Reject,
    /// Let partners launch it.
    Publish,
    /// Let nobody launch it any more.
    Retire,
    /// Stop every send of it, for good.
    Recall,
}

impl VersionCommand {
    /// What it does, as an audit row says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit version",
            Self::Reject => "reject version",
            Self::Publish => "publish version",
            Self::Retire => "retire version",
            Self::Recall => "recall version",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Submit => "submitted for review",
            Self::Reject => "sent back",
            Self::Publish => "published",
            Self::Retire => "retired",
            Self::Recall => "recalled",
        }
    }
}

/// The version can't do that from where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a version that is {state} can't be {asked}", asked = .command.done())]
pub struct VersionTransitionError {
    state: VersionState,
    command: VersionCommand,
}

impl VersionState {
    /// Whether partners have not seen it yet.
    pub const fn is_before_partners(self) -> bool {
        matches!(self, Self::Draft | Self::InReview)
    }

    /// The state after `command`. Asking for what already holds is fine and changes nothing.
    ///
    /// # Errors
    /// A recalled version stays recalled; one that partners may have seen is no draft any more.
    pub fn after(self, command: VersionCommand) -> Result<Self, VersionTransitionError> {
        use VersionCommand::{Publish, Recall, Reject, Retire, Submit};
        match (self, command) {
            (Self::Draft | Self::InReview, Submit) => Ok(Self::InReview),
            (Self::Draft | Self::InReview, Reject) => Ok(Self::Draft),
            (Self::Draft | Self::InReview | Self::Published | Self::Retired, Publish) => {
                Ok(Self::Published)
            }
            (Self::Published | Self::Retired, Retire) => Ok(Self::Retired),
            (Self::Published | Self::Retired | Self::Recalled, Recall) => Ok(Self::Recalled),
            _ => Err(VersionTransitionError { state: self, command }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use VersionCommand::{Publish, Recall, Reject, Retire, Submit};

    #[test]
    fn a_version_goes_from_draft_to_published_and_may_rest() {
        let way = [
            (Submit, "in_review"),
            (Reject, "draft"),
            (Submit, "in_review"),
            (Publish, "published"),
            (Retire, "retired"),
            (Publish, "published"),
        ];
        let mut state = VersionState::Draft;
        for (command, want) in way {
            state = state.after(command).unwrap();
            assert_eq!(state.as_str(), want);
            assert_eq!(state.after(command).unwrap(), state, "asked twice");
        }
    }

    #[test]
    fn what_was_recalled_stays_recalled() {
        for command in [Submit, Reject, Publish, Retire] {
            assert!(VersionState::Recalled.after(command).is_err());
        }
        assert_eq!(VersionState::Recalled.after(Recall), Ok(VersionState::Recalled));
        assert_eq!(
            VersionState::Draft.after(Recall).unwrap_err().to_string(),
            "a version that is draft can't be recalled"
        );
    }
}
