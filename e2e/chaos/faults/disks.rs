//! The disk under the book or under Redis is full for a while, and the book's server is out of reach.

use std::{fs, path::Path, process::Command, time::Duration};

use testkit::{
    Proxy,
    proxy::{Link, Upstream},
};
use tokio::time::sleep;

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{Shape, Stage},
};

/// A disk that can be filled, as a process sees it that is started with [`Self::settings`].
struct Disk {
    folder: tempfile::TempDir,
    under: String,
}

impl Disk {
    fn of(under: &Path) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let code = folder.path().join("disk_full.c");
        fs::write(&code, include_str!("disk_full.c")).expect("the temporary folder is writable");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(folder.path().join("disk_full.so"))
            .arg(&code)
            .arg("-ldl")
            .output()
            .expect("a C compiler is there: run .ci/install chaos");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { folder, under: under.display().to_string() }
    }

    fn settings(&self) -> [(&'static str, String); 3] {
        let at = |name| self.folder.path().join(name).display().to_string();
        [
            ("LD_PRELOAD", at("disk_full.so")),
            ("DISK_FULL_UNDER", self.under.clone()),
            ("DISK_FULL_WHILE", at("full")),
        ]
    }

    async fn full_for(&self, time: Duration) {
        let full = self.folder.path().join("full");
        fs::write(&full, "").expect("the temporary folder is writable");
        sleep(time).await;
        fs::remove_file(&full).expect("it is there");
    }
}

/// The scheduler can write nothing into the book: what workers send is recorded later, and nothing goes twice.
pub async fn of_the_book(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(700, 1_500), window: 300, ..Shape::default() };
    let mut stage = Stage::set_up(plan, shape).await;
    let book = stage.fleet.book_url().trim_start_matches("sqlite://").to_owned();
    let disk = Disk::of(Path::new(&book).parent().expect("a file is in a folder"));
    let scheduler = stage.start_scheduler_with(&disk.settings());
    stage.start_worker();
    stage.start_worker();
    stage.fleet.launch();
    for (share, seconds) in [(0.02, 3), (0.4, 8)] {
        stage.wait_for_share(share).await;
        stage.note("the book's disk is full", 0, Recovery::Silence);
        disk.full_for(Duration::from_secs(seconds)).await;
    }
    stage.settle().await;
    let place = stage.schedulers[scheduler].place;
    let said = stage.fleet.log(place).contains("disk is full");
    stage.check("the scheduler says that the disk is full", f64::from(said), 1.0, 1.0);
    stage.keep(disk.folder);
    stage
}

/// Redis takes no write: what is on the wire ends, is told later, and nothing else begins.
pub async fn of_redis(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(700, 1_200), ..Shape::default() };
    let mut stage = Stage::set_up(plan, shape).await;
    let folder = stage.fleet.redis.socket().parent().expect("a socket is in a folder").to_owned();
    let disk = Disk::of(&folder);
    stage.fleet.redis.stop();
    stage.fleet.redis.restart_with(&disk.settings());
    stage.start_scheduler();
    stage.start_worker();
    stage.start_worker();
    stage.fleet.launch();
    for share in [0.2, 0.5] {
        stage.wait_for_share(share).await;
        stage.note("Redis's disk is full", 0, Recovery::Silence);
        disk.full_for(Duration::from_secs(5)).await;
    }
    stage.settle().await;
    // It says so once in 30 s.
    let log = stage.fleet.redis.log();
    let said = log.contains("writing to the AOF file");
    stage.check("Redis says that it can't write", f64::from(said), 1.0, 1.0);
    stage.keep(disk.folder);
    stage
}

/// The scheduler can't reach the book: not for a moment, then for longer than its lease.
pub async fn book_out_of_reach(plan: Plan) -> Stage {
    let shape = Shape { contacts: plan.pick(900, 1_800), window: 300, ..Shape::default() };
    let mut stage = Stage::set_up(plan, shape).await;
    let url = stage.fleet.book_url().to_owned();
    let rest = url.strip_prefix("postgres://postgres@").expect("a Postgres of the tests");
    let (address, name) = rest.split_once('/').expect("a database of the tests");
    let proxy = Proxy::start(Upstream::Tcp(address.parse().expect("an address"))).await;
    let through = format!("postgres://postgres@{}/{name}", proxy.address());
    stage.start_scheduler_with(&[("THROUGHLINE__BOOK__URL", through)]);
    stage.start_worker();
    stage.start_worker();
    stage.fleet.launch();
    for (share, link, seconds) in
        [(0.05, Link::Cut, 2), (0.3, Link::Stalled, 4), (0.6, Link::HalfOpen, 10)]
    {
        stage.wait_for_share(share).await;
        stage.a_moment(Duration::from_millis(100)).await;
        stage.note("the scheduler is cut off from the book", 0, Recovery::Silence);
        proxy.set(link);
        sleep(Duration::from_secs(seconds)).await;
        proxy.set(Link::Whole);
    }
    stage.settle().await;
    stage.keep(proxy);
    stage
}
