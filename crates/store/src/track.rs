//! Opens and clicks: kept as they came, and beside them what they were.

use std::collections::{HashMap, hash_map::Entry};

use domain::{
    EventKind, SendId, TargetsId, TrackRecord, UtcMillis,
    engagement::{Class, Context, Rules, Seen, Verdict, classify},
    results::{Happened, ResultKind, Who},
    track::{TrackDetail, Tracked},
};
use sqlx::any::AnyRow;

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    rollup::{Deltas, Message},
    row::{Read, json_text},
};

/// Opens and clicks of one message that are kept. More are somebody's loop, and each new one makes the rules
/// look at all of them.
pub const MOST_TRACKS: i64 = 1_000;
/// How long an open or click waits for the acceptance of its message before it is settled without.
const SETTLED_AFTER_MS: i64 = 60 * 60 * 1_000;

/// An open or a click as it came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamedTrack {
    /// What happened.
    pub record: TrackRecord,
    /// Campaign time at which it happened.
    pub at: UtcMillis,
}

/// What a batch of opens and clicks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TracksRecorded {
    /// Those the book did not have.
    pub new: u64,
    /// Those it had.
    pub repeated: u64,
    /// Those of sends the book does not know.
    pub unknown: u64,
    /// Those over [`MOST_TRACKS`] of their message.
    pub over: u64,
}

/// What running the rules over some sends did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reclassified {
    /// Opens and clicks that were looked at.
    pub events: u64,
    /// Those that are written anew: another class or rule, another version of the rules, or settled.
    pub changed: u64,
    /// The last send that was looked at; `None` when there was none.
    pub last: Option<SendId>,
}

impl Store {
    /// Records a batch of opens and clicks in one transaction: the events, what they were, and `position`
    /// as the batch's last entry in `stream`. Repeating a batch changes nothing.
    ///
    /// # Errors
    /// When the book fails; then nothing of the batch was recorded.
    pub async fn record_tracks(
        &self,
        stream: &str,
        position: &str,
        batch: &[StreamedTrack],
        rules: &Rules,
        now: UtcMillis,
    ) -> Result<TracksRecorded> {
        let mut tx = self.begin_write().await?;
        let recorded = tx.write_tracks(batch, rules, now).await?;
        tx.put_recorder_position(stream, position).await?;
        tx.commit().await?;
        Ok(recorded)
    }

    /// Looks again at opens and clicks of at most `limit` sends past `after` whose acceptance was not in the
    /// book when they came.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn settle_tracks(
        &self,
        rules: &Rules,
        after: SendId,
        limit: i64,
        now: UtcMillis,
    ) -> Result<Reclassified> {
        self.classify_page(sql!("event_class/unsettled.sql"), rules, after, limit, now).await
    }

    /// Runs the rules again over all opens and clicks of at most `limit` sends past `after`.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn reclassify_tracks(
        &self,
        rules: &Rules,
        after: SendId,
        limit: i64,
        now: UtcMillis,
    ) -> Result<Reclassified> {
        self.classify_page(sql!("event_class/sends_page.sql"), rules, after, limit, now).await
    }

    async fn classify_page(
        &self,
        page: &'static str,
        rules: &Rules,
        after: SendId,
        limit: i64,
        now: UtcMillis,
    ) -> Result<Reclassified> {
        let mut connection = self.read().await?;
        let rows =
            sqlx::query(page).bind(after.get()).bind(limit).fetch_all(&mut *connection).await?;
        drop(connection);
        let sends = rows.iter().map(|row| row.int("send_id")).collect::<Result<Vec<_>>>()?;
        let Some(last) = sends.last() else { return Ok(Reclassified::default()) };
        let mut tx = self.begin_write().await?;
        tx.lock_counts().await?;
        let (events, changed) = tx.classify_sends(&sends, rules, now).await?;
        tx.commit().await?;
        Ok(Reclassified { events, changed, last: Some(SendId::new(*last)) })
    }
}

/// An open or click of the book.
struct Kept {
    event: i64,
    kind: EventKind,
    at: UtcMillis,
    detail: TrackDetail,
    said: Option<Said>,
}

/// What the rules said the last time, and as what it was counted.
struct Said {
    class: Class,
    rule: String,
    rules_version: String,
    settled: bool,
    counted: Option<Class>,
}

/// What the book has of one send.
struct OfSend {
    activation: i64,
    step: String,
    accepted_at: Option<UtcMillis>,
    tracks: Vec<Kept>,
}

impl Kept {
    fn happened(&self, class: Class) -> Option<Happened> {
        let kind = ResultKind::of(self.kind)?;
        Some(Happened { kind, who: Who::from(class), at: self.at })
    }

