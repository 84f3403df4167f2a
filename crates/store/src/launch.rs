//! Launching: one transaction, one live activation per partner and package.

use std::collections::{BTreeMap, HashMap};

use domain::{
    ActivationId, ActivationState, LaunchGroupId, ListId, PackageId, PartnerId, UtcMillis,
    VendorId, VersionId, VersionState,
};
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    bulk::{Rows, Value},
    engine::{Engine, Store, WriteTx},
    error::{Result, StoreError},
    ids::HotTable,
    row::{Read, json_text},
};

word! {
    /// What kind of click a launch was.
    LaunchKind ("a launch kind: one, several or all_eligible") {
        /// One partner's.
        One = "one",
        /// For several that were named.
        Several = "several",
        /// The vendor's, for all partners that may.
        AllEligible = "all_eligible",
    }
}

/// A click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRequest {
    /// Whose program it is in.
    pub vendor: VendorId,
    /// The package.
    pub package: PackageId,
    /// The version of it.
    pub version: VersionId,
    /// What kind of click.
    pub kind: LaunchKind,
    /// Who clicked.
    pub who: String,
    /// When.
    pub now: UtcMillis,
    /// Campaign time the steps count from.
    pub start_at: UtcMillis,
    /// Launch again where an earlier activation has ended.
    pub again: bool,
    /// The partners.
    pub items: Vec<LaunchItem>,
}

/// One partner of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchItem {
    /// The partner.
    pub partner: PartnerId,
    /// Whom it goes to.
    pub list: ListId,
    /// What the partner filled in, by slot name.
    pub slots: BTreeMap<String, String>,
    /// When the event is, in an event motion.
    pub event_at: Option<UtcMillis>,
}

/// What a click did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// The launch group; `None` when every activation was there already.
    pub group: Option<LaunchGroupId>,
    /// In the order of the request.
    pub items: Vec<LaunchedItem>,
}

/// What a click did for one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchedItem {
    /// The partner.
    pub partner: PartnerId,
    /// Its activation of the package: the new one, or the one that answered.
    pub activation: ActivationId,
    /// Where that stands.
    pub state: ActivationState,
    /// Whether this click made it.
    pub is_new: bool,
}

type Known = HashMap<PartnerId, (ActivationId, ActivationState)>;

impl Store {
    /// Launches. A partner that has a live activation of the package is answered with it; one that
    /// has an ended activation too, unless the request says `again`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a version of another package or vendor, or a partner of another
    /// vendor; then nothing is launched.
    pub async fn launch(&self, request: &LaunchRequest) -> Result<Launched> {
        // A second click need not wait for a turn to write.
        let mut connection = self.read().await?;
        let known = known(self.engine(), &mut connection, request).await?;
        drop(connection);
        if request.items.iter().all(|item| known.contains_key(&item.partner)) {
            return answer(request, None, &known, &Known::new());
        }
        let mut tx = self.begin_write().await?;
        let launched = tx.launch(request).await?;
        tx.commit().await?;
        Ok(launched)
    }
}

impl WriteTx {
    async fn launch(&mut self, request: &LaunchRequest) -> Result<Launched> {
        let engine = self.engine;
        let known_before = known(engine, self.connection(), request).await?;
        let mut missing: Vec<&LaunchItem> = Vec::new();
        for item in &request.items {
            let asked = missing.iter().any(|other| other.partner == item.partner);
            if !asked && !known_before.contains_key(&item.partner) {
                missing.push(item);
            }
        }
        if missing.is_empty() {
            return answer(request, None, &known_before, &Known::new());
        }
        let version = sqlx::query(sql!("package_version/lock.sql"))
            .bind(request.version.as_str())
            .fetch_optional(self.connection())
            .await?
            .filter(|row| {
                row.text("package_id").is_ok_and(|id| id == request.package.as_str())
                    && row.text("vendor_id").is_ok_and(|id| id == request.vendor.as_str())
            })
            .ok_or_else(|| StoreError::not_found("package version", &request.version))?;
        let state: VersionState = version.parsed("state")?;
        if state != VersionState::Published {
            return Err(StoreError::NotPublished { version: request.version.clone(), state });
        }
        let version_hash = version.text("hash")?;
        let group = LaunchGroupId::from_ulid(self.ids.ulid(request.now));
        sqlx::query(sql!("launch_group/add.sql"))
            .bind(group.as_str())
            .bind(request.vendor.as_str())
            .bind(request.package.as_str())
            .bind(request.version.as_str())
            .bind(request.kind.as_str())
            .bind(request.who.as_str())
            .bind(request.now.get())
            .execute(self.connection())
            .await?;
        let made = self.add_activations(request, &missing, &version_hash, &group).await?;
        // Who was faster on Postgres, where two clicks write at once, is live by now.
        let known_after = known(engine, self.connection(), request).await?;
        if made.is_empty() {
            return answer(request, None, &known_after, &made);
        }
        let subject = group.as_str().to_owned();
        self.write_audit(request.now, &request.who, "launch", &subject, &made.len().to_string())
            .await?;
        answer(request, Some(group), &known_after, &made)
    }

