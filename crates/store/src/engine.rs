//! Opening the book and writing into it.

use std::{fmt, ops::DerefMut, path::PathBuf, sync::Arc, time::Duration};

use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Row, Transaction, any::AnyPoolOptions,
    pool::PoolConnection,
};

use crate::{
    error::{Result, StoreError},
    ids::Ids,
};

/// Which database the book is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// An SQLite file: the default, for one machine.
    Sqlite,
    /// A Postgres database.
    Postgres,
}

/// How the book is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Connections that read (SQLite), or all there are (Postgres).
    pub readers: u32,
    /// How long a writer waits for its turn: for the connection, and for other processes.
    pub busy_timeout: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            readers: 6,
            busy_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// The open book. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Engine,
    read: AnyPool,
    write: AnyPool,
    ids: Arc<Ids>,
    path: Option<PathBuf>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("engine", &self.0.engine)
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

/// A transaction that writes. Dropped without [`WriteTx::commit`] it changes nothing.
pub struct WriteTx {
    tx: Transaction<'static, Any>,
    pub(crate) engine: Engine,
    pub(crate) ids: Arc<Ids>,
}

impl fmt::Debug for WriteTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTx").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the book at `sqlite:FILE` or `sqlite:///path/to/file.sqlite` (made if it is missing), or at
    /// `postgres://…`.
    /// Does not migrate it.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`]; [`StoreError::Unwritable`] naming the file; [`StoreError::Unreachable`].
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let file = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        if let Some(path) = file {
            Self::open_sqlite(path, options).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url, options).await
        } else {
            Err(StoreError::BadUrl { url: masked(url) })
        }
    }

    async fn open_sqlite(path: &str, options: StoreOptions) -> Result<Self> {
        if path.is_empty() || path.contains('?') {
            return Err(StoreError::BadUrl { url: format!("sqlite://{path}") });
        }
        let path = PathBuf::from(path);
        // The driver undoes percent signs and cuts at ? and #, and so the path of a file with one
        // of these in its name goes in escaped.
        let escaped: String = path
            .to_string_lossy()
            .chars()
            .map(|c| match c {
                '%' => "%25".to_owned(),
                '#' => "%23".to_owned(),
                '?' => "%3F".to_owned(),
                other => other.to_string(),
            })
            .collect();
        let url = format!("sqlite://{escaped}?mode=rwc");
        let unwritable =
            |source| StoreError::Unwritable { path: path.display().to_string(), source };
        // Alone first: a pool tries again until its time is up, and then says only that it was.
        let mut first = AnyConnection::connect(&url).await.map_err(unwritable)?;
        match use_write_ahead_log(&mut first).await {
            Err(source) if !matches!(StoreError::from_ref(&source), Kind::Busy) => {
                return Err(unwritable(source));
            }
            Err(_) | Ok(()) => first.close().await.map_err(unwritable)?,
        }
        let pool = |connections| sqlite_pool(url.clone(), connections, &options);
        let write = pool(1).await.map_err(unwritable)?;
        let mut probe = write.acquire().await.map_err(unwritable)?;
        // Opening does not write; this does, so that a read-only book fails here and by name.
        // Waiting for another process is no failure to write.
        match write_something(&mut probe).await {
            Err(source) if !matches!(StoreError::from_ref(&source), Kind::Busy) => {
                return Err(unwritable(source));
            }
            Err(source) => return Err(source.into()),
            Ok(()) => {}
        }
        drop(probe);
        let read = pool(options.readers.max(1)).await.map_err(unwritable)?;
        Ok(Self(Arc::new(Inner {
            engine: Engine::Sqlite,
            read,
            write,
            ids: Arc::default(),
            path: Some(path),
        })))
    }

    async fn open_postgres(url: &str, options: StoreOptions) -> Result<Self> {
        let pool = AnyPoolOptions::new()
            .max_connections(options.readers.max(2))
            .acquire_timeout(options.connect_timeout)
            .connect(url)
            .await
            .map_err(|source| match StoreError::from(source) {
                // Before there was a connection a time-out says nobody answered.
                StoreError::Busy { source } => StoreError::Unreachable { source },
                other => other,
            })?;
        Ok(Self(Arc::new(Inner {
            engine: Engine::Postgres,
            read: pool.clone(),
            write: pool,
            ids: Arc::default(),
            path: None,
        })))
    }

    /// Which database the book is in.
    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// Where ids come from.
    pub fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn healthy(&self) -> Result<()> {
        let mut connection = self.read().await?;
        connection.ping().await?;
        Ok(())
    }

    /// Begins a transaction that writes: `BEGIN IMMEDIATE` on SQLite, since a transaction that began
    /// by reading can't become a writer there; `BEGIN` on Postgres.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when its turn did not come in time.
    pub async fn begin_write(&self) -> Result<WriteTx> {
        self.top_up_ids().await?;
        let tx = self.begin_plain().await?;
        Ok(WriteTx { tx, engine: self.0.engine, ids: Arc::clone(&self.0.ids) })
    }

    pub(crate) async fn begin_plain(&self) -> Result<Transaction<'static, Any>> {
        let statement = match self.0.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        Ok(self.0.write.begin_with(statement).await?)
    }

    /// A connection to read with.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>> {
        Ok(self.0.read.acquire().await?)
    }

    /// Closes all connections, when nobody uses them any more.
    pub async fn close(&self) {
        self.0.read.close().await;
        self.0.write.close().await;
    }
}