    fn link(&self, class: Class) -> Option<(TargetsId, u16, Who)> {
        match self.detail.what {
            Tracked::Opened => None,
            Tracked::Clicked { link, targets } => Some((targets, link, Who::from(class))),
        }
    }

    fn counted(&self) -> Option<Class> {
        self.said.as_ref()?.counted
    }

    /// Whether the row says something else than is to be said now.
    fn is_news(&self, verdict: &Verdict<'_>, rules: &Rules, settled: bool) -> bool {
        self.said.as_ref().is_none_or(|said| {
            said.class != verdict.class
                || said.rule != verdict.rule
                || said.rules_version != rules.version()
                || said.settled != settled
                || said.counted != Some(verdict.class)
        })
    }
}

impl WriteTx {
    async fn write_tracks(
        &mut self,
        batch: &[StreamedTrack],
        rules: &Rules,
        now: UtcMillis,
    ) -> Result<TracksRecorded> {
        let mut ids: Vec<i64> = batch.iter().map(|track| track.record.send.get()).collect();
        ids.sort_unstable();
        ids.dedup();
        let engine = self.engine;
        let known = sends_of(&ids)
            .fetch(engine, self.connection(), sql!("event/track_counts_many.sql"))
            .await?;
        let mut known = known
            .iter()
            .map(|row| Ok((row.int("send_id")?, (row.int("activation_id")?, row.int("tracks")?))))
            .collect::<Result<HashMap<i64, (i64, i64)>>>()?;

        let mut recorded = TracksRecorded::default();
        let mut fitting = Vec::with_capacity(batch.len());
        for track in batch {
            match known.get_mut(&track.record.send.get()) {
                None => recorded.unknown += 1,
                Some((_, tracks)) if *tracks >= MOST_TRACKS => recorded.over += 1,
                Some((activation, tracks)) => {
                    *tracks += 1;
                    fitting.push((*activation, track));
                }
            }
        }
        let event_ids = self.take_event_ids(fitting.len()).await?;
        let mut events = Rows::new(8, fitting.len());
        for ((activation, track), event) in fitting.iter().zip(event_ids) {
            let TrackRecord { id, send, what, visitor, .. } = &track.record;
            let detail = TrackDetail { what: *what, visitor: visitor.clone() };
            events.push([
                Value::Int(event),
                Value::Int(send.get()),
                Value::Int(*activation),
                what.event_kind().as_str().into(),
                Value::Int(*id),
                Value::Int(track.at.get()),
                json_text(&detail).into(),
                Value::Int(1),
            ]);
        }
        let new = events.fetch(engine, self.connection(), sql!("event/add_many.sql")).await?;
        recorded.new = new.len() as u64;
        recorded.repeated = fitting.len() as u64 - recorded.new;
        let mut touched = new.iter().map(|row| row.int("send_id")).collect::<Result<Vec<_>>>()?;
        touched.sort_unstable();
        touched.dedup();
        self.classify_sends(&touched, rules, now).await?;
        Ok(recorded)
    }

    /// Runs the rules over everything that was asked for of `sends`, and counts what they say. Later requests
    /// change what earlier ones were (the third link at once makes a machine of the first two), so it is always
    /// all of them; and what comes out does not depend on what came first.
    ///
    /// The caller holds the counts ([`WriteTx::lock_counts`]).
    pub(crate) async fn classify_sends(
        &mut self,
        sends: &[i64],
        rules: &Rules,
        now: UtcMillis,
    ) -> Result<(u64, u64)> {
        let sends = self.tracks_of(sends).await?;
        let links = self.links_of(sends.values()).await?;
        let (mut events, mut rows, mut deltas) = (0, Vec::new(), Deltas::default());
        for (send, of_send) in &sends {
            let OfSend { activation, accepted_at, tracks, .. } = of_send;
            let most_links = tracks.iter().filter_map(|kept| links.get(&targets_of(kept)?)).max();
            let message = Context { accepted_at: *accepted_at, links: most_links.copied() };
            let seen: Vec<Seen<'_>> = tracks
                .iter()
                .map(|Kept { at, detail, .. }| Seen {
                    what: detail.what,
                    at: *at,
                    visitor: &detail.visitor,
                })
                .collect();
            let verdicts = classify(rules, message, &seen);
            of_send.count(&verdicts, &mut deltas);
            events += tracks.len() as u64;
            for (kept, verdict) in tracks.iter().zip(verdicts) {
                let settled = accepted_at.is_some() || now.get() - kept.at.get() > SETTLED_AFTER_MS;
                if !kept.is_news(&verdict, rules, settled) {
                    continue;
                }
                let row: [Value; 9] = [
                    Value::Int(kept.event),
                    Value::Int(*send),
                    Value::Int(*activation),
                    kept.kind.as_str().into(),
                    verdict.class.as_str().into(),
                    verdict.rule.into(),
                    rules.version().into(),
                    Value::Int(i64::from(settled)),
                    verdict.class.as_str().into(),
                ];
                rows.push((kept.event, row));
            }
        }
        // In one order, so that two who write the same rows at once don't wait for each other in a circle.
        rows.sort_unstable_by_key(|(event, _)| *event);
        let mut classes = Rows::new(9, rows.len());
        for (_, row) in rows {
            classes.push(row);
        }
        let engine = self.engine;
        let changed =
            classes.execute(engine, self.connection(), sql!("event_class/put_many.sql")).await?;
        self.write_counts(deltas).await?;
        Ok((events, changed))
    }

