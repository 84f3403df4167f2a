//! `jobs`: who sees which, with which face, and who decides.

use std::time::Duration;

use domain::{
    ActivationId, ClaimNumber, CompanyId, OnUnknown, Outcome, OutcomeRecord, SendId, SendState,
    StuckReason,
    merge::GiveUp,
    outcome::{Answer, PermanentReason},
    time::Clock,
};
use program::{Actor, ErrorKind, JobCommand, JobDecision, JobPlace, JobsOf, PageOf};
use store::StreamedOutcome;
use testkit::TestDatabase;

use crate::world::{OPS, World};

struct Stage {
    world: World,
    company: CompanyId,
    activation: ActivationId,
    /// Two sends, queued.
    sends: Vec<SendId>,
}

impl Stage {
    async fn on(database: TestDatabase) -> Self {
        let world = World::on(database).await;
        let (_, company, activation) = world.launched("acme").await;
        let sends = world.expand(activation).await.into_iter().map(|(_, send)| send).collect();
        Self { world, company, activation, sends }
    }

    async fn ends(&self, at: usize, counter: u64, outcome: Outcome, on_unknown: OnUnknown) {
        let send = self.sends[at];
        let detail = self.world.store.send(send).await.unwrap().unwrap();
        let record = OutcomeRecord {
            v: domain::job::VERSION,
            send,
            activation: self.activation,
            partner: detail.partner,
            claim: ClaimNumber::new(1, counter),
            on_unknown,
            outcome,
        };
        let at = self.world.clock.now();
        let streamed = StreamedOutcome { position: format!("{counter}-0"), record, at };
        let give_up = GiveUp { after: Duration::from_secs(86_400) };
        self.world.store.record("outcomes", &[streamed], give_up).await.unwrap();
    }

    /// The first send is set aside.
    async fn set_aside(&self) -> SendId {
        let outcome = Outcome::permanent(PermanentReason::SetAside);
        self.ends(0, 1, outcome, OnUnknown::Retry).await;
        self.sends[0]
    }

    /// Of the second one nobody knows whether it went.
    async fn unknown(&self) -> SendId {
        let answer = Answer::new(0, "", "lost anna@example.com", "main");
        self.ends(1, 2, Outcome::Unknown(answer), OnUnknown::Hold).await;
        self.sends[1]
    }

    async fn list(&self, actor: &Actor, of: &JobsOf) -> Vec<SendId> {
        let page = PageOf { after: None, limit: 50 };
        let found = self.world.program.list_jobs(actor, of, &page).await.unwrap();
        found.items.into_iter().map(|line| line.job).collect()
    }
}

on_both!(
    everybody_sees_their_own_with_their_own_face,
    a_stranger_finds_and_decides_nothing,
    a_decision_is_done_once,
    what_does_not_fit_is_refused_in_words,
    what_a_worker_holds_is_not_touched,
    many_are_decided_at_once_and_the_rest_is_named,
    the_story_says_where_it_is_on_the_belt,
);

fn decision(command: JobCommand) -> JobDecision {
    JobDecision { command, note: "mended\u{1b}[2J".to_owned() }
}

async fn everybody_sees_their_own_with_their_own_face(stage: Stage) {
    let (aside, unknown) = (stage.set_aside().await, stage.unknown().await);
    let its_vendor = Actor::Vendor(stage.world.vendor.clone());
    let itself = Actor::Company(stage.company.clone());
    for actor in [&OPS, &its_vendor, &itself] {
        let mut found = stage.list(actor, &JobsOf::default()).await;
        found.sort();
        let mut want = vec![aside, unknown];
        want.sort();
        assert_eq!(found, want, "{actor}");
        let of = JobsOf { reason: Some(StuckReason::SetAside), ..JobsOf::default() };
        assert_eq!(stage.list(actor, &of).await, [aside], "{actor}");
        let view = stage.world.program.job(actor, unknown).await.unwrap();
        let knows_people = !matches!(actor, Actor::Vendor(_));
        assert_eq!(view.address.is_some(), knows_people, "{actor}");
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(text.contains("@example.com"), knows_people, "{actor}: {text}");
        assert_eq!(view.events.len(), 1);
        assert_eq!(view.events[0].claim, Some(ClaimNumber::new(1, 2)));
    }
}

