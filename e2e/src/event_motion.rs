//! A package around an event: steps follow the event, also when it is moved.

use std::path::{Path, PathBuf};

use jiff::{ToSpan, Zoned, tz::TimeZone};
use testkit::{relay::Phase, wait::wait_for};

use crate::fleet::{Fleet, PATIENCE, Size, sample_package};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the temporary folder is writable");
    for entry in std::fs::read_dir(from).expect("the sample package is there") {
        let entry = entry.expect("it can be read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("the temporary folder is writable");
        }
    }
}

/// The sample package with its steps around an event: two weeks before, the day before, the day after.
fn event_package(fleet: &Fleet) -> PathBuf {
    let folder = fleet.folder().join("webinar");
    copy(&sample_package(), &folder);
    let file = folder.join("package.toml");
    let text = std::fs::read_to_string(&file).expect("a package has it");
    let text = text
        .replace("name = \"product-launch\"", "name = \"webinar\"")
        .replace("after = \"0\"", "at = \"T-14d\"")
        .replace("after = \"3d\"", "at = \"T-1d\"")
        .replace("after = \"10d\"", "at = \"T+1d\"")
        + "\n[motion]\nkind = \"event\"\nevent_at = \"event_at\"\n\n\
           [slots.event_at]\nkind = \"datetime\"\nlabel = \"When\"\nrequired = true\n";
    std::fs::write(&file, text).expect("the temporary folder is writable");
    // The sample is rendered by the check, so it must say when as well.
    let sample = folder.join("sample.json");
    let text = std::fs::read_to_string(&sample).expect("the sample package has one");
    let slot = "\"slots\": { \"event_at\": \"2030-05-06T10:00[UTC]\",";
    let text = text.replacen("\"slots\": {", slot, 1);
    std::fs::write(&sample, text).expect("the temporary folder is writable");
    folder
}

/// In so many days from now, as a slot takes it.
fn in_days(days: i64) -> String {
    let at =
        Zoned::now().with_time_zone(TimeZone::UTC).checked_add(days.days()).expect("soon enough");
    format!("{}[UTC]", at.strftime("%Y-%m-%dT%H:%M"))
}

#[tokio::test]
async fn its_mails_follow_the_event_also_when_it_is_moved() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 100, ..Size::default() }).await;
    let folder = event_package(&fleet);
    fleet.ok(&["package", "publish", folder.to_str().expect("UTF-8")]);
    fleet.start("scheduler");
    fleet.start("worker");
    let launch = |slot: String| {
        vec![
            "launch".to_owned(),
            "--package".into(),
            "webinar".into(),
            "--all-eligible".into(),
            "--slot".into(),
            slot,
        ]
    };
    let run = |args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        fleet.run(&args)
    };
    let late = run(launch(format!("event_at={}", in_days(-1))));
    assert!(!late.status.success(), "an event that is over");
    let launched = run(launch(format!("event_at={}", in_days(15))));
    assert!(launched.status.success(), "{}", String::from_utf8_lossy(&launched.stderr));
    wait_for("the audience", PATIENCE, || async {
        (fleet.counts().await.due == 300).then_some(())
    })
    .await;

    // A day on, two weeks before the event: the invitations leave, and the event is moved meanwhile.
    fleet.relay.hold(Phase::Dot);
    fleet.bring_forward(2).await;
    fleet.relay.wait_until_holding(5).await;
    let status = fleet.ok(&["status"]);
    let activation = status["activations"][0]["activation"].as_str().expect("an id").to_owned();
    let moved = fleet.ok(&["move", &activation, "--event-at", &in_days(30)]);
    assert_eq!(
        (&moved["schedule_revision"], &moved["belt"]),
        (&1.into(), &"told".into()),
        "{moved}"
    );
    fleet.relay.release();
    let sent = wait_for("what was queued to be back in the book", PATIENCE, || async {
        let counts = fleet.counts().await;
        let all_heard = counts.sent == fleet.relay.accepted().len() as i64;
        (counts.queued == 0 && all_heard).then_some(counts.sent)
    })
    .await;
    assert!((1..=fleet.size.hands as i64).contains(&sent), "{sent} were on the wire");

    fleet.bring_forward(17).await;
    fleet.wait_until_sent(100).await;
    fleet.bring_forward(32).await;
    fleet.wait_until_sent(300).await;
    assert_eq!(fleet.doubles().await, 0);
}
