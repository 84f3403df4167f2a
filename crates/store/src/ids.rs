//! Where ids come from.

use std::{
    collections::HashMap,
    fmt,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use domain::UtcMillis;
use sqlx::AnyConnection;
use ulid::{Generator, Ulid};

use crate::{
    engine::{Store, WriteTx},
    error::Result,
    row::Read,
};

/// Numbers a process takes at a time for a table it writes again and again.
const BLOCK: i64 = 20_000;

/// A table whose rows have numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HotTable {
    Contact,
    Person,
    Activation,
    Send,
}

impl HotTable {
    const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Person => "person",
            Self::Activation => "activation",
            Self::Send => "send",
        }
    }
}

/// The numbers this process holds, and ULIDs.
#[derive(Default)]
pub struct Ids {
    held: Mutex<HashMap<HotTable, Held>>,
    ulids: Mutex<Generator>,
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").field("held", &self.held).finish_non_exhaustive()
    }
}

/// Numbers `next..end` of one table.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    next: i64,
    end: i64,
}

impl Ids {
    /// A new ULID whose time part is `now`; those of one process and one millisecond are in order.
    ///
    /// # Panics
    /// Never in practice: after 2^80 of them in one millisecond.
    pub fn ulid(&self, now: UtcMillis) -> Ulid {
        let millis = u64::try_from(now.get()).unwrap_or(0);
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let mut ulids = self.ulids.lock().expect("nobody panics while making ids");
        ulids.generate_from_datetime(at).expect("a millisecond has 2^80 ids")
    }

    /// Takes `count` numbers of those held, if there are as many. Asking marks the table as one that
    /// this process writes, so that the next transaction finds a block.
    fn take(&self, table: HotTable, count: i64) -> Option<Vec<i64>> {
        let mut held = self.held.lock().expect("nobody panics while holding ids");
        let held = held.entry(table).or_default();
        if held.end - held.next < count {
            return None;
        }
        let first = held.next;
        held.next += count;
        Some((first..held.next).collect())
    }

    fn running_low(&self) -> Vec<HotTable> {
        let held = self.held.lock().expect("nobody panics while holding ids");
        held.iter()
            .filter(|(_, held)| held.end - held.next < BLOCK / 2)
            .map(|(table, _)| *table)
            .collect()
    }

    fn refill(&self, table: HotTable, first: i64) {
        let mut held = self.held.lock().expect("nobody panics while holding ids");
        held.insert(table, Held { next: first, end: first + BLOCK });
    }
}

impl Store {
    /// Fetches blocks for the tables this process keeps writing, in a transaction of its own: a
    /// block taken inside a transaction that is rolled back would be handed out twice.
    pub(crate) async fn top_up_ids(&self) -> Result<()> {
        let low = self.ids().running_low();
        if low.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_plain().await?;
        let mut fresh = Vec::new();
        for table in low {
            fresh.push((table, advance(&mut tx, table.name(), BLOCK).await?));
        }
        tx.commit().await?;
        for (table, first) in fresh {
            self.ids().refill(table, first);
        }
        Ok(())
    }
}

impl WriteTx {
    /// `count` new numbers for rows of `table`.
    pub(crate) async fn take_ids(&mut self, table: HotTable, count: usize) -> Result<Vec<i64>> {
        let count = i64::try_from(count).expect("fewer rows than i64 holds");
        if let Some(ids) = self.ids.take(table, count) {
            return Ok(ids);
        }
        // Not in memory: exactly as many as needed, which a rollback gives back.
        let first = advance(self.connection(), table.name(), count).await?;
        Ok((first..first + count).collect())
    }

    /// Numbers for events always come from the row, inside the transaction: it stays locked until
    /// the commit, so numbers appear in commit order and a reader that remembers the last one it
    /// saw misses none.
    pub(crate) async fn take_event_ids(&mut self, count: usize) -> Result<Vec<i64>> {
        let count = i64::try_from(count).expect("fewer rows than i64 holds");
        let first = advance(self.connection(), "event", count).await?;
        Ok((first..first + count).collect())
    }

    /// The next value of a named counter.
    pub(crate) async fn next_count(&mut self, name: &'static str) -> Result<i64> {
        let row =
            sqlx::query(sql!("counter/next.sql")).bind(name).fetch_one(self.connection()).await?;
        row.int("value")
    }
}

async fn advance(connection: &mut AnyConnection, table: &'static str, count: i64) -> Result<i64> {
    let row = sqlx::query(sql!("id_block/advance.sql"))
        .bind(table)
        .bind(count)
        .fetch_one(connection)
        .await?;
    Ok(row.int("next_id")? - count)
}
