//! What every role does at start and stop: configuration, tracing, metrics, health, signals.
//!
//! ```no_run
//! # use domain::time::Clock;
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use process::{Config, Metrics, Readiness, Shutdown, SystemClock, health, logging, shutdown};
//!
//! let config = Config::load(None, process::config::environment())?;
//! logging::init(&config.log)?;
//! let stop = Shutdown::new();
//! shutdown::watch_signals(stop.clone())?;
//! let metrics = Metrics::new("worker", SystemClock.now());
//! let readiness = Readiness::new();
//! readiness.follow(&stop);
//! let redis = readiness.check("redis");
//! let server = health::serve(config.health.listen, readiness, metrics, stop.quit_token()).await?;
//! redis.pass();
//! stop.draining().await;
//! # drop(server);
//! # Ok(())
//! # }
//! ```

pub mod config;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod names;
pub mod readiness;
pub mod shutdown;

pub use domain::time::SystemClock;

pub use config::{
    ClientAddress, Config, ConfigError, DEFAULT_TOML, MissingKey, PublicUrl, RelayAddress,
    SecretKey, ServerUrl, TimeSpan,
};
pub use metrics::{BeltDepth, Metrics, TextFormat};
pub use names::fresh_worker_name;
pub use readiness::{Check, Readiness};
pub use shutdown::Shutdown;
