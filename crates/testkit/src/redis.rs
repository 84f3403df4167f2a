//! (owned by its room's writer)
