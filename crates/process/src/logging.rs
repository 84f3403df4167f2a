//! Log lines: to standard error, as text or one JSON object a line.
//!
//! Fields are dotted and the same everywhere (`send.id`, `partner.id`), measurements carry their unit
//! (`duration_ms`), and never an address, a token or a body.

use std::io::IsTerminal;

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::{
    filter::Targets,
    fmt::MakeWriter,
    layer::{Layer as _, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The filter is none.
    #[error("log.filter is no filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// This process logs already.
    #[error("logging was set up twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process, once.
///
/// # Errors
/// The filter can't be read, or logging was set up before.
pub fn init(log: &Log) -> Result<(), LoggingError> {
    let colours = std::io::stderr().is_terminal();
    subscriber(log, std::io::stderr, colours)?.try_init()?;
    Ok(())
}

fn subscriber<W>(
    log: &Log,
    writer: W,
    colours: bool,
) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter: Targets = log.filter.parse()?;
    let plain = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => plain.with_ansi(colours).boxed(),
        LogFormat::Json => plain.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Ok(Box::new(tracing_subscriber::registry().with(lines.with_filter(filter))))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn logged(format: LogFormat, filter: &str) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let log = Log { format, filter: filter.to_owned() };
        let sink = Arc::clone(&written);
        let subscriber =
            subscriber(&log, move || Sink(Arc::clone(&sink)), false).expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("job", send.id = "snd_1").entered();
            tracing::info!(duration_ms = 5, "sent");
            tracing::debug!("details");
        });
        let written = written.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_is_one_object_a_line_with_the_span_in_it() {
        let text = logged(LogFormat::Json, "info");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert_eq!(lines[0]["message"], "sent");
        assert_eq!(lines[0]["duration_ms"], 5);
        assert_eq!(lines[0]["span"]["send.id"], "snd_1");
    }

    #[test]
    fn text_is_for_people_and_the_filter_decides_how_much() {
        let text = logged(LogFormat::Text, "info");
        assert!(text.contains("send.id=\"snd_1\"") && text.contains("duration_ms=5"), "{text}");
        assert!(!text.contains("details"), "{text}");
        assert!(logged(LogFormat::Text, "debug").contains("details"));
        assert_eq!(logged(LogFormat::Text, "error"), "");
    }
}
