//! Jobs that are stuck are found, and moved as a person decides, with counts that stay true.

use domain::{
    ActivationState, EventKind, OnUnknown, Outcome, SendId, SendState, StuckReason,
    activation::ActivationCommand,
    outcome::{Answer, PermanentReason},
    package_version::VersionCommand,
    results::{ResultKind, Who},
};
use store::{FedSend, JobCommand, JobMoved, JobRefused, StreamedOutcome, StuckOf, Walk};

use crate::builder::{Book, GIVE_UP, NOW, outcome};

on_both_engines!(
    what_is_stuck_is_listed_by_reason_and_page,
    a_replayed_job_is_due_again_and_its_activation_goes_on,
    the_story_of_a_job_keeps_what_happened,
    a_dropped_job_is_cancelled_and_the_activation_ends,
    what_is_unknown_is_resolved_and_not_replayed,
    a_late_answer_to_what_was_resolved_is_no_second_acceptance,
    a_command_that_does_not_fit_moves_nothing,
    a_complete_activation_is_not_opened_beside_another_or_after_a_recall,
    what_a_new_schedule_moved_is_not_replayed_sooner,
);

fn hold(fed: &FedSend, counter: u64) -> StreamedOutcome {
    let mut unknown = outcome(fed, counter, Outcome::Unknown(Answer::note("connection lost")));
    unknown.record.on_unknown = OnUnknown::Hold;
    unknown
}

fn fail(fed: &FedSend, counter: u64, reason: PermanentReason) -> StreamedOutcome {
    outcome(fed, counter, Outcome::permanent(reason))
}

async fn record(book: &Book, outcomes: &[StreamedOutcome]) {
    book.store.record("outcomes", outcomes, GIVE_UP).await.unwrap();
}

async fn command(book: &Book, sends: &[SendId], command: JobCommand) -> Vec<JobMoved> {
    book.store.command_jobs(sends, command, "ops", "mended", NOW, NOW).await.unwrap()
}

async fn one(book: &Book, send: SendId, what: JobCommand) -> JobMoved {
    command(book, &[send], what).await.remove(0)
}

async fn state(book: &Book, send: SendId) -> (SendState, String) {
    let detail = book.store.send(send).await.unwrap().unwrap();
    (detail.state, detail.reason)
}

fn changed(before: SendState, after: SendState) -> JobMoved {
    JobMoved::Changed { before, after }
}

const ALL: StuckOf<'static> = StuckOf {
    walk: Walk::All,
    state: None,
    reasons: StuckReason::ALL,
    partner: None,
    package: None,
    activation: None,
};

async fn what_is_stuck_is_listed_by_reason_and_page(book: Book) {
    let (program, lane, id) = book.running(7).await;
    let fed = book.feed_all().await.sends;
    let open_unknown = outcome(&fed[4], 5, Outcome::Unknown(Answer::default()));
    record(
        &book,
        &[
            fail(&fed[0], 1, PermanentReason::SetAside),
            hold(&fed[1], 2),
            fail(&fed[2], 3, PermanentReason::RenderFailed),
            fail(&fed[3], 4, PermanentReason::Rejected),
            open_unknown,
            outcome(&fed[5], 6, Outcome::Done(Answer::default())),
        ],
    )
    .await;
    let list = async |of: StuckOf<'_>, after: Option<SendId>, limit: i64| -> Vec<SendId> {
        let jobs = book.store.stuck_jobs(&of, after, limit).await.unwrap();
        jobs.into_iter().map(|job| job.send).collect()
    };
    let mut stuck: Vec<SendId> = fed[..5].iter().map(|send| send.send).collect();
    stuck.sort();
    assert_eq!(list(ALL, None, 100).await, stuck);
    let mut walked = list(ALL, None, 2).await;
    walked.extend(list(ALL, Some(walked[1]), 2).await);
    walked.extend(list(ALL, Some(walked[3]), 2).await);
    assert_eq!(walked, stuck, "a page goes on behind the one before");

    let reasons = [StuckReason::Unknown];
    let unknown = StuckOf { reasons: &reasons, ..ALL };
    let mut both = vec![fed[1].send, fed[4].send];
    both.sort();
    assert_eq!(list(unknown, None, 9).await, both, "held, and tried again");
    let held = StuckOf { state: Some(SendState::Held), ..unknown };
    assert_eq!(list(held, None, 9).await, [fed[1].send]);
    let due = StuckOf { state: Some(SendState::Due), ..unknown };
    assert_eq!(list(due, None, 9).await, [fed[4].send]);
    let aside = [StuckReason::SetAside];
    assert_eq!(list(StuckOf { reasons: &aside, ..ALL }, None, 9).await, [fed[0].send]);
    assert_eq!(book.store.set_aside_count().await.unwrap(), 1);

    let other = book.store.add_vendor("Contoso", "test", NOW).await.unwrap().row.id;
    let strangers = book.lanes(&other, 1).await;
    for (of, found) in [
        (StuckOf { walk: Walk::Vendor(&program.vendor), ..ALL }, 5),
        (StuckOf { walk: Walk::Vendor(&other), ..ALL }, 0),
        (StuckOf { walk: Walk::Company(&lane.company, None), ..ALL }, 5),
        (StuckOf { walk: Walk::Company(&lane.company, Some(&other)), ..ALL }, 0),
        (StuckOf { walk: Walk::Company(&strangers[0].company, None), ..ALL }, 0),
        (StuckOf { partner: Some(&lane.partner), package: Some(&program.package), ..ALL }, 5),
        (StuckOf { partner: Some(&strangers[0].partner), ..ALL }, 0),
        (StuckOf { activation: Some(id), ..ALL }, 5),
        (StuckOf { activation: Some(domain::ActivationId::new(id.get() + 1)), ..ALL }, 0),
    ] {
        assert_eq!(list(of, None, 9).await.len(), found, "{of:?}");
    }
    // Once it is heard of again it is unknown no more.
    book.store.make_due(&[fed[4].send], NOW).await.unwrap();
    let again = book.feed_all().await.sends;
    assert_eq!(again[0].send, fed[4].send);
    let later = Outcome::transient(std::time::Duration::from_secs(9), Answer::default());
    record(&book, &[outcome(&again[0], 9, later)]).await;
    assert!(list(due, None, 9).await.is_empty());
}

