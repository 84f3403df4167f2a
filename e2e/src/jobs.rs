//! Jobs that need a person: one that kills its process is set aside, found, and sent after the mend.

use testkit::{relay::Step, wait::wait_for};

use crate::fleet::{Fleet, PATIENCE, Size};

const POISON: &str = "person3@customer0.example";

/// How often the relay was told of the poison's recipient.
fn met(fleet: &Fleet) -> usize {
    let commands = fleet.relay.commands();
    commands.iter().filter(|(_, line)| line.to_lowercase().contains(POISON)).count()
}

#[tokio::test]
async fn a_poison_job_is_set_aside_listed_and_replayed_after_the_mend() {
    let size = Size { partners: 1, contacts: 20, hands: 3, ..Size::default() };
    let mut fleet = Fleet::set_up(size).await;
    fleet.start("scheduler");
    // Whoever comes to this recipient dies there.
    fleet.relay.rcpt(POISON, Step::hang());
    let mut worker = fleet.start("worker");
    fleet.launch();
    for death in 1..=3 {
        wait_for("the poison to be taken up", PATIENCE, || async {
            (met(&fleet) >= death).then_some(())
        })
        .await;
        fleet.signal(worker, "KILL");
        worker = fleet.start("worker");
    }
    fleet.wait_until_sent(19).await;
    wait_for("the poison to be set aside", PATIENCE, || async {
        (fleet.counts().await.held == 1).then_some(())
    })
    .await;
    let listed = fleet.ok(&["jobs", "list", "--reason", "set_aside"]);
    let items = listed["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "nothing else is set aside: {listed}");
    let job = items[0]["job"].as_str().expect("an id").to_owned();
    let story = fleet.ok(&["jobs", "show", &job]);
    assert_eq!(story["address"], POISON, "{story}");
    assert_eq!(story["belt"]["place"], "nowhere");
    let last = story["events"].as_array().expect("a list").last().expect("it ended").clone();
    assert_eq!(last["detail"]["answer"]["text"], "3 processes died holding it", "{story}");
    let text = fleet.run(&["jobs", "show", &job]).stdout;
    let text = String::from_utf8_lossy(&text);
    for words in ["held (set_aside)", POISON, "belt: not on it", "3 processes died holding it"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(fleet.run(&["jobs", "resolve", &job, "--sent"]).status.code(), Some(2));

    fleet.relay.clear();
    let package = ["jobs", "replay", "--reason", "set_aside", "--package", "product-launch"];
    let replayed = fleet.ok(&[&package[..], &["--all", "--because", "mended"]].concat());
    assert_eq!((&replayed["found"], &replayed["changed"]), (&1.into(), &1.into()), "{replayed}");
    fleet.wait_until_sent(20).await;
    let story = fleet.ok(&["jobs", "show", &job]);
    assert_eq!(
        (&story["state"], &story["done"][0]["action"]),
        (&"sent".into(), &"replay job".into())
    );
    assert_eq!(fleet.ok(&["jobs", "list"])["items"].as_array().expect("a list").len(), 0);
    // What else was on the wire at a death nobody knows of: it may come twice.
    let doubles = fleet.doubles().await;
    assert!(doubles <= 3 * fleet.size.hands, "{doubles} doubled by three deaths");
    fleet.assert_nothing_lost().await;
}
