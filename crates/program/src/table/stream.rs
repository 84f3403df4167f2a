//! A table read on a thread of its own, handed over in chunks: two chunks in memory at most.

use std::{path::PathBuf, sync::Arc};

use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{file::Table, header::ColumnSet, read_as::ReadAs, rows::Read};
use crate::error::{Error, Result};

/// Some rows, in the order of the file.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Read>,
    pub(crate) bytes_read: u64,
}

/// A table whose rows arrive in chunks.
pub(crate) struct Stream {
    table: Arc<Table>,
}

impl Stream {
    /// Opens the file and finds out how it is written.
    ///
    /// # Errors
    /// It can't be read as a table with these columns.
    pub(crate) async fn open(
        path: PathBuf,
        columns: &'static ColumnSet,
        read_as: ReadAs,
    ) -> Result<Self> {
        let opened = tokio::task::spawn_blocking(move || Table::open(&path, columns, &read_as));
        Ok(Self { table: Arc::new(opened.await.map_err(unread)??) })
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Reads the rows from the first one. It takes the stream, because a file is read by one at a
    /// time; [`Chunks::end`] gives it back.
    pub(crate) fn read(self, chunk_rows: usize) -> Chunks {
        let (give, chunks) = mpsc::channel(1);
        let table = Arc::clone(&self.table);
        let reading = tokio::task::spawn_blocking(move || read(&table, chunk_rows, &give));
        Chunks { stream: self, chunks, reading: Some(reading) }
    }
}

/// Reads all rows, as long as somebody listens.
fn read(table: &Table, chunk_rows: usize, give: &mpsc::Sender<Chunk>) -> Result<()> {
    let mut rows = table.rows()?;
    loop {
        let mut chunk = Vec::with_capacity(chunk_rows);
        let ended = loop {
            match rows.next() {
                Ok(Some(row)) => chunk.push(row),
                Ok(None) => break Some(Ok(())),
                Err(error) => break Some(Err(error)),
            }
            if chunk.len() == chunk_rows {
                break None;
            }
        };
        let chunk = Chunk { rows: chunk, bytes_read: rows.bytes_read() };
        if give.blocking_send(chunk).is_err() {
            return Ok(());
        }
        if let Some(ended) = ended {
            return ended;
        }
    }
}

/// The rows of a table, as they arrive.
pub(crate) struct Chunks {
    stream: Stream,
    chunks: mpsc::Receiver<Chunk>,
    reading: Option<JoinHandle<Result<()>>>,
}

impl Chunks {
    /// The next rows; `None` at the end of the file.
    ///
    /// # Errors
    /// The file can't be read any further.
    pub(crate) async fn next(&mut self) -> Result<Option<Chunk>> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        // The end of the rows is the end of the file only if reading ended well.
        if let Some(reading) = self.reading.take() {
            reading.await.map_err(unread)??;
        }
        Ok(None)
    }

    /// The table that was read to its end, to be read again.
    pub(crate) fn end(self) -> Stream {
        self.stream
    }
}

fn unread(source: JoinError) -> Error {
    Error::Internal { doing: "read the file", source: Box::new(source) }
}