impl WriteTx {
    /// Makes it durable.
    ///
    /// # Errors
    /// Then nothing was changed.
    pub async fn commit(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }

    /// Gives it up.
    ///
    /// # Errors
    /// When the connection was lost, which gives it up too.
    pub async fn rollback(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        self.tx.deref_mut()
    }
}

async fn sqlite_pool(
    url: String,
    connections: u32,
    options: &StoreOptions,
) -> sqlx::Result<AnyPool> {
    let busy = format!("PRAGMA busy_timeout = {}", options.busy_timeout.as_millis());
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.busy_timeout)
        // The file does not go away; a connection that is kept keeps its statements.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // On a full disk SQLite ends a transaction by itself; its ROLLBACK then fails, and the connection would be taken for one inside
        // a transaction from then on, for as long as the process lives.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    // What was dropped is rolled back first.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .after_connect(move |connection, _| {
            let busy = busy.clone();
            Box::pin(async move {
                sqlx::raw_sql(sqlx::AssertSqlSafe(busy)).execute(&mut *connection).await?;
                use_write_ahead_log(connection).await?;
                // FULL: what was answered survives a loss of power, as an accepted launch must.
                sqlx::raw_sql(
                    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                     PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768",
                )
                .execute(&mut *connection)
                .await?;
                Ok(())
            })
        })
        .connect(&url)
        .await
}

/// Switches the file to WAL. The switch needs the file for itself for a moment, and SQLite does not
/// wait for that moment by itself, so two processes that open a new book at once try again.
async fn use_write_ahead_log(connection: &mut AnyConnection) -> sqlx::Result<()> {
    const TRIES: u32 = 100;
    for _ in 1..TRIES {
        match sqlx::query("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await {
            Ok(row) if row.try_get::<String, _>(0)? == "wal" => return Ok(()),
            Err(error) if !matches!(StoreError::from_ref(&error), Kind::Busy) => return Err(error),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    sqlx::query("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await?;
    Ok(())
}

/// Takes the write lock and writes a page that is rolled back.
async fn write_something(connection: &mut AnyConnection) -> sqlx::Result<()> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql("CREATE TABLE writable_probe (x BIGINT)").execute(&mut *tx).await?;
    tx.rollback().await
}

enum Kind {
    Busy,
    Other,
}

impl StoreError {
    fn from_ref(error: &sqlx::Error) -> Kind {
        let busy = match error {
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(database) => database
                .code()
                .and_then(|code| code.parse::<i64>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 6)),
            _ => false,
        };
        if busy { Kind::Busy } else { Kind::Other }
    }
}

/// A URL without its password.
fn masked(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TestDatabase;

    /// What SQLite does by itself when the disk is full, done by hand.
    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_by_itself_spoils_no_later_one() {
        let database = TestDatabase::sqlite();
        let store = Store::open(database.url(), StoreOptions::default()).await.unwrap();
        for commits in [true, false] {
            let mut tx = store.begin_plain().await.unwrap();
            sqlx::raw_sql("ROLLBACK").execute(&mut *tx).await.unwrap();
            if commits {
                tx.commit().await.unwrap_err();
            } else {
                drop(tx);
            }
        }
        store.begin_plain().await.unwrap().rollback().await.unwrap();
        // A dropped one is rolled back, on the same connection.
        drop(store.begin_plain().await.unwrap());
        store.begin_plain().await.unwrap().commit().await.unwrap();
    }
}
