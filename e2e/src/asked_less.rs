//! A provider asks for less, a relay goes down beside another: the rest of the mail does not notice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use testkit::{
    ScriptedRelay,
    relay::{Phase, Step},
    wait::wait_for,
};

use crate::fleet::{Fleet, PATIENCE, Size};

const PERSONS: usize = 40;

#[tokio::test]
async fn a_provider_that_asks_for_less_is_slowed_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let providers = folder.path().join("providers.txt");
    std::fs::write(&providers, "strict domain customer0.example\n").expect("it is writable");
    let settings =
        vec![("THROUGHLINE__LIMITS__PROVIDERS_FOLDER", folder.path().display().to_string())];
    let mut fleet = Fleet::set_up(Size { contacts: PERSONS, settings, ..Size::default() }).await;
    let strict = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&strict);
    fleet.relay.decide(Phase::Rcpt, move |seen| {
        let throttled = asked.load(Ordering::Relaxed) && seen.rcpt.ends_with("@customer0.example");
        throttled.then(|| Step::reply(451, "4.7.650 too much from your network"))
    });
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(2 * PERSONS).await;

    let status = fleet.ok(&["status"]);
    let slowed = &status["belt"]["slowed"][0];
    assert_eq!(
        (slowed["of"].as_str(), slowed["name"].as_str()),
        (Some("provider"), Some("strict"))
    );
    let share = slowed["share"].as_f64().expect("a share");
    assert!(share < 1.0, "{slowed}");
    let said = fleet.run(&["status"]);
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("provider strict asked for less: "), "{said}");

    strict.store(false, Ordering::Relaxed);
    fleet.wait_until_sent(3 * PERSONS).await;
    let counts = fleet.counts().await;
    assert_eq!((counts.failed, fleet.doubles().await), (0, 0));
    // Being asked for less is not the message's fault: it costs no attempt.
    let events = fleet.run(&["events", "--json"]);
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    assert!(events.contains("accepted") && !events.contains("deferred"), "{events}");
}

#[tokio::test]
async fn while_one_relay_is_down_the_other_takes_everything() {
    let second = ScriptedRelay::builder().start().await;
    let settings = vec![
        ("THROUGHLINE__RELAY__1__NAME", "second".to_owned()),
        ("THROUGHLINE__RELAY__1__ADDRESS", second.address()),
        ("THROUGHLINE__RELAY__1__MAX_CONNECTIONS", "5".to_owned()),
    ];
    let mut fleet = Fleet::set_up(Size { contacts: PERSONS, settings, ..Size::default() }).await;
    let address = fleet.relay.address();
    fleet.relay.stop().await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.start("worker");
    fleet.launch();
    second.wait_until_accepted(fleet.first_step_sends()).await;
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    let status = fleet.ok(&["status"]);
    let slowed = &status["belt"]["slowed"][0];
    assert_eq!((slowed["of"].as_str(), slowed["name"].as_str()), (Some("relay"), Some("main")));
    assert!(slowed["failures"].as_u64() >= Some(1), "{slowed}");

    // It comes back: somebody looks when it has been left alone long enough, and it has its share again.
    let first = ScriptedRelay::builder().address(&address).start().await;
    wait_for("the relay to be looked at by the next message", PATIENCE, || async {
        let status = fleet.ok(&["status"]);
        (status["belt"]["slowed"][0]["rests_ms"].as_u64() == Some(0)).then_some(())
    })
    .await;
    fleet.bring_forward(4).await;
    fleet.wait_until_sent(2 * fleet.first_step_sends()).await;
    wait_for("the relay to be used again", PATIENCE, || async {
        if first.accepted_count() == 0 {
            return None;
        }
        let status = fleet.ok(&["status"]);
        status["belt"]["slowed"].as_array().expect("a list").is_empty().then_some(())
    })
    .await;
    let counts = fleet.counts().await;
    assert_eq!((counts.failed, counts.duplicates), (0, 0));
}
