//! Loops that take no input, read state and close a gap: expand, feed, record, reconcile.
