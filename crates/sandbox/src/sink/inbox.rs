//! The kept messages: `.eml` files as they came off the wire, and a short entry of each in memory.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{mpsc, oneshot};

use super::message::Headers;
use crate::error::SinkError;

/// How many messages may wait for the disk; past that the connections wait, so memory stays bounded.
const WAITING: usize = 512;
/// How much of a file is read to find its headers in, when an earlier run left it.
const HEADER_BYTES: u64 = 64 * 1024;

/// What the list shows of a kept message. Headers are not decoded here.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) subject: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) size_bytes: u64,
}

impl Entry {
    pub(super) fn new(headers: Headers, size_bytes: u64) -> Self {
        Self { subject: headers.subject, from: headers.from, to: headers.to, size_bytes }
    }
}

enum Order {
    Write { number: u64, bytes: Vec<u8>, entry: Entry },
    Settle(oneshot::Sender<()>),
}

/// The folder, written by a thread of its own.
#[derive(Debug)]
pub(super) struct Inbox {
    folder: PathBuf,
    keep: u64,
    taken: AtomicU64,
    entries: Arc<Mutex<BTreeMap<u64, Entry>>>,
    orders: mpsc::Sender<Order>,
}

impl Inbox {
    /// Opens the folder, taking on what an earlier run left in it.
    pub(super) fn open(folder: &Path, keep: u64) -> Result<Self, SinkError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SinkError::File { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut entries = BTreeMap::new();
        for file in fs::read_dir(folder).map_err(failed(folder))? {
            let path = file.map_err(failed(folder))?.path();
            if let Some(number) = number_of(&path) {
                entries.insert(number, read_entry(&path).map_err(failed(&path))?);
            }
        }
        let (orders, receiver) = mpsc::channel(WAITING);
        let inbox = Self {
            folder: folder.to_owned(),
            keep,
            taken: AtomicU64::new(entries.len() as u64),
            entries: Arc::new(Mutex::new(entries)),
            orders,
        };
        let (folder, entries) = (inbox.folder.clone(), Arc::clone(&inbox.entries));
        std::thread::Builder::new()
            .name("sink-inbox".to_owned())
            .spawn(move || write_all(&folder, &entries, receiver))
            .map_err(failed(&inbox.folder))?;
        Ok(inbox)
    }

    /// Whether a message that begins now would be kept. Connections ask at the same time, so a few more than
    /// `keep` may be.
    pub(super) fn has_room(&self) -> bool {
        self.taken.load(Ordering::Relaxed) < self.keep
    }

    /// Keeps a message. Waits while the disk is far behind.
    pub(super) async fn keep(&self, number: u64, bytes: Vec<u8>, entry: Entry) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        // The thread ends with this value, not before.
        let _ = self.orders.send(Order::Write { number, bytes, entry }).await;
    }

    /// Returns once everything given to `keep` before is in its file.
    pub(super) async fn settled(&self) {
        let (done, settled) = oneshot::channel();
        if self.orders.send(Order::Settle(done)).await.is_ok() {
            let _ = settled.await;
        }
    }

    /// How many messages are kept.
    pub(super) fn kept(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// At most how many are kept.
    pub(super) fn limit(&self) -> u64 {
        self.keep
    }

    /// A page of the list, newest first.
    pub(super) fn page(&self, skip: usize, length: usize) -> Vec<(u64, Entry)> {
        let entries = self.entries.lock().expect("no panic while held");
        entries.iter().rev().skip(skip).take(length).map(|(n, entry)| (*n, entry.clone())).collect()
    }

    /// The file of a message that is kept.
    pub(super) fn file(&self, number: u64) -> Option<PathBuf> {
        let entries = self.entries.lock().expect("no panic while held");
        entries.contains_key(&number).then(|| path_of(&self.folder, number))
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn write_all(
    folder: &Path,
    entries: &Mutex<BTreeMap<u64, Entry>>,
    mut orders: mpsc::Receiver<Order>,
) {
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Write { number, bytes, entry } => {
                let path = path_of(folder, number);
                match fs::write(&path, bytes) {
                    Ok(()) => {
                        entries.lock().expect("no panic while held").insert(number, entry);
                    }
                    // The ledger has it; only the page can't show it.
                    Err(error) => {
                        tracing::warn!(%error, path = %path.display(), "a message can't be kept")
                    }
                }
            }
            Order::Settle(done) => {
                let _ = done.send(());
            }
        }
    }
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.eml"))
}

fn number_of(path: &Path) -> Option<u64> {
    path.extension().filter(|extension| *extension == "eml")?;
    path.file_stem()?.to_str()?.parse().ok()
}

fn read_entry(path: &Path) -> std::io::Result<Entry> {
    let file = fs::File::open(path)?;
    let size_bytes = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut bytes)?;
    Ok(Entry::new(Headers::find(&bytes), size_bytes))
}