async fn a_replayed_job_is_due_again_and_its_activation_goes_on(book: Book) {
    let (_, _, id) = book.running(2).await;
    let fed = book.feed_all().await.sends;
    let aside = fail(&fed[0], 1, PermanentReason::SetAside);
    let done = outcome(&fed[1], 2, Outcome::Done(Answer::default()));
    record(&book, &[aside.clone(), done]).await;
    let complete = book.store.activation(id).await.unwrap().unwrap().state;
    assert_eq!(complete, ActivationState::Completed);

    let job = fed[0].send;
    assert_eq!(one(&book, job, JobCommand::Replay).await, changed(SendState::Held, SendState::Due));
    let row = book.store.activation(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.ended_at), (ActivationState::Running, None));
    assert_eq!(one(&book, job, JobCommand::Replay).await, JobMoved::Unchanged(SendState::Due));
    // The outcome that set it aside comes once more: it was merged before and changes nothing.
    record(&book, &[aside]).await;
    assert_eq!(state(&book, job).await.0, SendState::Due);
    let again = book.feed_all().await.sends;
    assert_eq!((again.len(), again[0].send), (1, job));
    assert_eq!(again[0].first_fed_at, NOW, "the time after which it is given up begins anew");
    assert_eq!(one(&book, job, JobCommand::Replay).await, JobMoved::Unchanged(SendState::Queued));
    record(&book, &[outcome(&again[0], 7, Outcome::Done(Answer::default()))]).await;
    assert_eq!(book.counts(id).await, [("sent".to_owned(), 2)].into());
    let row = book.store.activation(id).await.unwrap().unwrap();
    assert_eq!(row.state, ActivationState::Completed);
    assert_eq!(
        one(&book, job, JobCommand::Replay).await,
        JobMoved::Refused(JobRefused::State(SendState::Sent))
    );
}

async fn the_story_of_a_job_keeps_what_happened(book: Book) {
    let (_, lane, id) = book.running(1).await;
    let fed = book.feed_all().await.sends;
    record(&book, &[fail(&fed[0], 3, PermanentReason::SetAside)]).await;
    one(&book, fed[0].send, JobCommand::Replay).await;
    let story = book.store.job_story(fed[0].send).await.unwrap().unwrap();
    assert_eq!((story.job.state, story.job.reason.as_str()), (SendState::Due, ""));
    assert_eq!((story.job.activation, story.job.company.clone()), (id, lane.company));
    assert_eq!(story.claim, Some(domain::ClaimNumber::new(1, 3)));
    assert_eq!(story.address, "a0@example.com");
    assert_eq!(
        story.events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [EventKind::Failed]
    );
    assert!(story.events[0].detail.contains("set_aside"));
    let done = &story.audit[0];
    assert_eq!(
        (done.who.as_str(), done.action.as_str(), done.detail.as_str()),
        ("ops", "replay job", "held set_aside: mended")
    );
    assert!(book.store.job_story(SendId::new(999_999)).await.unwrap().is_none());
}

