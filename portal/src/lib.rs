//! HTTP: the unsubscribe endpoint and what grows from it.
