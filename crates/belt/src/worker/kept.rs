//! Outcomes a worker keeps until the book has them.

use std::collections::VecDeque;

use crate::{protocol::Retold, record::StreamId};

/// Outcomes in the order of their places in the stream.
#[derive(Debug, Default)]
pub(crate) struct Kept(VecDeque<(StreamId, Retold)>);

impl Kept {
    /// Keeps an outcome that lies in the stream at `id`.
    pub(crate) fn keep(&mut self, id: StreamId, told: Retold) {
        self.0.push_back((id, told));
    }

    /// The book has everything up to `committed`.
    pub(crate) fn forget_up_to(&mut self, committed: StreamId) {
        while self.0.front().is_some_and(|(id, _)| *id <= committed) {
            self.0.pop_front();
        }
    }

    /// Everything that is kept, to be told again.
    pub(crate) fn told(&self) -> impl Iterator<Item = Retold> + '_ {
        self.0.iter().map(|(_, told)| told.clone())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