async fn a_dropped_job_is_cancelled_and_the_activation_ends(book: Book) {
    let (_, _, id) = book.running(3).await;
    let fed = book.feed_all().await.sends;
    let unknown = outcome(&fed[1], 2, Outcome::Unknown(Answer::default()));
    record(&book, &[fail(&fed[0], 1, PermanentReason::RenderFailed), unknown]).await;
    let done = outcome(&fed[2], 3, Outcome::Done(Answer::default()));
    record(&book, &[done]).await;
    let sends = [fed[0].send, fed[1].send, fed[2].send];
    assert_eq!(
        command(&book, &sends, JobCommand::Drop).await,
        [
            changed(SendState::Failed, SendState::Cancelled),
            changed(SendState::Due, SendState::Cancelled),
            JobMoved::Refused(JobRefused::State(SendState::Sent)),
        ]
    );
    let again = one(&book, fed[0].send, JobCommand::Drop).await;
    assert_eq!(again, JobMoved::Unchanged(SendState::Cancelled));
    let counts = book.counts(id).await;
    assert_eq!(counts, [("cancelled:dropped".to_owned(), 2), ("sent".to_owned(), 1)].into());
    let row = book.store.activation(id).await.unwrap().unwrap();
    assert_eq!(row.state, ActivationState::Completed, "nothing of it is open");
}

async fn what_is_unknown_is_resolved_and_not_replayed(book: Book) {
    let (_, _, id) = book.running(4).await;
    let fed = book.feed_all().await.sends;
    let open = |at: usize, n| outcome(&fed[at], n, Outcome::Unknown(Answer::default()));
    record(&book, &[hold(&fed[0], 1), hold(&fed[1], 2), open(2, 3), open(3, 4)]).await;
    let refused = one(&book, fed[0].send, JobCommand::Replay).await;
    assert_eq!(refused, JobMoved::Refused(JobRefused::IsUnknown));

    let sent = command(&book, &[fed[0].send, fed[2].send], JobCommand::ResolveSent).await;
    assert_eq!(
        sent,
        [changed(SendState::Held, SendState::Sent), changed(SendState::Due, SendState::Sent)]
    );
    let repeated = one(&book, fed[0].send, JobCommand::ResolveSent).await;
    assert_eq!(repeated, JobMoved::Unchanged(SendState::Sent));
    let again = command(&book, &[fed[1].send, fed[3].send], JobCommand::ResolveAgain).await;
    assert_eq!(again[0], changed(SendState::Held, SendState::Due));
    assert_eq!(again[1], changed(SendState::Due, SendState::Due));
    let mut back: Vec<_> = book.feed_all().await.sends.iter().map(|send| send.send).collect();
    back.sort();
    let mut want = [fed[1].send, fed[3].send];
    want.sort();
    assert_eq!(back, want);
    assert_eq!(
        one(&book, fed[1].send, JobCommand::ResolveSent).await,
        JobMoved::Refused(JobRefused::OnTheBelt),
        "a worker may have it"
    );
    // What a person said counts as what a relay says.
    let story = book.store.job_story(fed[0].send).await.unwrap().unwrap();
    let accepted = story.events.last().unwrap();
    assert_eq!(accepted.kind, EventKind::Accepted);
    assert!(accepted.detail.contains("resolved as sent by ops"), "{}", accepted.detail);
    let day = std::time::Duration::from_secs(86_400);
    let counts = book.store.result_counts(id, &[(NOW.minus(day), NOW.plus(day))]).await.unwrap();
    let counted: i64 = counts
        .iter()
        .filter(|count| count.kind == ResultKind::Accepted && count.who == Who::Mail)
        .map(|count| count.tally.messages)
        .sum();
    assert_eq!(counted, 2);
}

async fn a_late_answer_to_what_was_resolved_is_no_second_acceptance(book: Book) {
    let (_, _, id) = book.running(1).await;
    let fed = book.feed_all().await.sends;
    record(&book, &[hold(&fed[0], 5)]).await;
    one(&book, fed[0].send, JobCommand::ResolveSent).await;
    record(&book, &[outcome(&fed[0], 5, Outcome::Done(Answer::default()))]).await;
    let story = book.store.job_story(fed[0].send).await.unwrap().unwrap();
    assert_eq!((story.job.state, story.duplicates), (SendState::Sent, 0));
    assert_eq!(book.counts(id).await, [("sent".to_owned(), 1)].into());
}

