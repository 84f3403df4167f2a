//! In which words somebody is answered who has not been looked up, or never will be.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderValue, header, request::Parts},
};

use crate::{page::Look, words::Words};

/// The path under which the portal is reached, without a slash at the end; empty for the root.
#[derive(Clone)]
pub(crate) struct Base(pub Arc<str>);

impl Base {
    /// The path of a public URL.
    pub fn of(public_url: &str) -> Self {
        let rest = public_url.split_once("://").map_or("", |(_, rest)| rest);
        Self(rest.find('/').map_or("", |at| rest[at..].trim_end_matches('/')).into())
    }
}

/// Who asks, as far as a page with no more to go by needs it. Cheap: most answers need no page.
#[derive(Clone)]
pub(crate) struct Asker {
    base: Arc<str>,
    languages: Option<HeaderValue>,
}

impl Asker {
    /// Who sent this request.
    pub fn of(request: &Request) -> Self {
        Self::new(request.extensions().get(), request.headers().get(header::ACCEPT_LANGUAGE))
    }

    fn new(base: Option<&Base>, languages: Option<&HeaderValue>) -> Self {
        Self {
            base: base.map_or_else(|| "".into(), |base| base.0.clone()),
            languages: languages.cloned(),
        }
    }

    /// The path under which the portal is reached.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The look of a page in a language that its reader's browser asks for.
    pub fn look(&self) -> Look {
        let languages = self.languages.as_ref().and_then(|value| value.to_str().ok());
        Look { base: self.base.clone(), words: Words::asked(languages.unwrap_or_default()) }
    }

    /// The same in a reader's own language.
    pub fn look_in(&self, locale: &str) -> Look {
        Look { base: self.base.clone(), words: Words::of(locale) }
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::new(parts.extensions.get(), parts.headers.get(header::ACCEPT_LANGUAGE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_may_be_under_a_path() {
        let base = |url: &str| Base::of(url).0.to_string();
        assert_eq!(base("https://mail.example"), "");
        assert_eq!(base("https://mail.example/"), "");
        assert_eq!(base("http://127.0.0.1:8080/go/mail"), "/go/mail");
    }
}
