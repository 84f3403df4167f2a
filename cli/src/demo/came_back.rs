//! What came back: what the simulated recipients know that they did, beside what the book says that was done.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::Context;
use domain::{EventKind, VendorId};
use indicatif::HumanCount;
use sandbox::Answers;
use serde::Serialize;
use store::Store;

/// The pause between two looks at the book.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// When nothing has changed for this long, what is missing is lost: every second the book decides anew what
/// came before its message was known to be accepted.
const STILL_FOR: Duration = Duration::from_secs(10);

/// Opens and clicks by who made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counted {
    /// Opens by people.
    pub opened_by_people: u64,
    /// Opens by machines.
    pub opened_by_machines: u64,
    /// Clicks by people.
    pub clicked_by_people: u64,
    /// Clicks by machines.
    pub clicked_by_machines: u64,
    /// Unsubscribed.
    pub unsubscribed: u64,
}

impl Counted {
    fn tracked(&self) -> u64 {
        self.opened_by_people
            + self.opened_by_machines
            + self.clicked_by_people
            + self.clicked_by_machines
    }
}

impl From<Answers> for Counted {
    fn from(answers: Answers) -> Self {
        Self {
            opened_by_people: answers.people.opened,
            opened_by_machines: answers.machines.opened,
            clicked_by_people: answers.people.clicked,
            clicked_by_machines: answers.machines.clicked,
            unsubscribed: answers.unsubscribed(),
        }
    }
}

/// The two beside each other.
#[derive(Debug, Clone, Serialize)]
pub struct CameBack {
    /// What recipients did.
    pub truth: Counted,
    /// What the book counts, with the rules of today.
    pub book: Counted,
    /// Requests of recipients that were answered, and are not in the book.
    pub lost: u64,
    /// Opens and clicks in the book that no recipient made, as far as they know.
    pub unexplained: u64,
    /// Opens and clicks that the book takes for a person's and that were a machine's, or the other way round: at
    /// least so many.
    pub misjudged: u64,
    /// All that recipients did.
    pub answers: Answers,
    /// Of 1,000 recipients so many looked into their mailbox, or a program did; the others only unsubscribed.
    pub read_per_mille: u32,
    /// From the last outcome in the book until all had answered and the book had it, in seconds. It is no part of
    /// the course.
    pub seconds_after_course: f64,
}

impl CameBack {
    /// Holds the two against each other.
    pub fn new(
        answers: Answers,
        book: Counted,
        read_per_mille: u32,
        after_course: Duration,
    ) -> Self {
        let truth = Counted::from(answers);
        let difference = |of: fn(&Counted) -> u64| of(&truth).abs_diff(of(&book));
        Self {
            truth,
            book,
            lost: truth.tracked().saturating_sub(book.tracked()),
            // What failed for the one who asked may have been counted all the same.
            unexplained: book.tracked().saturating_sub(truth.tracked() + answers.failed),
            misjudged: difference(|it| it.opened_by_people)
                .min(difference(|it| it.opened_by_machines))
                + difference(|it| it.clicked_by_people)
                    .min(difference(|it| it.clicked_by_machines)),
            answers,
            read_per_mille,
            seconds_after_course: after_course.as_secs_f64(),
        }
    }

    /// What must not be.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.lost > 0 {
            problems.push(format!(
                "{} opens and clicks of recipients are not in the book, which has {}",
                self.lost,
                self.book.tracked()
            ));
        }
        if self.unexplained > 0 {
            problems.push(format!(
                "the book has {} opens and clicks that no recipient made",
                self.unexplained
            ));
        }
        if self.book.unsubscribed < self.truth.unsubscribed {
            problems.push(format!(
                "{} recipients were told that they are unsubscribed, and the book has {}",
                self.truth.unsubscribed, self.book.unsubscribed
            ));
        }
        if self.answers.failed > 0 {
            problems.push(format!("{} requests of recipients failed", self.answers.failed));
        }
        problems
    }

    /// As text for a person.
    pub fn text(&self, text: &mut String) {
        let count = |number: u64| HumanCount(number).to_string();
        let _ = writeln!(
            text,
            "\n{:<24} {:>15} {:>15}",
            "What came back", "recipients did", "in the book"
        );
        let (truth, book) = (&self.truth, &self.book);
        for (what, did, has) in [
            ("opened by people", truth.opened_by_people, book.opened_by_people),
            ("opened by machines", truth.opened_by_machines, book.opened_by_machines),
            ("clicked by people", truth.clicked_by_people, book.clicked_by_people),
            ("clicked by machines", truth.clicked_by_machines, book.clicked_by_machines),
            ("unsubscribed", truth.unsubscribed, book.unsubscribed),
        ] {
            let _ = writeln!(text, "  {what:<22} {:>15} {:>15}", count(did), count(has));
        }
        let verdict = match (self.lost + self.unexplained, self.misjudged) {
            (0, 0) => "Every open and click is in the book, as what it was.".to_owned(),
            (0, misjudged) => format!(
                "Every open and click is in the book; {} of {} taken for what they were not.",
                count(misjudged),
                count(truth.tracked())
            ),
            _ => "THEY DO NOT AGREE.".to_owned(),
        };
        let answers = &self.answers;
        let _ = writeln!(
            text,
            "  {verdict} Of 1,000 recipients {} had a mailbox that was looked into, {} mails were read{}; {} clicks of \
             machines were on a link that nobody sees; {} of {} unsubscribed by the page.",
            count(self.read_per_mille.into()),
            count(answers.mails_read),
            match answers.mails_not_kept {
                0 => String::new(),
                missing => format!(" and {} were not kept by the sink", count(missing)),
            },
            count(answers.hidden_links),
            count(answers.by_page),
            count(answers.unsubscribed()),
        );
        let _ = writeln!(
            text,
            "  The last of it was in the book {:.1} s after the last outcome, which is not in the rate below.",
            self.seconds_after_course
        );
    }
}