    async fn add_activations(
        &mut self,
        request: &LaunchRequest,
        items: &[&LaunchItem],
        version_hash: &str,
        group: &LaunchGroupId,
    ) -> Result<Known> {
        let engine = self.engine;
        let mut rows = Rows::new(2, items.len());
        for item in items {
            rows.push([item.partner.as_str().into(), request.vendor.as_str().into()]);
        }
        let facts =
            rows.fetch(engine, self.connection(), sql!("partner/launch_facts_many.sql")).await?;
        let facts: HashMap<String, (String, String)> = facts
            .iter()
            .map(|row| {
                Ok((row.text("partner_id")?, (row.text("company_id")?, row.text("revision")?)))
            })
            .collect::<Result<_>>()?;
        let ids = self.take_ids(HotTable::Activation, items.len()).await?;
        let mut rows = Rows::new(16, items.len());
        for (item, id) in items.iter().zip(ids) {
            let (company, revision) = facts
                .get(item.partner.as_str())
                .ok_or_else(|| StoreError::not_found("partner", &item.partner))?;
            rows.push([
                Value::Int(id),
                request.vendor.as_str().into(),
                item.partner.as_str().into(),
                company.as_str().into(),
                request.package.as_str().into(),
                request.version.as_str().into(),
                version_hash.into(),
                revision.as_str().into(),
                item.list.as_str().into(),
                group.as_str().into(),
                ActivationState::Scheduled.as_str().into(),
                json_text(&item.slots).into(),
                Value::Int(request.start_at.get()),
                Value::Int(0),
                Value::Int(request.now.get()),
                Value::OptInt(item.event_at.map(UtcMillis::get)),
            ]);
        }
        let rows = rows.fetch(engine, self.connection(), sql!("activation/add_many.sql")).await?;
        rows.iter()
            .map(|row| {
                let id = ActivationId::new(row.int("activation_id")?);
                Ok((row.parsed("partner_id")?, (id, ActivationState::Scheduled)))
            })
            .collect()
    }
}

/// The activations that answer the request: live ones, and without `again` ended ones too.
async fn known(
    engine: Engine,
    connection: &mut AnyConnection,
    request: &LaunchRequest,
) -> Result<Known> {
    let rows = || {
        let mut rows = Rows::new(2, request.items.len());
        for item in &request.items {
            rows.push([Value::from(item.partner.as_str()), request.package.as_str().into()]);
        }
        rows
    };
    let read = |row: &AnyRow| -> Result<_> {
        Ok((
            row.parsed("partner_id")?,
            (ActivationId::new(row.int("activation_id")?), row.parsed("state")?),
        ))
    };
    let mut known = Known::new();
    if !request.again {
        for row in rows().fetch(engine, connection, sql!("activation/latest_many.sql")).await? {
            known.extend([read(&row)?]);
        }
    }
    for row in rows().fetch(engine, connection, sql!("activation/live_many.sql")).await? {
        known.extend([read(&row)?]);
    }
    Ok(known)
}

fn answer(
    request: &LaunchRequest,
    group: Option<LaunchGroupId>,
    known: &Known,
    made: &Known,
) -> Result<Launched> {
    let items = request
        .items
        .iter()
        .map(|item| {
            let is_new = made.contains_key(&item.partner);
            let (activation, state) = made
                .get(&item.partner)
                .or_else(|| known.get(&item.partner))
                .copied()
                .ok_or_else(|| StoreError::not_found("activation of partner", &item.partner))?;
            Ok(LaunchedItem { partner: item.partner.clone(), activation, state, is_new })
        })
        .collect::<Result<_>>()?;
    Ok(Launched { group, items })
}
