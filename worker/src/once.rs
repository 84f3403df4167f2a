//! A bounded map of things that are made once, however many ask for them at the same time.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex},
};

use tokio::sync::OnceCell;

/// Values that never change under their key. Emptied when it grows past its bound.
pub struct OnceMap<K, V> {
    cells: Mutex<HashMap<K, Arc<OnceCell<Arc<V>>>>>,
    most: usize,
}

impl<K, V> fmt::Debug for OnceMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceMap").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash, V> OnceMap<K, V> {
    /// Keeps at most `most` values.
    pub fn new(most: usize) -> Self {
        Self { cells: Mutex::default(), most }
    }

    /// The value under `key`, made by `make` if it is not there. A failure is not kept.
    pub async fn get<E, Fut>(&self, key: K, make: impl FnOnce() -> Fut) -> Result<Arc<V>, E>
    where
        Fut: Future<Output = Result<V, E>>,
    {
        let cell = {
            let mut cells = self.cells.lock().expect("no holder panics");
            if cells.len() >= self.most && !cells.contains_key(&key) {
                cells.clear();
            }
            cells.entry(key).or_default().clone()
        };
        cell.get_or_try_init(|| async { make().await.map(Arc::new) }).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn many_ask_and_one_makes() {
        let map = OnceMap::new(10);
        let made = AtomicU32::new(0);
        let ask = || {
            map.get("key", || async {
                tokio::task::yield_now().await;
                made.fetch_add(1, Ordering::Relaxed);
                Ok::<_, ()>(7)
            })
        };
        let answers = futures::future::join_all((0..20).map(|_| ask())).await;
        assert!(answers.iter().all(|answer| **answer.as_ref().unwrap() == 7));
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_the_bound_holds() {
        let map = OnceMap::new(2);
        assert!(map.get(1, || async { Err::<u8, _>("no") }).await.is_err());
        for key in 1..=5 {
            assert_eq!(*map.get(key, || async { Ok::<_, ()>(key) }).await.unwrap(), key);
            assert!(map.cells.lock().unwrap().len() <= 2);
        }
    }
}
