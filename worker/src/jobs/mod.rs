//! One file per job type: its handler and tests. The payloads are in `domain::job`.

pub mod send_email;