    async fn tracks_of(&mut self, sends: &[i64]) -> Result<HashMap<i64, OfSend>> {
        let engine = self.engine;
        let rows = sends_of(sends)
            .fetch(engine, self.connection(), sql!("event/tracks_of_sends_many.sql"))
            .await?;
        let mut found: HashMap<i64, OfSend> = HashMap::with_capacity(sends.len());
        for row in &rows {
            let of_send = match found.entry(row.int("send_id")?) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(OfSend {
                    activation: row.int("activation_id")?,
                    step: row.text("step_key")?,
                    accepted_at: None,
                    tracks: Vec::new(),
                }),
            };
            let (kind, at): (EventKind, _) = (row.parsed("kind")?, row.time("at")?);
            if kind == EventKind::Accepted {
                // A second acceptance is a duplicate; the recipient may have either.
                of_send.accepted_at = Some(of_send.accepted_at.map_or(at, |first| first.min(at)));
            } else {
                let (event, detail) = (row.int("event_id")?, row.json("detail")?);
                of_send.tracks.push(Kept { event, kind, at, detail, said: said(row)? });
            }
        }
        Ok(found)
    }

    /// How many links there are in the lists that clicks name.
    async fn links_of(
        &mut self,
        sends: impl Iterator<Item = &OfSend>,
    ) -> Result<HashMap<TargetsId, usize>> {
        let mut ids: Vec<TargetsId> =
            sends.flat_map(|of_send| of_send.tracks.iter().filter_map(targets_of)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut rows = Rows::new(1, ids.len());
        for id in ids {
            rows.push([id.to_string().into()]);
        }
        let engine = self.engine;
        let rows =
            rows.fetch(engine, self.connection(), sql!("link_targets/links_many.sql")).await?;
        rows.iter()
            .map(|row| {
                let links = usize::try_from(row.int("links")?).unwrap_or_default();
                Ok((row.parsed("targets_id")?, links))
            })
            .collect()
    }
}

impl OfSend {
    /// What it added to the counts until now, and what it adds by these verdicts.
    fn count(&self, verdicts: &[Verdict<'_>], deltas: &mut Deltas) {
        let message = Message { activation: self.activation, step: &self.step };
        let counted = || self.tracks.iter().filter_map(|kept| Some((kept, kept.counted()?)));
        let decided =
            || self.tracks.iter().zip(verdicts).map(|(kept, verdict)| (kept, verdict.class));
        let happened = |(kept, class): (&Kept, Class)| kept.happened(class);
        let before: Vec<Happened> = counted().filter_map(happened).collect();
        let after: Vec<Happened> = decided().filter_map(happened).collect();
        deltas.recount(message, &before, &after);
        let link = |(kept, class): (&Kept, Class)| kept.link(class);
        let before: Vec<_> = counted().filter_map(link).collect();
        let after: Vec<_> = decided().filter_map(link).collect();
        deltas.recount_links(message, &before, &after);
    }
}

fn said(row: &AnyRow) -> Result<Option<Said>> {
    if row.opt_text("class")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Said {
        class: row.parsed("class")?,
        rule: row.text("rule")?,
        rules_version: row.text("rules_version")?,
        settled: row.flag("settled")?,
        // Empty: an older program wrote the row, which did not count.
        counted: match row.text("counted")?.as_str() {
            "" => None,
            _ => Some(row.parsed("counted")?),
        },
    }))
}

fn targets_of(kept: &Kept) -> Option<TargetsId> {
    match kept.detail.what {
        Tracked::Opened => None,
        Tracked::Clicked { targets, .. } => Some(targets),
    }
}

/// A row for each of these sends.
pub(crate) fn sends_of(ids: &[i64]) -> Rows {
    let mut rows = Rows::new(1, ids.len());
    for id in ids {
        rows.push([Value::Int(*id)]);
    }
    rows
}
