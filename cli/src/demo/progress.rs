//! What a person sees while it runs: a bar on a terminal, plain lines otherwise. Always on standard error, so
//! that standard output is the summary alone.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// One thing that takes a while.
pub struct Progress {
    label: &'static str,
    total: u64,
    done: u64,
    started: Instant,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Begins.
    pub fn new(label: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{prefix:>9} {wide_bar} {human_pos}/{human_len} {per_sec}, {eta} left",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style).with_prefix(label)
        });
        let now = Instant::now();
        Self { label, total, done: 0, started: now, bar, last_line: now }
    }

    /// So much is done, of so much.
    pub fn set(&mut self, done: u64, total: u64) {
        (self.done, self.total) = (done, total);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.line();
        }
    }

    fn line(&self) {
        let rate = per_second(self.done, self.started.elapsed());
        let left = match self.total.saturating_sub(self.done) {
            0 => String::new(),
            _ if rate < 0.05 => String::new(),
            open => {
                let seconds = Duration::from_secs_f64(open as f64 / rate);
                format!(", {} left", HumanDuration(seconds))
            }
        };
        eprintln!("{:>9} {}/{} {rate:.0}/s{left}", self.label, self.done, self.total);
    }

    /// Says something in between.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Ends: the last figures stay.
    pub fn finish(self) {
        match &self.bar {
            Some(bar) => bar.abandon(),
            None => self.line(),
        }
    }
}

/// A rate; 0 when no time has passed.
pub fn per_second(count: u64, took: Duration) -> f64 {
    let seconds = took.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
