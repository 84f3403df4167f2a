//! What every role does at start and stop: configuration, tracing, metrics, health, signals.

pub mod config;

pub use config::{
    Config, ConfigError, DEFAULT_TOML, MissingKey, PublicUrl, RelayAddress, SecretKey, ServerUrl,
    TimeSpan,
};
