//! A part of a process: at rest, or under way in one call after the other.

use std::{fmt, future::Future, pin::Pin};

use crate::wire::Wires;

/// What a part under way ends as: the part at rest, and what came of it.
pub type UnderWay<T, R> = Pin<Box<dyn Future<Output = (T, R)>>>;

/// A part that is at rest or under way. Dropped under way it is killed at the gate where it waits: what
/// went out before was carried out.
pub struct Part<T, R> {
    rests: Option<T>,
    under_way: Option<UnderWay<T, R>>,
}

impl<T, R> fmt::Debug for Part<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("under_way", &self.under_way.is_some()).finish()
    }
}

impl<T, R> Part<T, R> {
    /// A part at rest.
    pub fn new(part: T) -> Self {
        Self { rests: Some(part), under_way: None }
    }

    /// The part, if it is at rest.
    pub fn resting(&self) -> Option<&T> {
        self.rests.as_ref()
    }

    /// Whether it is under way.
    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    fn begin(&mut self, start: impl FnOnce(T) -> UnderWay<T, R>) -> &mut UnderWay<T, R> {
        if let Some(part) = self.rests.take() {
            self.under_way = Some(start(part));
        }
        self.under_way.as_mut().expect("what does not rest is under way")
    }

    fn ended(&mut self, (part, came_of_it): (T, R)) -> R {
        self.under_way = None;
        self.rests = Some(part);
        came_of_it
    }

    /// Goes on to the next gate, or sets out. `None`: it waits at a gate.
    pub async fn go_on(
        &mut self,
        wires: &Wires,
        start: impl FnOnce(T) -> UnderWay<T, R>,
    ) -> Option<R> {
        let done = wires.go_on(self.begin(start)).await?;
        Some(self.ended(done))
    }

    /// Goes on to its end, or sets out and goes to its end.
    pub async fn finish(&mut self, wires: &Wires, start: impl FnOnce(T) -> UnderWay<T, R>) -> R {
        let done = wires.finish(self.begin(start)).await;
        self.ended(done)
    }
}