async fn a_command_that_does_not_fit_moves_nothing(book: Book) {
    let (_, _, id) = book.running(2).await;
    let due = book.feed(1, 1, &Default::default()).await.sends;
    let queued = due[0].send;
    let waiting = book.store.stuck_jobs(&ALL, None, 9).await.unwrap();
    assert!(waiting.is_empty());
    let before = book.counts(id).await;
    for (command, refused) in [
        (JobCommand::Drop, JobRefused::OnTheBelt),
        (JobCommand::ResolveSent, JobRefused::OnTheBelt),
        (JobCommand::ResolveAgain, JobRefused::OnTheBelt),
    ] {
        assert_eq!(one(&book, queued, command).await, JobMoved::Refused(refused), "{command:?}");
    }
    book.store.make_due(&[queued], NOW).await.unwrap();
    for (command, refused) in [
        (JobCommand::Drop, JobRefused::State(SendState::Due)),
        (JobCommand::ResolveSent, JobRefused::IsKnown(SendState::Due)),
        (JobCommand::ResolveAgain, JobRefused::IsKnown(SendState::Due)),
    ] {
        assert_eq!(one(&book, queued, command).await, JobMoved::Refused(refused), "{command:?}");
    }
    let nobody = SendId::new(999_999);
    assert_eq!(one(&book, nobody, JobCommand::Replay).await, JobMoved::Missing);
    book.feed_all().await;
    book.store.make_due(&[queued], NOW).await.unwrap();
    assert_eq!(before["due"] + before["queued"], 2);
    assert!(book.store.job_story(queued).await.unwrap().unwrap().audit.is_empty());

    let fed = book.feed_all().await.sends;
    record(&book, &[fail(&fed[0], 1, PermanentReason::SetAside)]).await;
    book.store.change_activation(id, ActivationCommand::Cancel, "ops", NOW).await.unwrap();
    assert_eq!(
        one(&book, fed[0].send, JobCommand::Replay).await,
        JobMoved::Refused(JobRefused::Ended(ActivationState::Cancelled))
    );
    assert_eq!(state(&book, fed[0].send).await, (SendState::Held, "set_aside".to_owned()));
    assert_eq!(
        one(&book, fed[0].send, JobCommand::Drop).await,
        changed(SendState::Held, SendState::Cancelled)
    );
}

async fn a_complete_activation_is_not_opened_beside_another_or_after_a_recall(book: Book) {
    let (program, lane, _) = book.running(1).await;
    let fed = book.feed_all().await.sends;
    record(&book, &[fail(&fed[0], 1, PermanentReason::SetAside)]).await;
    let request =
        store::LaunchRequest { again: true, ..book.request(&program, std::slice::from_ref(&lane)) };
    let other = book.store.launch(&request).await.unwrap().items.remove(0).activation;
    let refused = JobMoved::Refused(JobRefused::CannotReopen);
    assert_eq!(one(&book, fed[0].send, JobCommand::Replay).await, refused);
    book.store.change_activation(other, ActivationCommand::Cancel, "ops", NOW).await.unwrap();
    let recall = VersionCommand::Recall;
    book.store.change_version(&program.version, recall, "ops", NOW).await.unwrap();
    assert_eq!(one(&book, fed[0].send, JobCommand::Replay).await, refused);
    assert_eq!(state(&book, fed[0].send).await.0, SendState::Held);
}

async fn what_a_new_schedule_moved_is_not_replayed_sooner(book: Book) {
    let (_, _, id) = book.running(2).await;
    let fed = book.feed_all().await.sends;
    let later = NOW.plus(std::time::Duration::from_secs(3_600));
    let schedule = store::NewSchedule {
        event_at: None,
        slots: Default::default(),
        due_at: vec![("hello".parse().unwrap(), later)],
    };
    book.store.reschedule(id, &schedule, "ops", NOW).await.unwrap();
    record(&book, &[fail(&fed[0], 1, PermanentReason::SetAside)]).await;
    one(&book, fed[0].send, JobCommand::Replay).await;
    let story = book.store.job_story(fed[0].send).await.unwrap().unwrap();
    assert_eq!(story.job.due_at, later);
}
