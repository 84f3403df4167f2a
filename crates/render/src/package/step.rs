//! One step of a package.

use domain::{
    StepKey,
    schedule::{Due, Offset},
};
use serde::{Deserialize, Serialize};

/// One step of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable name, unique in the package.
    pub key: StepKey,
    /// What happens.
    pub kind: StepKind,
    /// When it is due; `None` where the clock says nothing: a wait or a branch.
    #[serde(default, rename = "after", skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// The folder of its templates under each language; empty for a wait, a branch, or editions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// The folders of its occurrences, one after another, instead of one template for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editions: Vec<String>,
}

impl Step {
    /// How long after the start it is due, if it is measured from there. A time of day is not in it.
    pub fn offset(&self) -> Option<Offset> {
        self.due.and_then(Due::offset)
    }

    /// The folder of its templates for one occurrence; `None` once its editions are used up.
    pub fn template_for(&self, occurrence: u32) -> Option<&str> {
        if self.editions.is_empty() {
            return (!self.template.is_empty()).then_some(&self.template);
        }
        let edition = usize::try_from(occurrence).ok()?;
        self.editions.get(edition).map(String::as_str)
    }

    /// Every folder of templates it may use.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let one = self.editions.is_empty() && !self.template.is_empty();
        one.then_some(self.template.as_str())
            .into_iter()
            .chain(self.editions.iter().map(String::as_str))
    }

    /// The steps a branch leads to.
    pub fn leads_to(&self) -> impl Iterator<Item = &StepKey> {
        let ways = match &self.kind {
            StepKind::Branch { then, otherwise, .. } => [then.as_ref(), otherwise.as_ref()],
            _ => [None, None],
        };
        ways.into_iter().flatten()
    }
}

/// What happens in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// An email to each person.
    Email,
    /// A post in the partner's name. Kept; not sent.
    Social {
        /// Where.
        networks: Vec<Network>,
        /// The asset it shows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<String>,
    },
    /// A pause. Kept; not waited for.
    Wait {
        /// How long.
        duration: Offset,
    },
    /// Two ways to go on, by what a person did with an email. Kept; not decided.
    Branch {
        /// The email.
        of: StepKey,
        /// What the person does.
        on: BranchOn,
        /// How long it may take.
        within: Offset,
        /// The step for those who do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<StepKey>,
        /// The step for those who don't.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<StepKey>,
    },
}

impl StepKind {
    /// Its name in `package.toml`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Social { .. } => "social",
            Self::Wait { .. } => "wait",
            Self::Branch { .. } => "branch",
        }
    }
}

/// Where a post goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// LinkedIn.
    Linkedin,
    /// Bluesky.
    Bluesky,
    /// Mastodon.
    Mastodon,
}

/// What a person does with an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BranchOn {
    /// Follows a link in it.
    Clicked,
    /// Opens it.
    Opened,
    /// Answers it.
    Replied,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(json: &str) -> Step {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_step_of_an_older_version_reads() {
        let json = r#"{"key":"announce","kind":"email","after":"3d","template":"announce"}"#;
        let read = step(json);
        assert_eq!(read.offset().unwrap().to_string(), "3d");
        assert_eq!(read.template_for(7), Some("announce"));
        assert_eq!(serde_json::to_string(&read).unwrap(), json, "and is written as it was");
    }

    #[test]
    fn editions_are_used_up() {
        let read = step(r#"{"key":"news","kind":"email","after":"0","editions":["one","two"]}"#);
        let templates: Vec<_> = (0..4).map(|occurrence| read.template_for(occurrence)).collect();
        assert_eq!(templates, [Some("one"), Some("two"), None, None]);
        assert_eq!(read.templates().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_branch_leads_to_its_two_ways() {
        let read = step(
            r#"{"key":"b","kind":{"branch":{"of":"a","on":"clicked","within":"2d","then":"c"}}}"#,
        );
        assert_eq!(read.leads_to().map(StepKey::as_str).collect::<Vec<_>>(), ["c"]);
        assert_eq!(read.offset(), None);
        assert_eq!(read.template_for(0), None);
    }
}
