//! The one place that recipients may call.

use reqwest::Url;

/// An address below the allowed base. Nothing else is ever asked for: mail must not make us call just anybody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Address(Url);

impl Address {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

/// The allowed base.
#[derive(Debug, Clone)]
pub(super) struct Base(Url);

impl Base {
    /// `None` when it is no web address.
    pub(super) fn new(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(Self(url))
    }

    /// `text` as an address below the base, if it is one.
    pub(super) fn address(&self, text: &str) -> Option<Address> {
        self.check(Url::parse(text.trim()).ok()?)
    }

    /// `text` as a browser reads it on the page at `page`, if it is below the base.
    pub(super) fn address_on(&self, page: &Address, text: &str) -> Option<Address> {
        self.check(page.0.join(text.trim()).ok()?)
    }

    fn check(&self, url: Url) -> Option<Address> {
        // Scheme, host and port: `http://127.0.0.1:80` does not allow `http://127.0.0.1:8080`.
        let same_host = url.origin() == self.0.origin();
        let nobody = url.username().is_empty() && url.password().is_none();
        let folder = self.0.path().trim_end_matches('/');
        let below = url.path().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        (same_host && nobody && below).then_some(Address(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_base_is_an_address() {
        let base = Base::new("http://127.0.0.1:80/mail").unwrap();
        for text in [
            "http://127.0.0.1/mail/c/1",
            "http://127.0.0.1:80/mail/",
            "HTTP://127.0.0.1/mail/x?y#z",
        ] {
            assert!(base.address(text).is_some(), "{text}");
        }
        for text in [
            "http://127.0.0.1:8080/mail/c/1",
            "http://127.0.0.1.example/mail/c/1",
            "http://127.0.0.1@evil.example/mail/c/1",
            "http://user@127.0.0.1/mail/c/1",
            "https://127.0.0.1/mail/c/1",
            "http://127.0.0.1/mailbox",
            "http://127.0.0.1/mail/../c/1",
            "http://127.0.0.1\\@evil.example/mail/",
            "//evil.example/mail/x",
            "mailto:x@127.0.0.1",
            "javascript:alert(1)",
            "#top",
            "",
        ] {
            assert!(base.address(text).is_none(), "{text}");
        }
        let page = base.address("http://127.0.0.1/mail/u/t").unwrap();
        assert_eq!(base.address_on(&page, ""), Some(page.clone()));
        assert!(base.address_on(&page, "../done").is_some());
        assert!(base.address_on(&page, "//evil.example/mail/x").is_none());
        assert!(Base::new("mailto:x@example.com").is_none());
    }
}
