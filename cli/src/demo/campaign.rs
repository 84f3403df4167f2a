//! Sees a launched campaign through: waits for the sends that are due, and for the recipients who answer at once,
//! and moves the campaign clock to what is due later.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use domain::{SendState, UtcMillis, VendorId, time::Clock};
use process::SystemClock;
use sandbox::Recipients;
use serde::Serialize;

use super::{
    came_back,
    fleet::Fleet,
    progress::{Progress, per_second},
};

/// The shortest pause between two looks at the book. Looking costs, so a longer look is followed by a longer
/// pause.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// When nothing at all has changed for this long, something is broken.
const STALLED_AFTER: Duration = Duration::from_secs(120);

/// How a campaign went.
#[derive(Debug, Clone, Serialize)]
pub struct Course {
    /// From the answer to the launch to the last outcome in the book, in seconds: expanding, all waves, what
    /// recipients do beside them, the waits for those of them who act at once, and the moves of the clock.
    pub seconds: f64,
    /// Messages accepted, divided by that.
    pub messages_per_second: f64,
    /// What went out between two moves of the clock.
    pub waves: Vec<Wave>,
    /// How often the campaign clock was moved, and where to.
    pub clock_moves: Vec<ClockMove>,
    /// The last outcome.
    #[serde(skip)]
    pub ended: Instant,
}

/// What was due at one time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Wave {
    /// Sends that ended as sent.
    pub sent: u64,
    /// Sends that ended in any way.
    pub ended: u64,
    /// From its beginning to the last outcome in the book.
    pub seconds: f64,
    /// Messages accepted, divided by that.
    pub messages_per_second: f64,
}

/// One move of the campaign clock.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ClockMove {
    /// Where it stood, campaign time in milliseconds.
    pub from_ms: i64,
    /// Where it stands now.
    pub to_ms: i64,
    /// Sends that were due later.
    pub due_later: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Figures {
    total: u64,
    sent: u64,
    due: u64,
    queued: u64,
}

impl Figures {
    fn ended(self) -> u64 {
        self.total - self.due - self.queued
    }
}

enum Look {
    /// Something due now is still open.
    Busy,
    /// The next send is due then.
    Later(UtcMillis),
    /// Every send has ended.
    Over,
}

/// Sees the campaigns of `vendor` through to their end.
pub async fn see_through(
    fleet: &Fleet,
    vendor: &VendorId,
    mut recipients: Option<&mut Recipients>,
) -> anyhow::Result<Course> {
    let began = Instant::now();
    let mut progress = Progress::new("sends", 0);
    let mut waves = Vec::new();
    let mut clock_moves = Vec::new();
    let mut figures = Figures::default();
    loop {
        let wave_began = Instant::now();
        let before = figures;
        let (look, last_outcome) = wave(fleet, vendor, &mut figures, &mut progress).await?;
        let took = last_outcome.duration_since(wave_began);
        let sent = figures.sent - before.sent;
        waves.push(Wave {
            sent,
            ended: figures.ended() - before.ended(),
            seconds: took.as_secs_f64(),
            messages_per_second: per_second(sent, took),
        });
        let Look::Later(due_at) = look else {
            progress.finish();
            let seconds = last_outcome.duration_since(began);
            return Ok(Course {
                seconds: seconds.as_secs_f64(),
                messages_per_second: per_second(figures.sent, seconds),
                waves,
                clock_moves,
                ended: last_outcome,
            });
        };
        if let Some(recipients) = &mut recipients {
            // Who unsubscribes gets nothing of what is due later; and what a machine does at one time stays at
            // one time. People take theirs while the campaign goes on.
            let answers = recipients.caught_up().await?;
            came_back::recorded(&fleet.store, vendor, answers).await?;
            progress.say(&format!(
                "Recipients so far: {} opens, {} clicks, {} unsubscribed; machines: {} and {}.",
                answers.people.opened,
                answers.people.clicked,
                answers.unsubscribed(),
                answers.machines.opened,
                answers.machines.clicked,
            ));
        }
        let due_later = figures.due;
        let moved = move_clock(fleet, due_at, due_later).await?;
        progress.say(&format!(
            "All that was due has ended; {due_later} sends are due later. The campaign clock goes forward {} to {due_at}.",
            in_days(due_at.since(UtcMillis::new(moved.from_ms)))
        ));
        clock_moves.push(moved);
    }
}

