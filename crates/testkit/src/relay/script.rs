//! What a scripted relay does when.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

/// The moments at which a relay says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The connection was accepted.
    Greeting,
    /// EHLO or HELO.
    Ehlo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of the content.
    Dot,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
    /// Anything else.
    Other,
}

/// What is known when a phase comes.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The connection, from 1.
    pub connection: u64,
    /// How many messages ended on this connection before.
    pub messages: usize,
    /// The command line, without its line end; empty at greeting and dot.
    pub line: String,
    /// The address of the RCPT at hand, else of the last one.
    pub rcpt: String,
    /// The Message-ID, at the dot.
    pub message_id: String,
}

/// What to do in a phase.
#[derive(Debug, Clone)]
pub struct Step {
    pub(super) what: What,
    pub(super) delay: Duration,
    pub(super) close: bool,
    pub(super) took_it: bool,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Say(Vec<u8>),
    Hang,
    Nothing,
}

impl Step {
    /// Answers `code text`; lines of `text` become a multi-line reply.
    pub fn reply(code: u16, text: &str) -> Self {
        let lines: Vec<_> = text.split('\n').collect();
        let mut said = String::new();
        for (i, line) in lines.iter().enumerate() {
            let mark = if i + 1 == lines.len() { ' ' } else { '-' };
            said.push_str(&format!("{code}{mark}{line}\r\n"));
        }
        Self::raw(said)
    }

    /// Writes `bytes` as they are.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { what: What::Say(bytes.into()), delay: Duration::ZERO, close: false, took_it: false }
    }

    /// Says nothing and reads no further; the connection stays open.
    pub fn hang() -> Self {
        Self { what: What::Hang, ..Self::raw([]) }
    }

    /// Closes the connection without a word.
    pub fn close() -> Self {
        Self { what: What::Nothing, close: true, ..Self::raw([]) }
    }

    /// Closes the connection after what it says.
    pub fn then_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Waits first.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// At the dot: the relay takes responsibility for the message, whatever it says or doesn't say.
    pub fn but_took_it(mut self) -> Self {
        self.took_it = true;
        self
    }

    /// The code of the first reply in what is said.
    pub(super) fn code(&self) -> Option<u16> {
        match &self.what {
            What::Say(bytes) => std::str::from_utf8(bytes.get(..3)?).ok()?.parse().ok(),
            What::Hang | What::Nothing => None,
        }
    }
}

type Decision = Arc<dyn Fn(&Seen) -> Option<Step> + Send + Sync>;

#[derive(Default)]
pub(super) struct Script {
    pub(super) next: VecDeque<(Phase, Step)>,
    pub(super) decisions: Vec<(Phase, Decision)>,
    pub(super) always: Vec<(Phase, Step)>,
    pub(super) cut_after: Option<usize>,
    pub(super) hold: Option<Phase>,
    pub(super) holding: usize,
    pub(super) releases: usize,
}

impl Script {
    /// What to do now: what was said for once, then what is decided, then what is always done.
    pub(super) fn step(&mut self, phase: Phase, seen: &Seen) -> Option<Step> {
        if let Some(at) = self.next.iter().position(|(p, _)| *p == phase) {
            return self.next.remove(at).map(|(_, step)| step);
        }
        let decided = self.decisions.iter().filter(|(p, _)| *p == phase).find_map(|(_, d)| d(seen));
        decided
            .or_else(|| self.always.iter().find(|(p, _)| *p == phase).map(|(_, step)| step.clone()))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("next", &self.next)
            .field("always", &self.always)
            .field("hold", &self.hold)
            .finish_non_exhaustive()
    }
}
