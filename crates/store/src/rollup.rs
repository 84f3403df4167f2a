//! What came back, counted in the transaction that writes it: by hour and step, and clicks by link.
//!
//! What a message adds to the counts is a function of everything that happened to it
//! ([`domain::results::counted`]). Whoever writes events or decides anew what they were works out what its
//! messages added before and what they add now, and adds the difference. So the counts are those of the raw
//! rows, whatever came in which order and how often: a property test holds them together.
//!
//! Whoever changes counts holds the row from which event numbers come: the steps of sends are read under it,
//! and two who count the same message take turns.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use domain::{
    EventKind, TargetsId, UtcMillis,
    engagement::Rules,
    results::{Happened, Place, ResultKind, Tally, Who, counted},
};

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    row::Read,
    track::sends_of,
};

/// A link that was clicked: its list, its number, and whose doing it was.
type Link = (TargetsId, u16, Who);

/// What is to be added to the counts.
#[derive(Debug, Default)]
pub(crate) struct Deltas {
    /// By activation, hour, step, kind and who: the order of the key, in which they are written.
    hours: BTreeMap<(i64, UtcMillis, String, ResultKind, Who), Tally>,
    /// By activation, step, list, link and who.
    links: BTreeMap<(i64, String, TargetsId, u16, Who), Tally>,
}

/// A message as it is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) activation: i64,
    pub(crate) step: &'a str,
}

impl Deltas {
    /// What happened to a message, as it was counted before and as it is to be counted now.
    pub(crate) fn recount(&mut self, of: Message<'_>, before: &[Happened], after: &[Happened]) {
        for (place, tally) in counted(before) {
            *self.hour(of, place) -= tally;
        }
        for (place, tally) in counted(after) {
            *self.hour(of, place) += tally;
        }
    }

    /// The clicks of a message, as they were counted before and as they are to be counted now.
    pub(crate) fn recount_links(&mut self, of: Message<'_>, before: &[Link], after: &[Link]) {
        for (sign, links) in [(-1, before), (1, after)] {
            let mut seen = HashSet::new();
            for (targets, number, who) in links {
                let key = (of.activation, of.step.to_owned(), *targets, *number, *who);
                let tally = self.links.entry(key).or_default();
                tally.events += sign;
                tally.messages += if seen.insert((targets, number, who)) { sign } else { 0 };
            }
        }
    }

    fn hour(&mut self, of: Message<'_>, place: Place) -> &mut Tally {
        let key = (of.activation, place.hour, of.step.to_owned(), place.kind, place.who);
        self.hours.entry(key).or_default()
    }
}

impl WriteTx {
    /// Holds the row from which event numbers come until the transaction ends.
    pub(crate) async fn lock_counts(&mut self) -> Result<()> {
        self.take_event_ids(0).await?;
        Ok(())
    }

    /// Adds what was worked out to the counts, each row once and in the order of the key.
    pub(crate) async fn write_counts(&mut self, deltas: Deltas) -> Result<()> {
        let is_something = |tally: &Tally| *tally != Tally::default();
        let (mut hours, mut emptied) = (Rows::new(7, deltas.hours.len()), Rows::new(5, 0));
        for ((activation, hour, step, kind, who), tally) in deltas.hours {
            if !is_something(&tally) {
                continue;
            }
            let key = || -> [Value; 5] {
                let (kind, who) = (kind.as_str().into(), who.as_str().into());
                [activation.into(), hour.get().into(), step.as_str().into(), kind, who]
            };
            if tally.events < 0 {
                emptied.push(key());
            }
            let [a, b, c, d, e] = key();
            hours.push([a, b, c, d, e, tally.events.into(), tally.messages.into()]);
        }
        let (mut links, mut emptied_links) = (Rows::new(7, deltas.links.len()), Rows::new(5, 0));
        for ((activation, step, targets, link, who), tally) in deltas.links {
            if !is_something(&tally) {
                continue;
            }
            let key = || -> [Value; 5] {
                let (targets, who) = (targets.to_string().into(), who.as_str().into());
                [activation.into(), step.as_str().into(), targets, i64::from(link).into(), who]
            };
            if tally.events < 0 {
                emptied_links.push(key());
            }
            let [a, b, c, d, e] = key();
            links.push([a, b, c, d, e, tally.events.into(), tally.messages.into()]);
        }
        let engine = self.engine;
        for (rows, text) in [
            (hours, sql!("rollup_hour/add_many.sql")),
            (emptied, sql!("rollup_hour/drop_empty_many.sql")),
            (links, sql!("rollup_link/add_many.sql")),
            (emptied_links, sql!("rollup_link/drop_empty_many.sql")),
        ] {
            rows.execute(engine, self.connection(), text).await?;
        }
        Ok(())
    }