/// Waits until nothing that is due now is open. Returns what comes next, and when the last outcome was seen.
async fn wave(
    fleet: &Fleet,
    vendor: &VendorId,
    figures: &mut Figures,
    progress: &mut Progress,
) -> anyhow::Result<(Look, Instant)> {
    let mut changed = Instant::now();
    loop {
        let looked = Instant::now();
        let seen = figures_of(fleet, vendor).await?;
        if seen != *figures {
            *figures = seen;
            changed = looked;
        }
        progress.set(figures.ended(), figures.total);
        match look(fleet, seen).await? {
            Look::Busy => {}
            next => return Ok((next, changed)),
        }
        if changed.elapsed() > STALLED_AFTER {
            bail!(
                "nothing has changed for {} s: {} sends due, {} on the belt; the logs are beside {}",
                STALLED_AFTER.as_secs(),
                seen.due,
                seen.queued,
                fleet.config_file.display()
            );
        }
        tokio::time::sleep(LOOK_EVERY.max(looked.elapsed() * 4)).await;
    }
}

async fn figures_of(fleet: &Fleet, vendor: &VendorId) -> anyhow::Result<Figures> {
    let counts =
        fleet.store.send_counts(None, Some(vendor)).await.context("can't count the sends")?;
    let mut figures = Figures::default();
    for count in counts {
        let sends = u64::try_from(count.count).unwrap_or(0);
        figures.total += sends;
        match count.state {
            SendState::Sent => figures.sent += sends,
            SendState::Due => figures.due += sends,
            SendState::Queued => figures.queued += sends,
            SendState::Failed | SendState::Skipped | SendState::Held | SendState::Cancelled => {}
        }
    }
    Ok(figures)
}

async fn look(fleet: &Fleet, figures: Figures) -> anyhow::Result<Look> {
    let to_expand =
        fleet.store.activations_to_expand(1).await.context("can't look for activations")?;
    if figures.queued > 0 || !to_expand.is_empty() {
        return Ok(Look::Busy);
    }
    let Some(due_at) =
        fleet.store.next_due_at().await.context("can't look for what is due next")?
    else {
        return Ok(if figures.due == 0 { Look::Over } else { Look::Busy });
    };
    if figures.due == 0 || due_at <= campaign_now(fleet).await?.0 {
        return Ok(Look::Busy);
    }
    Ok(Look::Later(due_at))
}

/// Campaign time by the book's offset, which the belt learns a moment later; and that offset.
async fn campaign_now(fleet: &Fleet) -> anyhow::Result<(UtcMillis, i64)> {
    let offset = fleet.store.campaign_offset().await.context("can't read the campaign clock")?;
    let redis = fleet.belt.redis_time().await.context("can't read the belt's clock")?;
    Ok((UtcMillis::new(redis.get().saturating_add(offset)), offset))
}

async fn move_clock(fleet: &Fleet, to: UtcMillis, due_later: u64) -> anyhow::Result<ClockMove> {
    let (from, offset) = campaign_now(fleet).await?;
    let by = (to.get() - from.get()).max(0);
    fleet
        .store
        .set_campaign_offset(offset + by, "demo", SystemClock.now())
        .await
        .context("can't move the campaign clock")?;
    Ok(ClockMove { from_ms: from.get(), to_ms: from.get() + by, due_later })
}

fn in_days(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_days_hours_and_minutes() {
        for (seconds, want) in [
            (30, "1 min"),
            (3_600 * 5 + 120, "5 h 2 min"),
            (86_400 * 3, "3 d 0 h 0 min"),
            (86_400 * 6 + 3_599, "6 d 1 h 0 min"),
        ] {
            assert_eq!(in_days(Duration::from_secs(seconds)), want);
        }
    }
}
