//! How activations stand.

use std::{collections::HashMap, ops::AddAssign};

use domain::{ActivationId, PartnerId, SendId, SendState, StepKey, UtcMillis, VendorId};
use sqlx::any::AnyRow;

use crate::{
    activation::{Activation, activation},
    engine::Store,
    error::Result,
    partner::Partner,
    row::Read,
};

/// How many sends of one step stand in one state for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendCount {
    /// The activation.
    pub activation: ActivationId,
    /// The step.
    pub step: StepKey,
    /// The state.
    pub state: SendState,
    /// The reason; empty for states that have none.
    pub reason: String,
    /// How many.
    pub count: i64,
    /// Acceptances beyond the first, among them.
    pub duplicates: i64,
}

/// Sends by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts {
    /// Waiting for their time.
    pub due: i64,
    /// On the belt.
    pub queued: i64,
    /// Accepted by the relay.
    pub sent: i64,
    /// Will not go.
    pub failed: i64,
    /// Were decided against.
    pub skipped: i64,
    /// Wait for a person's decision.
    pub held: i64,
    /// Stopped before they went.
    pub cancelled: i64,
    /// Acceptances beyond the first.
    pub duplicates: i64,
}

impl StateCounts {
    /// All sends, in whatever state.
    pub const fn total(&self) -> i64 {
        self.open() + self.sent + self.failed + self.skipped + self.held + self.cancelled
    }

    /// Sends that have not ended.
    pub const fn open(&self) -> i64 {
        self.due + self.queued
    }

    pub(crate) fn add(&mut self, count: &SendCount) {
        let field = match count.state {
            SendState::Due => &mut self.due,
            SendState::Queued => &mut self.queued,
            SendState::Sent => &mut self.sent,
            SendState::Failed => &mut self.failed,
            SendState::Skipped => &mut self.skipped,
            SendState::Held => &mut self.held,
            SendState::Cancelled => &mut self.cancelled,
        };
        *field += count.count;
        self.duplicates += count.duplicates;
    }
}

impl AddAssign for StateCounts {
    fn add_assign(&mut self, other: Self) {
        self.due += other.due;
        self.queued += other.queued;
        self.sent += other.sent;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.held += other.held;
        self.cancelled += other.cancelled;
        self.duplicates += other.duplicates;
    }
}

/// An activation with the words people know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationSummary {
    /// The activation.
    pub activation: Activation,
    /// The vendor's own key for the partner.
    pub partner_key: String,
    /// The partner's firm's name.
    pub partner_name: String,
    /// The partner's tier.
    pub tier: String,
    /// The package's stable name.
    pub package_slug: String,
    /// Its sends.
    pub counts: StateCounts,
}

/// A partner and all sends of its activations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerSummary {
    /// The partner.
    pub partner: Partner,
    /// Its sends.
    pub counts: StateCounts,
}

/// The send that waits longest past its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldestDue {
    /// The send.
    pub send: SendId,
    /// Its activation.
    pub activation: ActivationId,
    /// When it was due.
    pub due_at: UtcMillis,
}

pub(crate) fn summary(
    row: &AnyRow,
    activation: Activation,
    counts: StateCounts,
) -> Result<ActivationSummary> {
    Ok(ActivationSummary {
        partner_key: row.text("partner_key")?,
        partner_name: row.text("partner_name")?,
        tier: row.text("tier")?,
        package_slug: row.text("slug")?,
        counts,
        activation,
    })
}

impl Store {
    /// Sends by activation, step, state and reason: of one activation, of one vendor, or all. For each
    /// step they add up to the audience.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn send_counts(
        &self,
        activation: Option<ActivationId>,
        vendor: Option<&VendorId>,
    ) -> Result<Vec<SendCount>> {
        let rows = self.fetch_scoped(scoped!("send/count"), activation, vendor).await?;
        rows.iter()
            .map(|row| {
                Ok(SendCount {
                    activation: ActivationId::new(row.int("activation_id")?),
                    step: row.parsed("step_key")?,
                    state: row.parsed("state")?,
                    reason: row.text("reason")?,
                    count: row.int("sends")?,
                    duplicates: row.int("duplicates")?,
                })
            })
            .collect()
    }

    /// The sends of one activation that no relay has taken, by state. Costs as much as there are of them: what was
    /// sent is in the results.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn unsent_counts(&self, id: ActivationId) -> Result<Vec<(SendState, i64)>> {
        let mut connection = self.read().await?;
        let rows =
            sqlx::query(sql!("send/unsent.sql")).bind(id.get()).fetch_all(&mut *connection).await?;
        rows.iter().map(|row| Ok((row.parsed("state")?, row.int("sends")?))).collect()
    }

    /// All activations, or one vendor's, newest first.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn activation_summaries(
        &self,
        vendor: Option<&VendorId>,
    ) -> Result<Vec<ActivationSummary>> {
        let counts = self.counts_by_activation(vendor).await?;
        let query = match vendor {
            Some(vendor) => sqlx::query(sql!("activation/summaries_vendor.sql"))
                .bind(vendor.as_str().to_owned()),
            None => sqlx::query(sql!("activation/summaries_all.sql")),
        };
        let mut connection = self.read().await?;
        let rows = query.fetch_all(&mut *connection).await?;
        rows.iter()
            .map(|row| {
                let activation = activation(row)?;
                let counts = counts.get(&activation.id).copied().unwrap_or_default();
                summary(row, activation, counts)
            })
            .collect()
    }

    /// The vendor's partners, by key, with the sends of all their activations.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partner_summaries(&self, vendor: &VendorId) -> Result<Vec<PartnerSummary>> {
        let mut counts: HashMap<PartnerId, StateCounts> = HashMap::new();
        for summary in self.activation_summaries(Some(vendor)).await? {
            *counts.entry(summary.activation.partner_id).or_default() += summary.counts;
        }
        let partners = self.partners(vendor).await?;
        Ok(partners
            .into_iter()
            .map(|partner| PartnerSummary {
                counts: counts.get(&partner.id).copied().unwrap_or_default(),
                partner,
            })
            .collect())
    }

    /// The send that waits longest past its time at `now`, of the activations that may go on.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn oldest_due(&self, now: UtcMillis) -> Result<Option<OldestDue>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("send/oldest_due.sql"))
            .bind(now.get())
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| {
            Ok(OldestDue {
                send: SendId::new(row.int("send_id")?),
                activation: ActivationId::new(row.int("activation_id")?),
                due_at: row.time("due_at")?,
            })
        })
        .transpose()
    }

    async fn counts_by_activation(
        &self,
        vendor: Option<&VendorId>,
    ) -> Result<HashMap<ActivationId, StateCounts>> {
        let mut counts: HashMap<ActivationId, StateCounts> = HashMap::new();
        for count in self.send_counts(None, vendor).await? {
            counts.entry(count.activation).or_default().add(&count);
        }
        Ok(counts)
    }
}
