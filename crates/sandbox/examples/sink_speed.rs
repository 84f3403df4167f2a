//! A mail sink for measuring: prints where it listens, and what it has seen when it is told to end
//! (Ctrl-C or SIGTERM).
//!
//! ```sh
//! cargo run -p sandbox --example sink_speed -- 0     # keep no files
//! smtp-source -s 50 -l 15000 -m 50000 127.0.0.1:PORT
//! ```

use std::{path::PathBuf, time::Instant};

use sandbox::{Sink, SinkOptions};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let keep = arguments.next().map_or(Ok(20_000), |keep| keep.parse())?;
    let folder =
        arguments.next().map_or_else(|| std::env::temp_dir().join("sink-speed"), PathBuf::from);
    let mut options = SinkOptions::in_folder(folder);
    options.keep = keep;
    let sink = Sink::bind(options).await?;
    println!("{}", serde_json::to_string(&sink.ready())?);
    let started = Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    let stats = sink.run(stop).await?;
    println!("{} after {:.1} s", serde_json::to_string(&stats)?, started.elapsed().as_secs_f64());
    Ok(())
}
