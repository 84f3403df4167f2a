//! Whom the sink does not know.

/// The rule by which a recipient is refused with `550 5.1.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRule {
    prefix: Option<String>,
}

impl RefusalRule {
    /// Refuses addresses whose part before the `@` begins with `prefix`, without regard to ASCII case.
    pub fn local_prefix(prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_ascii_lowercase()) }
    }

    /// Refuses nobody.
    pub const fn nobody() -> Self {
        Self { prefix: None }
    }

    /// Whether mail to `address` is refused.
    pub fn refuses(&self, address: &str) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| {
            let start = address.as_bytes().get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        })
    }
}

impl Default for RefusalRule {
    /// People who have left: `gone.…@…`, as in the demo data.
    fn default() -> Self {
        Self::local_prefix(crate::data::GONE_PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_have_left_are_refused() {
        let rule = RefusalRule::default();
        assert!(rule.refuses("gone.anna@example.com"));
        assert!(rule.refuses("GONE.anna@example.com"));
        assert!(!rule.refuses("anna.gone@example.com"));
        assert!(!rule.refuses("go"));
        assert!(!RefusalRule::nobody().refuses("gone.anna@example.com"));
    }
}
