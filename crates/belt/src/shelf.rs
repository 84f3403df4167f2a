//! The shelf: what many jobs share, under its content hash.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use domain::ContentHash;

use crate::{
    connection::Belt,
    error::{Error, Result},
};

/// The largest item in bytes.
pub const ITEM_LIMIT: usize = 256 * 1024;
/// How long an item lies there after it was last put, in seconds.
const KEPT_SECONDS: u64 = 2 * 60 * 60;

impl Belt {
    /// Puts items on the shelf for two hours; what lies there already stays two hours from now.
    ///
    /// # Errors
    /// [`Error::ShelfItemTooLarge`] before anything is put; [`Error::Unreachable`].
    pub async fn put_on_shelf(&self, items: &[(ContentHash, Vec<u8>)]) -> Result<()> {
        if let Some((_, bytes)) = items.iter().find(|(_, bytes)| bytes.len() > ITEM_LIMIT) {
            return Err(Error::ShelfItemTooLarge { size: bytes.len(), limit: ITEM_LIMIT });
        }
        for part in items.chunks(16) {
            let mut pipeline = redis::pipe();
            for (hash, bytes) in part {
                let key = self.keys().shelf(hash);
                pipeline
                    .cmd("SET")
                    .arg(key)
                    .arg(bytes.as_slice())
                    .arg("EX")
                    .arg(KEPT_SECONDS)
                    .ignore();
            }
            self.ask_all::<()>("the shelf", pipeline).await?;
        }
        Ok(())
    }

    /// The item under `hash`, if it is there.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn get_from_shelf(&self, hash: &ContentHash) -> Result<Option<Vec<u8>>> {
        let mut command = redis::cmd("GET");
        command.arg(self.keys().shelf(hash));
        self.ask("the shelf", command).await
    }

    /// A reader of the shelf that remembers up to `max_bytes` of what it has read.
    pub fn shelf(&self, max_bytes: usize) -> Shelf {
        Shelf {
            belt: self.clone(),
            cache: Arc::new(Mutex::new(Cache { max_bytes, ..Cache::default() })),
        }
    }
}

/// A reader of the shelf with a memory. Content never changes under its hash, so nothing in it ages.
#[derive(Debug, Clone)]
pub struct Shelf {
    belt: Belt,
    cache: Arc<Mutex<Cache>>,
}

#[derive(Debug, Default)]
struct Cache {
    max_bytes: usize,
    bytes: usize,
    items: HashMap<ContentHash, Arc<[u8]>>,
    /// In the order they came in; the oldest goes first.
    order: VecDeque<ContentHash>,
}

impl Cache {
    fn keep(&mut self, hash: &ContentHash, item: &Arc<[u8]>) {
        if item.len() > self.max_bytes || self.items.contains_key(hash) {
            return;
        }
        self.bytes += item.len();
        self.items.insert(hash.clone(), Arc::clone(item));
        self.order.push_back(hash.clone());
        while self.bytes > self.max_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.items.remove(&oldest) {
                self.bytes -= gone.len();
            }
        }
    }
}

impl Shelf {
    /// The item under `hash`; `None` is a miss: give the job back for 200 ms.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn get(&self, hash: &ContentHash) -> Result<Option<Arc<[u8]>>> {
        if let Some(item) = self.lock().items.get(hash) {
            return Ok(Some(Arc::clone(item)));
        }
        let Some(bytes) = self.belt.get_from_shelf(hash).await? else { return Ok(None) };
        let item: Arc<[u8]> = bytes.into();
        self.lock().keep(hash, &item);
        Ok(Some(item))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_stays_within_its_bound() {
        let mut cache = Cache { max_bytes: 100, ..Cache::default() };
        for n in 0..50_u8 {
            let item: Arc<[u8]> = vec![n; 30].into();
            cache.keep(&ContentHash::of(&item), &item);
            assert!(cache.bytes <= 100);
        }
        assert_eq!(cache.items.len(), 3);
        assert_eq!(cache.order.len(), 3);
    }
}
