//! Names that processes give themselves.

/// A name that no other worker has or had: `wrk_` and a ULID in lower case.
///
/// A worker that starts again takes a new one, so what its former self left behind is recognised as a
/// dead worker's.
pub fn fresh_worker_name() -> String {
    format!("wrk_{}", ulid::Ulid::new().to_string().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_used_twice() {
        let name = fresh_worker_name();
        assert_eq!(name.len(), 4 + 26, "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        assert_ne!(name, fresh_worker_name());
    }
}
