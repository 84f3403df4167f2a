//! Opens and clicks: where a link leads, and what they were by the rules of today.

use domain::{LinkTargets, SendId, TargetsId, engagement::Rules};
use serde::Serialize;
use store::EngagementCount;

use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
};

/// Sends whose opens and clicks are decided anew in one transaction.
const AT_ONCE: i64 = 500;

/// Opens or clicks, of how many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// How many.
    pub events: u64,
    /// Of how many messages.
    pub sends: u64,
}

/// The same by who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ByWho {
    /// People, as far as can be told.
    pub human: Tally,
    /// Programs: scanners, and what loads ahead of people.
    pub machine: Tally,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Engagement {
    /// Opens.
    pub opened: ByWho,
    /// Clicks.
    pub clicked: ByWho,
}

impl Engagement {
    pub(crate) fn add(&mut self, count: &EngagementCount) {
        let by_who = match count.kind {
            domain::EventKind::Opened => &mut self.opened,
            domain::EventKind::Clicked => &mut self.clicked,
            _ => return,
        };
        let tally = if count.human { &mut by_who.human } else { &mut by_who.machine };
        tally.events += u64::try_from(count.events).unwrap_or(0);
        tally.sends += u64::try_from(count.sends).unwrap_or(0);
    }
}

impl std::ops::AddAssign for Engagement {
    fn add_assign(&mut self, other: Self) {
        for (sum, part) in [
            (&mut self.opened.human, other.opened.human),
            (&mut self.opened.machine, other.opened.machine),
            (&mut self.clicked.human, other.clicked.human),
            (&mut self.clicked.machine, other.clicked.machine),
        ] {
            sum.events += part.events;
            sum.sends += part.sends;
        }
    }
}

/// What running the rules again did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reclassified {
    /// The version of the rules.
    pub rules: String,
    /// Opens and clicks that were looked at: all there are.
    pub events: u64,
    /// Those that another rule decides now, or another version of the rules.
    pub changed: u64,
    /// How many each rule decided.
    pub by_rule: Vec<RuleTally>,
}

/// How many opens or clicks one rule decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTally {
    /// `opened` or `clicked`.
    pub kind: domain::EventKind,
    /// What they were.
    pub class: domain::engagement::Class,
    /// The rule that says so.
    pub rule: String,
    /// How many.
    pub events: u64,
}

impl Program {
    /// Where the links of messages lead that name this list. Whoever asks has opened a sealed token with the
    /// name in it: there is no other actor.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn link_targets(&self, id: &TargetsId) -> Result<Option<LinkTargets>> {
        self.store().link_targets(id).await.map_err(Error::book("look up a link"))
    }

    /// Runs `rules` over all opens and clicks there are, 500 messages at a time. What came stays as it came;
    /// what it was is decided anew. Work may go on meanwhile, under the same rules.
    ///
    /// # Errors
    /// The actor is not ops, or the book fails: what was decided until then stays, and the next run ends it.
    pub async fn reclassify(&self, actor: &Actor, rules: &Rules) -> Result<Reclassified> {
        if *actor != Actor::Ops {
            return Err(Error::not_found("installation", "…"));
        }
        let doing = "decide opens and clicks anew";
        let now = self.campaign_now().await?;
        let (mut events, mut changed) = (0, 0);
        let mut after = SendId::new(0);
        loop {
            let page = self
                .store()
                .reclassify_tracks(rules, after, AT_ONCE, now)
                .await
                .map_err(Error::book(doing))?;
            let Some(last) = page.last else { break };
            events += page.events;
            changed += page.changed;
            after = last;
        }
        let counts = self.store().rule_counts(None, None).await.map_err(Error::book(doing))?;
        let by_rule = counts
            .into_iter()
            .map(|count| RuleTally {
                kind: count.kind,
                class: count.class,
                rule: count.rule,
                events: u64::try_from(count.events).unwrap_or(0),
            })
            .collect();
        Ok(Reclassified { rules: rules.version().to_owned(), events, changed, by_rule })
    }
}
