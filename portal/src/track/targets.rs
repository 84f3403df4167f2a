//! Where links lead, remembered.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use belt::Belt;
use domain::{LinkTargets, TargetsId};
use program::{Error, Program};
use tokio::sync::Semaphore;

/// How much is remembered, in bytes of addresses: the lists of some ten thousand mailings.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// How long the belt may take before the book is asked.
const BELT_PATIENCE: Duration = Duration::from_millis(300);
/// Lists read from the book at once: it has other things to do while the belt is away.
const BOOK_AT_ONCE: usize = 4;

/// Lists of targets by their names. A list never changes under its name, so nothing here ages.
pub(crate) struct Targets {
    belt: Belt,
    program: Program,
    known: Mutex<Known>,
    at_the_book: Semaphore,
}

impl Targets {
    pub fn new(belt: Belt, program: Program) -> Self {
        Self { belt, program, known: Mutex::default(), at_the_book: Semaphore::new(BOOK_AT_ONCE) }
    }

    /// The list of this name: from memory, from the belt, from the book.
    ///
    /// # Errors
    /// It is not remembered, the belt did not have it, and the book could not be asked.
    pub async fn get(&self, id: &TargetsId) -> Result<Option<Arc<LinkTargets>>, Error> {
        if let Some(list) = self.known().lists.get(id) {
            return Ok(Some(list.clone()));
        }
        let from_belt = tokio::time::timeout(BELT_PATIENCE, self.belt.get_link_targets(id)).await;
        let near = from_belt.ok().and_then(Result::ok).flatten();
        let list = match near {
            Some(list) => list,
            None => {
                let _place = self.at_the_book.acquire().await.ok();
                // Whoever waited for the same list finds it here.
                if let Some(list) = self.known().lists.get(id) {
                    return Ok(Some(list.clone()));
                }
                match self.program.link_targets(id).await? {
                    Some(list) => list,
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(self.known().keep(*id, list)))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Known {
    lists: HashMap<TargetsId, Arc<LinkTargets>>,
    /// In the order they came in; the oldest goes first.
    order: VecDeque<TargetsId>,
    bytes: usize,
}

impl Known {
    fn keep(&mut self, id: TargetsId, list: LinkTargets) -> Arc<LinkTargets> {
        let list = Arc::new(list);
        if self.lists.insert(id, list.clone()).is_none() {
            self.bytes += weight(&list);
            self.order.push_back(id);
        }
        while self.bytes > MOST_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.lists.remove(&oldest) {
                self.bytes -= weight(&gone);
            }
        }
        list
    }
}

/// What a list takes up, its place in the maps included.
fn weight(list: &LinkTargets) -> usize {
    200 + list.urls().iter().map(|url| url.len() + 24).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_stays_within_its_bound() {
        let mut known = Known::default();
        for n in 0..400 {
            let urls = (0..100).map(|m| format!("https://a.example/{n}/{m}/{}", "x".repeat(1_800)));
            let list = LinkTargets::new(urls.collect()).unwrap();
            known.keep(list.id(), list);
            assert!(known.bytes <= MOST_BYTES);
        }
        assert!(known.lists.len() < 400 && known.lists.len() > 100, "{}", known.lists.len());
        assert_eq!(known.order.len(), known.lists.len());
    }
}
