//! What `bench/expand.py` needs beside the program: the sends of one book inserted into another as fast as the same driver,
//! engine, table and indexes let them, and the campaign clock brought forward.
//!
//! `bare_insert rows FROM_URL INTO_URL` migrates an empty book and copies every send into it: 500 rows a statement, 50,000 a
//! transaction. Reading is not timed. Answers `{"rows": …, "seconds": …}`.
//! `bare_insert forward URL MILLISECONDS` brings campaign time forward.

use std::time::{Duration, Instant};

use domain::UtcMillis;
use sqlx::{
    AnyConnection, AssertSqlSafe, Connection, Executor, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};
use store::{Engine, Store, StoreOptions, bulk};

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// Rows of a statement: as the book has them.
const ROWS: usize = 500;
/// Rows read, and inserted in one transaction.
const PAGE: i64 = 50_000;

const READ: &str = "SELECT send_id, activation_id, person_id, step_key, occurrence, contact_id, provider, state, reason, due_at, \
                    attempts, duplicates FROM send WHERE send_id > $1 ORDER BY send_id LIMIT $2";
const INSERT: &str = "INSERT INTO send (send_id, activation_id, person_id, step_key, occurrence, contact_id, provider, state, reason, \
                      due_at, attempts, duplicates) VALUES /* rows */";
/// Which columns are texts.
const TEXTS: [usize; 4] = [3, 6, 7, 8];
const COLUMNS: usize = 12;

enum Cell {
    Int(i64),
    Text(String),
}

#[tokio::main]
async fn main() -> AnyResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["rows", from, into] => {
            let (rows, took) = copy(from, into).await?;
            println!("{{\"rows\": {rows}, \"seconds\": {:.6}}}", took.as_secs_f64());
        }
        ["forward", url, ms] => {
            let store = Store::open(url, StoreOptions::default()).await?;
            let offset = store.campaign_offset().await? + ms.parse::<i64>()?;
            store.set_campaign_offset(offset, "bench", UtcMillis::new(0)).await?;
        }
        _ => return Err("usage: bare_insert rows FROM INTO | bare_insert forward URL MS".into()),
    }
    Ok(())
}

async fn copy(from: &str, into: &str) -> AnyResult<(usize, Duration)> {
    let book = Store::open(into, StoreOptions::default()).await?;
    book.migrate(UtcMillis::new(0)).await?;
    let engine = book.engine();
    book.close().await;
    let mut source = AnyConnection::connect(from).await?;
    let mut target = AnyConnection::connect(into).await?;
    if engine == Engine::Sqlite {
        // As the book's own connection has it.
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                        PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768";
        target.execute(settings).await?;
    }
    let (mut rows, mut after, mut took) = (0, 0, Duration::ZERO);
    loop {
        let page = sqlx::query(READ).bind(after).bind(PAGE).fetch_all(&mut source).await?;
        let Some(last) = page.last() else { return Ok((rows, took)) };
        after = last.try_get(0)?;
        rows += page.len();
        let cells = page.iter().map(cells).collect::<sqlx::Result<Vec<_>>>()?;
        let began = Instant::now();
        let mut tx = target.begin().await?;
        for part in cells.chunks(ROWS) {
            let text = bulk(engine, INSERT, COLUMNS, part.len());
            let query = sqlx::query(AssertSqlSafe(text)).persistent(part.len() == ROWS);
            part.iter().flatten().fold(query, bound).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        took += began.elapsed();
    }
}

fn cells(row: &AnyRow) -> sqlx::Result<Vec<Cell>> {
    let cell = |at| match TEXTS.contains(&at) {
        true => row.try_get(at).map(Cell::Text),
        false => row.try_get(at).map(Cell::Int),
    };
    (0..COLUMNS).map(cell).collect()
}

fn bound<'q>(
    query: Query<'q, sqlx::Any, AnyArguments>,
    cell: &Cell,
) -> Query<'q, sqlx::Any, AnyArguments> {
    match cell {
        Cell::Int(value) => query.bind(*value),
        Cell::Text(text) => query.bind(text.clone()),
    }
}