async fn a_stranger_finds_and_decides_nothing(stage: Stage) {
    let (aside, unknown) = (stage.set_aside().await, stage.unknown().await);
    let Stage { world, company, .. } = &stage;
    let (_, stranger) = world.partner("acma", "Gold").await;
    let other = world.program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    let strangers = [Actor::Vendor(other.clone()), Actor::Company(stranger)];
    for actor in &strangers {
        assert!(stage.list(actor, &JobsOf::default()).await.is_empty(), "{actor}");
        let of = JobsOf { activation: Some(stage.activation), ..JobsOf::default() };
        assert!(stage.list(actor, &of).await.is_empty(), "{actor}");
        let error = world.program.job(actor, aside).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let of = JobsOf { vendor: Some(world.vendor.clone()), ..JobsOf::default() };
        let page = PageOf { after: None, limit: 50 };
        if matches!(actor, Actor::Vendor(_)) {
            let error = world.program.list_jobs(actor, &of, &page).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }
    // The company sees its own and decides nothing: it is the program's mail.
    let itself = Actor::Company(company.clone());
    for actor in strangers.iter().chain([&itself]) {
        for (job, command) in [
            (aside, JobCommand::Replay),
            (aside, JobCommand::Drop),
            (unknown, JobCommand::ResolveSent),
            (unknown, JobCommand::ResolveAgain),
        ] {
            let error = world.program.decide_job(actor, job, &decision(command)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{actor} {command:?}");
            let all = JobsOf::default();
            let done =
                world.program.decide_jobs(actor, &all, &decision(command), &mut |_| {}).await;
            assert!(done.is_err() || done.unwrap().found == 0, "{actor} {command:?}");
        }
    }
    for job in [aside, unknown] {
        assert_eq!(world.store.send(job).await.unwrap().unwrap().state, SendState::Held);
    }
}

async fn a_decision_is_done_once(stage: Stage) {
    let aside = stage.set_aside().await;
    let program = &stage.world.program;
    let its_vendor = Actor::Vendor(stage.world.vendor.clone());
    let replay = decision(JobCommand::Replay);
    let done = program.decide_job(&its_vendor, aside, &replay).await.unwrap();
    assert_eq!((done.before, done.after, done.changed), (SendState::Held, SendState::Due, true));
    let again = program.decide_job(&its_vendor, aside, &replay).await.unwrap();
    assert_eq!((again.after, again.changed), (SendState::Due, false));
    let view = program.job(&OPS, aside).await.unwrap();
    assert_eq!(view.done.len(), 1, "once");
    assert_eq!(view.done[0].who, stage.world.vendor.to_string());
    assert_eq!(view.done[0].detail, "held set_aside: mended [2J", "nothing that moves a cursor");
    let status = program.status(&OPS, Some(stage.activation)).await.unwrap();
    assert_eq!((status.totals.total, status.totals.of(SendState::Held)), (2, 0));
}

async fn what_does_not_fit_is_refused_in_words(stage: Stage) {
    let program = &stage.world.program;
    let (aside, unknown) = (stage.set_aside().await, stage.unknown().await);
    for (job, command, words) in [
        (aside, JobCommand::ResolveSent, "nothing unknown about it"),
        (unknown, JobCommand::Replay, "may have gone, nobody knows"),
    ] {
        let error = program.decide_job(&OPS, job, &decision(command)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().starts_with(&job.to_string()), "{error}");
    }
    let nobody = SendId::new(999_999);
    let error = program.decide_job(&OPS, nobody, &decision(JobCommand::Drop)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// A job of this send on the belt.
fn job(stage: &Stage, send: SendId, partner: domain::PartnerId) -> belt::NewJob {
    let hash = |n: u8| format!("{n:032x}").parse().unwrap();
    belt::NewJob {
        send,
        lane: partner,
        weight: 1,
        partner_limit: None,
        tier: String::new(),
        provider: String::new(),
        sender: String::new(),
        vendor: stage.world.vendor.clone(),
        activation: stage.activation,
        version: "version".to_owned(),
        revision: 0,
        suppression: [hash(1), hash(2), hash(3)],
        topic: None,
        on_unknown: OnUnknown::Hold,
        not_after: None,
        first_fed_at: stage.world.clock.now(),
        payload: "{}".to_owned(),
    }
}

/// The book was told that it is unknown, and the worker that had it holds it still.
async fn what_a_worker_holds_is_not_touched(stage: Stage) {
    let unknown = stage.unknown().await;
    let detail = stage.world.store.send(unknown).await.unwrap().unwrap();
    let belt = belt::Belt::connect(belt::BeltConfig::new(stage.world.redis.url())).await.unwrap();
    belt.push(&[job(&stage, unknown, detail.partner)], 1).await.unwrap();
    let worker = belt::WorkerName::new("w");
    let (member, _, _) = belt.join(&worker, &[], &[]).await.unwrap();
    let claimed = member.claim(1, 1).await.unwrap();
    assert_eq!(claimed.jobs.len(), 1);
    let program = &stage.world.program;
    let view = program.job(&OPS, unknown).await.unwrap();
    let in_hand = |worker: Option<&str>| JobPlace::InHand {
        worker: worker.map(str::to_owned),
        on_the_wire: false,
        deaths: 0,
    };
    assert_eq!(view.belt, in_hand(Some("w")));
    let itself = Actor::Company(stage.company.clone());
    assert_eq!(program.job(&itself, unknown).await.unwrap().belt, in_hand(None));
    for command in [JobCommand::ResolveSent, JobCommand::ResolveAgain, JobCommand::Drop] {
        let error = program.decide_job(&OPS, unknown, &decision(command)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("a worker may have it"), "{error}");
    }
    assert_eq!(stage.world.store.send(unknown).await.unwrap().unwrap().state, SendState::Held);
}

async fn many_are_decided_at_once_and_the_rest_is_named(stage: Stage) {
    let (aside, unknown) = (stage.set_aside().await, stage.unknown().await);
    let program = &stage.world.program;
    let mut heard = Vec::new();
    let done = program
        .decide_jobs(&OPS, &JobsOf::default(), &decision(JobCommand::Replay), &mut |so_far| {
            heard.push(so_far.found);
        })
        .await
        .unwrap();
    assert_eq!((done.found, done.changed, done.refused), (2, 1, 1));
    assert_eq!((done.refusals[0].job, heard), (unknown, vec![2]));
    assert_eq!(stage.list(&OPS, &JobsOf::default()).await, [unknown]);
    let again = program
        .decide_jobs(&OPS, &JobsOf::default(), &decision(JobCommand::ResolveSent), &mut |_| {})
        .await
        .unwrap();
    assert_eq!((again.found, again.changed), (1, 1));
    assert!(stage.list(&OPS, &JobsOf::default()).await.is_empty());
    assert_eq!(stage.world.store.send(aside).await.unwrap().unwrap().state, SendState::Due);
}

async fn the_story_says_where_it_is_on_the_belt(mut stage: Stage) {
    let send = stage.sends[0];
    let place = async |stage: &Stage| stage.world.program.job(&OPS, send).await.unwrap().belt;
    assert_eq!(place(&stage).await, JobPlace::Nowhere);
    let detail = stage.world.store.send(send).await.unwrap().unwrap();
    let belt = belt::Belt::connect(belt::BeltConfig::new(stage.world.redis.url())).await.unwrap();
    belt.push(&[job(&stage, send, detail.partner)], 1).await.unwrap();
    assert_eq!(place(&stage).await, JobPlace::Waiting { deaths: 0 });
    stage.world.redis.stop();
    assert_eq!(place(&stage).await, JobPlace::Unknown);
}
