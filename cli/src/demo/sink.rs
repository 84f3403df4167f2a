//! `throughline sink`: the mail sink as a process of its own. Started by `demo`; handy for trying things out.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Args;
use process::Shutdown;
use sandbox::{RefusalRule, Sink, SinkOptions};

/// Takes mail and delivers none of it: keeps it as files and shows it on a page.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder of the ledger and the messages.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,

    /// Where to take mail; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub smtp: SocketAddr,

    /// Where to show the pages; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub http: SocketAddr,

    /// How many messages to keep as files, the first ones; the ledger has all of them.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub keep: u64,

    /// Refuse recipients that begin with this; an empty text refuses nobody.
    #[arg(long, value_name = "TEXT", default_value = sandbox::data::GONE_PREFIX)]
    pub refuse_prefix: String,
}

/// Runs the sink until SIGTERM or Ctrl-C. Prints where it can be reached as one line of JSON.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = Shutdown::new();
    process::shutdown::watch_signals(shutdown.clone())?;
    let sink = Sink::bind(SinkOptions {
        smtp: options.smtp,
        http: options.http,
        keep: options.keep,
        refuse: match options.refuse_prefix.as_str() {
            "" => RefusalRule::nobody(),
            prefix => RefusalRule::local_prefix(prefix),
        },
        ..SinkOptions::in_folder(options.dir)
    })
    .await?;
    let ready = serde_json::to_string(&sink.ready()).context("say where the sink is")?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{ready}").and_then(|()| stdout.flush()).context("say where the sink is")?;
    drop(stdout);
    sink.run(shutdown.draining()).await?;
    Ok(())
}
