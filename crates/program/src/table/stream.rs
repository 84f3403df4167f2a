//! A table read on a thread of its own, handed over in chunks: two chunks in memory at most.

use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::{
    header::{ColumnSet, Header},
    rows::{Read, Table},
};
use crate::error::{Error, Result};

/// What is known before the first row.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) header: Header,
    pub(crate) delimiter: char,
    pub(crate) encoding: &'static str,
    pub(crate) notes: Vec<String>,
    pub(crate) bytes_total: u64,
}

/// Some rows, in the order of the file.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Read>,
    pub(crate) bytes_read: u64,
}

/// A table that arrives in chunks.
pub(crate) struct Stream {
    pub(crate) head: Head,
    chunks: mpsc::Receiver<Result<Chunk>>,
}

impl Stream {
    /// Opens the file and begins to read it.
    pub(crate) async fn open(path: PathBuf, columns: ColumnSet, chunk_rows: usize) -> Result<Self> {
        let (give_head, head) = oneshot::channel();
        let (give, chunks) = mpsc::channel(1);
        tokio::task::spawn_blocking(move || {
            let mut table = match Table::open(&path, columns) {
                Ok(table) => table,
                Err(error) => {
                    let _ = give_head.send(Err(error));
                    return;
                }
            };
            let meter = table.meter();
            let head = Head {
                header: table.header().clone(),
                delimiter: table.delimiter(),
                encoding: table.encoding(),
                notes: table.notes().to_vec(),
                bytes_total: table.bytes_total(),
            };
            if give_head.send(Ok(head)).is_err() {
                return;
            }
            loop {
                let mut rows = Vec::with_capacity(chunk_rows);
                let ended = loop {
                    match table.next(&path) {
                        Ok(Some(row)) => rows.push(row),
                        Ok(None) => break Some(Ok(())),
                        Err(error) => break Some(Err(error)),
                    }
                    if rows.len() == chunk_rows {
                        break None;
                    }
                };
                let chunk = Chunk { rows, bytes_read: meter.bytes_read() };
                // Nobody listens any more: the import was given up.
                if give.blocking_send(Ok(chunk)).is_err() {
                    return;
                }
                match ended {
                    None => {}
                    Some(Ok(())) => return,
                    Some(Err(error)) => {
                        let _ = give.blocking_send(Err(error));
                        return;
                    }
                }
            }
        });
        let gone = |source| Error::Internal { doing: "read the file", source: Box::new(source) };
        let head = head.await.map_err(gone)??;
        Ok(Self { head, chunks })
    }

    /// The next rows; `None` at the end of the file.
    pub(crate) async fn next(&mut self) -> Option<Result<Chunk>> {
        self.chunks.recv().await
    }
}
