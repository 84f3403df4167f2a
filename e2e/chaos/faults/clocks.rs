//! The wall clock of a process jumps by an hour, forth and back.

use std::{fs, path::PathBuf, time::Duration};

use tokio::time::sleep;

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{Shape, Stage},
};

/// What answers a process in the place of the system's clock, as Debian's `libfaketime` installs it.
fn library() -> PathBuf {
    let places = fs::read_dir("/usr/lib").expect("a system has this folder").flatten();
    let places = places.map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    let mut found = places.filter(|path| path.exists());
    found.next().unwrap_or_else(|| panic!("libfaketime is missing: run .ci/install chaos"))
}

/// A worker and the scheduler live by a wall clock that jumps; nobody else does. Leases and due times are on Redis's clock, so nothing
/// is taken from anybody and nothing goes twice.
pub async fn jump(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(600, 1_500), ..Shape::default() };
    let mut stage = Stage::set_up(plan, shape).await;
    let clock = stage.fleet.folder().join("clock");
    // Written beside and moved, so that nobody reads half of it.
    let set = |to: &str| {
        let next = clock.with_extension("next");
        fs::write(&next, to).expect("the temporary folder is writable");
        fs::rename(next, &clock).expect("the temporary folder is writable");
    };
    set("+1h");
    let faked = [
        ("LD_PRELOAD", library().display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // A wall clock that is set does not touch the one that measures.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let scheduler = stage.start_scheduler_with(&faked);
    stage.start_worker_with(&faked);
    stage.start_worker();
    stage.fleet.launch();
    for (share, to) in [(0.2, "-1h"), (0.5, "+0")] {
        stage.wait_for_share(share).await;
        stage.a_moment(Duration::from_millis(200)).await;
        stage.note(&format!("wall clock set to {to}"), 0, Recovery::Silence);
        set(to);
        sleep(Duration::from_secs(1)).await;
    }
    stage.settle().await;
    // Each dates its log by the clock it sees: proof that one of them saw another.
    let hour = |place: usize| stage.fleet.log(place).get(..13).map(str::to_owned);
    let differs = hour(stage.schedulers[scheduler].place) != hour(stage.workers[1].place);
    stage.check("another hour in the scheduler's log", f64::from(differs), 1.0, 1.0);
    stage
}
