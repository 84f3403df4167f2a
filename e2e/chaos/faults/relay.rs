//! The relay is silent, closes, puts off, refuses and talks nonsense, at every point of the dialogue.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use testkit::relay::{Phase, Seen, Step};

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{Shape, Stage},
};

/// Where the relay can say something.
const PHASES: [Phase; 6] =
    [Phase::Greeting, Phase::Ehlo, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot];

/// Time limits that a run can wait for.
fn impatient() -> Shape {
    let limits = ["CONNECT", "GREETING", "MAIL", "RCPT", "DATA", "CONTENT"];
    let names: [&'static str; 6] = [
        "THROUGHLINE__SMTP__CONNECT_TIMEOUT",
        "THROUGHLINE__SMTP__GREETING_TIMEOUT",
        "THROUGHLINE__SMTP__MAIL_TIMEOUT",
        "THROUGHLINE__SMTP__RCPT_TIMEOUT",
        "THROUGHLINE__SMTP__DATA_TIMEOUT",
        "THROUGHLINE__SMTP__CONTENT_TIMEOUT",
    ];
    debug_assert_eq!(limits.len(), names.len());
    Shape { settings: names.map(|name| (name, "1s".to_owned())).to_vec(), ..Shape::default() }
}

/// Lets a campaign run into what `steps` says for each phase, several times.
async fn at_each_phase(
    plan: Plan,
    shape: Shape,
    what: &str,
    steps: impl Fn(Phase) -> Vec<Step>,
) -> Stage {
    let times = plan.pick(2, 5);
    let shape = Shape { contacts: plan.pick(200, 600), ..shape };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    for time in 0..times {
        for (n, phase) in PHASES.into_iter().enumerate() {
            let share = (time * PHASES.len() + n + 1) as f64 / (times * PHASES.len() + 2) as f64;
            stage.wait_for_share(0.8 * share).await;
            let steps = steps(phase);
            if !steps.is_empty() {
                stage.note(&format!("{what} at {phase:?}"), 0, Recovery::None);
            }
            for step in steps {
                stage.fleet.relay.next(phase, step);
            }
            if matches!(phase, Phase::Greeting | Phase::Ehlo) {
                // Connections are kept; a new one is only made when an old one ends.
                stage.fleet.relay.next(Phase::Mail, Step::close());
            }
        }
    }
    stage.settle().await;
    stage
}

/// Silent: the time limit of the phase ends it, and the connection is not used again.
pub async fn slow(plan: Plan) -> Stage {
    at_each_phase(plan, impatient(), "the relay is silent", |phase| {
        let mut steps = vec![Step::hang()];
        if phase == Phase::Dot {
            // It took the message and says nothing: nobody can know.
            steps.push(Step::hang().but_took_it());
        }
        steps
    })
    .await
}

/// Every tenth message or so is cut somewhere in its content.
pub async fn cut_in_mid_data(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(150, 500), ..Shape::default() };
    let mut stage = Stage::in_full_swing(plan, shape).await;
    for share in [0.1, 0.3, 0.5] {
        stage.wait_for_share(share).await;
        // A message has some 10,000 bytes: every place in it comes about.
        for _ in 0..stage.plan.pick(8, 20) {
            let bytes = 300 + stage.plan.random.below(12_000);
            stage.note(&format!("new connections cut after {bytes} bytes"), 0, Recovery::None);
            stage.fleet.relay.cut_after(Some(bytes));
            stage.fleet.relay.next(Phase::Mail, Step::close());
            let seen = stage.fleet.relay.connections_seen();
            stage
                .fleet
                .relay
                .wait_until("a connection to be cut", |relay| relay.connections_seen() > seen)
                .await;
        }
        stage.fleet.relay.cut_after(None);
    }
    stage.settle().await;
    stage
}

/// Asks `step` every `every`th time a phase comes.
fn every(
    stage: &Stage,
    phase: Phase,
    every: usize,
    step: impl Fn(&Seen) -> Step + Send + Sync + 'static,
) {
    let count = Arc::new(AtomicUsize::new(0));
    stage.fleet.relay.decide(phase, move |seen| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        (n % every == every - 1).then(|| step(seen))
    });
}

/// The relay takes the message and closes without a word, or closes without taking it.
pub async fn cut_after_the_dot(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(200, 600), ..Shape::default() };
    let mut stage = Stage::set_up(plan, shape).await;
    every(&stage, Phase::Dot, 13, |_| Step::close().but_took_it());
    every(&stage, Phase::Dot, 17, |_| Step::close());
    stage.start_scheduler();
    stage.start_worker();
    stage.start_worker();
    stage.note("the relay closes after the dot", 0, Recovery::None);
    stage.fleet.launch();
    stage.settle().await;
    stage
}

/// 421: the relay asks to be left alone. Nothing is charged for it.
pub async fn closing(plan: Plan) -> Stage {
    let stage = at_each_phase(plan, Shape::default(), "421", |_| {
        vec![Step::reply(421, "4.3.2 closing").then_close()]
    });
    stage.await
}

/// 4xx: later.
pub async fn puts_off(plan: Plan) -> Stage {
    at_each_phase(plan, Shape::default(), "451", |_| {
        vec![Step::reply(451, "4.3.0 try again later"), Step::reply(450, "4.2.0 busy")]
    })
    .await
}

/// 5xx to every tenth recipient and at every eleventh dot: the end, at once, with one attempt.
pub async fn refuses(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(200, 600), ..Shape::default() };
    let contacts = shape.contacts;
    let mut stage = Stage::set_up(plan, shape).await;
    let refused = |n: usize| n % 10 == 3;
    stage.fleet.relay.decide(Phase::Rcpt, move |seen| {
        let number = seen.rcpt.strip_prefix("person")?.split('@').next()?.parse().ok()?;
        refused(number).then(|| Step::reply(550, "5.7.1 not wanted here"))
    });
    let count = (0..contacts).filter(|n| refused(*n)).count() * stage.fleet.size.partners;
    stage.expect_ends("failed/rejected", count);
    stage.start_scheduler();
    stage.start_worker();
    stage.start_worker();
    stage.note("the relay refuses recipients for good", 0, Recovery::None);
    stage.fleet.launch();
    stage.settle().await;
    let commands = stage.fleet.relay.commands();
    let asked = commands.iter().filter(|(_, line)| {
        let number = line.strip_prefix("RCPT TO:<person").and_then(|rest| rest.split('@').next());
        number.and_then(|n| n.parse().ok()).is_some_and(refused)
    });
    let asked = asked.count() as f64;
    stage.check("RCPT for recipients that are refused", asked, count as f64, count as f64);
    stage
}

/// Answers that are none, and codes of another phase: never a success.
pub async fn garbled(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(200, 600), ..impatient() };
    let mut stage = Stage::set_up(plan, shape).await;
    every(&stage, Phase::Dot, 23, |_| Step::raw("2\u{fffd}0 ok\r\n"));
    every(&stage, Phase::Dot, 29, |_| Step::raw("25O queued\r\n").but_took_it());
    every(&stage, Phase::Dot, 31, |_| Step::reply(354, "go on, whatever that means here"));
    every(&stage, Phase::Rcpt, 37, |_| Step::reply(354, "go on"));
    every(&stage, Phase::Mail, 41, |_| Step::raw("ok\r\n"));
    every(&stage, Phase::Data, 43, |_| Step::reply(250, "ok, but that is not 354"));
    stage.start_scheduler();
    stage.start_worker();
    stage.start_worker();
    stage.note("the relay garbles its answers", 0, Recovery::None);
    stage.fleet.launch();
    stage.settle().await;
    stage
}