    /// What happened to the mail of these sends. Opens and clicks are not among it.
    pub(crate) async fn mail_of(&mut self, sends: &[i64]) -> Result<HashMap<i64, OfMail>> {
        let engine = self.engine;
        let rows = sends_of(sends)
            .fetch(engine, self.connection(), sql!("event/outcomes_of_sends_many.sql"))
            .await?;
        let mut found: HashMap<i64, OfMail> = HashMap::new();
        for row in &rows {
            let kind: EventKind = row.parsed("kind")?;
            let Some(kind) = ResultKind::of(kind) else { continue };
            let of_mail = match found.entry(row.int("send_id")?) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(OfMail {
                    activation: row.int("activation_id")?,
                    step: row.text("step_key")?,
                    events: Vec::new(),
                }),
            };
            of_mail.events.push(MailEvent {
                event: row.int("event_id")?,
                happened: Happened { kind, who: Who::Mail, at: row.time("at")? },
                is_counted: row.flag("counted")?,
            });
        }
        Ok(found)
    }
}

/// What the book has of one send's mail.
#[derive(Debug)]
pub(crate) struct OfMail {
    activation: i64,
    step: String,
    events: Vec<MailEvent>,
}

#[derive(Debug)]
struct MailEvent {
    event: i64,
    happened: Happened,
    is_counted: bool,
}

impl OfMail {
    pub(crate) fn message(&self) -> Message<'_> {
        Message { activation: self.activation, step: &self.step }
    }

    /// What is counted, without the events of `new`.
    pub(crate) fn counted_before(&self, new: &HashSet<i64>) -> Vec<Happened> {
        let old = |one: &&MailEvent| one.is_counted && !new.contains(&one.event);
        self.events.iter().filter(old).map(|one| one.happened).collect()
    }
}

/// What counting what had not been counted did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Messages of which something was counted now.
    pub messages: u64,
    /// Whether there may be more.
    pub more: bool,
}

impl Store {
    /// Counts what is in the book and in no count, of at most `limit` messages each way: what an older program
    /// wrote, which did not count. Does nothing in a book that has nothing of that kind.
    ///
    /// # Errors
    /// When the book fails; then nothing of it was counted.
    pub async fn catch_up_counts(
        &self,
        rules: &Rules,
        limit: i64,
        now: UtcMillis,
    ) -> Result<CaughtUp> {
        let mail = self.uncounted(sql!("event/uncounted.sql"), limit).await?;
        if !mail.is_empty() {
            let mut tx = self.begin_write().await?;
            tx.count_mail(&mail).await?;
            tx.commit().await?;
        }
        let tracked = self.uncounted(sql!("event_class/uncounted.sql"), limit).await?;
        if !tracked.is_empty() {
            let mut tx = self.begin_write().await?;
            tx.lock_counts().await?;
            tx.classify_sends(&tracked, rules, now).await?;
            tx.commit().await?;
        }
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(CaughtUp {
            messages: (mail.len() + tracked.len()) as u64,
            more: mail.len() >= full || tracked.len() >= full,
        })
    }

    async fn uncounted(&self, page: &'static str, limit: i64) -> Result<Vec<i64>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(page).bind(limit).fetch_all(&mut *connection).await?;
        rows.iter().map(|row| row.int("send_id")).collect()
    }
}

impl WriteTx {
    /// Counts what happened to the mail of these sends and is not counted yet.
    async fn count_mail(&mut self, sends: &[i64]) -> Result<()> {
        self.lock_counts().await?;
        let mut deltas = Deltas::default();
        let mut now_counted = Rows::new(1, sends.len());
        for of_mail in self.mail_of(sends).await?.values() {
            let before = of_mail.counted_before(&HashSet::new());
            let after: Vec<Happened> = of_mail.events.iter().map(|one| one.happened).collect();
            deltas.recount(of_mail.message(), &before, &after);
            for one in of_mail.events.iter().filter(|one| !one.is_counted) {
                now_counted.push([Value::Int(one.event)]);
            }
        }
        let engine = self.engine;
        now_counted.execute(engine, self.connection(), sql!("event/set_counted_many.sql")).await?;
        self.write_counts(deltas).await
    }
}
