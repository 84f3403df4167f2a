//! Dev only: real servers started by the tests, builders, a scripted relay, clock and ids.