/// What the book counts for `vendor`.
pub async fn in_book(store: &Store, vendor: &VendorId) -> anyhow::Result<Counted> {
    let engagement =
        store.engagement_counts(None, Some(vendor)).await.context("can't count who opened")?;
    let mut counted = Counted::default();
    for count in engagement {
        let events = u64::try_from(count.events).unwrap_or(0);
        match (count.kind, count.human) {
            (EventKind::Opened, true) => counted.opened_by_people += events,
            (EventKind::Opened, false) => counted.opened_by_machines += events,
            (EventKind::Clicked, true) => counted.clicked_by_people += events,
            (EventKind::Clicked, false) => counted.clicked_by_machines += events,
            _ => {}
        }
    }
    let events = store.event_counts(None, Some(vendor)).await.context("can't count the events")?;
    counted.unsubscribed = events
        .into_iter()
        .filter(|(kind, _)| *kind == EventKind::Unsubscribed)
        .map(|(_, events)| u64::try_from(events).unwrap_or(0))
        .sum();
    Ok(counted)
}

/// Waits until the book has all that recipients did until now, whatever it takes it for.
pub async fn recorded(store: &Store, vendor: &VendorId, answers: Answers) -> anyhow::Result<()> {
    let wanted = answers.tracked();
    until(store, vendor, |found| found.tracked() >= wanted).await?;
    Ok(())
}

/// Waits until the book says what recipients know, or does not change any more; what it says then.
pub async fn settled(
    store: &Store,
    vendor: &VendorId,
    answers: Answers,
) -> anyhow::Result<Counted> {
    let truth = Counted::from(answers);
    until(store, vendor, |found| *found == truth).await
}

async fn until(
    store: &Store,
    vendor: &VendorId,
    done: impl Fn(&Counted) -> bool,
) -> anyhow::Result<Counted> {
    let mut last = Counted::default();
    let mut changed = Instant::now();
    loop {
        let looked = Instant::now();
        let found = in_book(store, vendor).await?;
        if found != last {
            (last, changed) = (found, looked);
        }
        if done(&found) || changed.elapsed() > STILL_FOR {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_EVERY.max(looked.elapsed() * 4)).await;
    }
}

#[cfg(test)]
mod tests {
    use sandbox::Requests;

    use super::*;

    fn answers(failed: u64) -> Answers {
        Answers {
            people: Requests { opened: 10, clicked: 2 },
            machines: Requests { opened: 5, clicked: 7 },
            one_click: 3,
            by_page: 1,
            failed,
            ..Answers::default()
        }
    }

    fn compared(failed: u64, change: impl Fn(&mut Counted)) -> CameBack {
        let mut book = Counted::from(answers(0));
        change(&mut book);
        CameBack::new(answers(failed), book, 1_000, Duration::ZERO)
    }

    #[test]
    fn a_book_that_has_everything_has_no_problem() {
        let same = compared(0, |_| {});
        assert_eq!((same.lost, same.unexplained, same.misjudged), (0, 0, 0));
        assert!(same.problems().is_empty());
        let mut text = String::new();
        same.text(&mut text);
        assert!(text.contains("as what it was"), "{text}");
    }

    #[test]
    fn each_difference_is_found() {
        let lost = compared(0, |book| book.opened_by_people -= 1);
        assert_eq!((lost.lost, lost.misjudged, lost.problems().len()), (1, 0, 1));
        let more = compared(0, |book| book.clicked_by_machines += 2);
        assert_eq!((more.unexplained, more.problems().len()), (2, 1));
        let left = compared(0, |book| book.unsubscribed -= 1);
        assert_eq!(left.problems().len(), 1, "{left:?}");
        let taken_for_people = compared(0, |book| {
            book.clicked_by_machines -= 3;
            book.clicked_by_people += 3;
        });
        assert_eq!((taken_for_people.lost, taken_for_people.misjudged), (0, 3));
        assert!(taken_for_people.problems().is_empty(), "a judgement is no loss");
    }

    #[test]
    fn what_failed_may_be_in_the_book_and_is_said() {
        let counted = compared(1, |book| book.opened_by_people += 1);
        assert_eq!((counted.unexplained, counted.problems().len()), (0, 1));
    }
}
