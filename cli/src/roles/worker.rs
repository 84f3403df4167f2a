//! The parts list of a worker process. There is no book in it.

use channels::smtp::{RelayConfig, Relays, TimeLimits};
use process::Config;

use super::start::{self, Observed};

/// Runs a worker until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let Observed { shutdown, metrics, readiness } = start::observed("worker", &config).await?;
    let name = process::fresh_worker_name();
    tracing::info!(worker.name = name, "worker starts");
    let belt = start::belt(&config).await?;
    start::wait_for_belt(&belt, &config, &shutdown).await?;
    let parts = worker::Parts {
        belt,
        relays: relays(&config)?,
        link_key: config.secrets.link_key()?,
        public_url: config.portal.public_url.as_str().to_owned(),
        message_id_domain: config.sending.message_id_domain.clone(),
        limits: worker::Limits {
            hands: config.worker.hands,
            job_time_limit: config.worker.job_time_limit.get(),
            drain_time_limit: config.worker.drain_time_limit.get(),
        },
        metrics,
        readiness,
        name,
    };
    worker::run(parts, shutdown).await?;
    tracing::info!("worker stopped");
    Ok(())
}

/// The relays of the configuration as connections are kept to them.
fn relays(config: &Config) -> anyhow::Result<Relays> {
    let smtp = &config.smtp;
    let relays = config.relays.iter().map(|relay| RelayConfig {
        name: relay.name.clone(),
        address: relay.address.to_string(),
        helo_name: smtp.helo_name.clone(),
        max_connections: relay.max_connections as usize,
        messages_per_connection: smtp.messages_per_connection,
        connection_max_age: smtp.connection_max_age.get(),
        idle: smtp.connection_idle.get(),
        time_limits: TimeLimits {
            connect: smtp.connect_timeout.get(),
            greeting: smtp.greeting_timeout.get(),
            mail: smtp.mail_timeout.get(),
            rcpt: smtp.rcpt_timeout.get(),
            data: smtp.data_timeout.get(),
            content: smtp.content_timeout.get(),
            ..TimeLimits::default()
        },
    });
    Ok(Relays::new(relays)?)
}
