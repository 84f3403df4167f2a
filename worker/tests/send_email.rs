//! `send_email` on a real belt and a real SMTP dialogue: what each situation ends as.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use belt::{Belt, BeltConfig, NewJob, OpenWith, Relay, Stop, StreamId};
use channels::smtp::{RelayConfig, Relays};
use domain::{
    ActivationId, ContentHash, OnUnknown, Outcome, PartnerShelf, SendEmail, SendId, TrackedParts,
    UtcMillis,
    brand::{BrandProfile, ContactPerson},
    job::VERSION,
    outcome::PermanentReason,
    token::{ClickToken, LinkKey, Purpose},
};
use process::{Metrics, Readiness, Shutdown};
use testkit::{ScriptedRelay, TestRedis, relay::Phase, wait::wait_for};

const FENCE: u64 = 1;
const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    belt: Belt,
    relay: ScriptedRelay,
    version: (ContentHash, Vec<u8>),
    profile: (ContentHash, Vec<u8>),
    read: StreamId,
    shutdown: Shutdown,
    worker: tokio::task::JoinHandle<()>,
    _redis: TestRedis,
}

fn partner() -> PartnerShelf {
    PartnerShelf {
        v: VERSION,
        vendor_name: "Northwind Secure".to_owned(),
        tier: "Gold".to_owned(),
        brand: BrandProfile {
            name: "O'Brien & Söhne".to_owned(),
            logo: None,
            colour: "#0a4d8c".to_owned(),
            postal_address: vec!["1 Market Street".to_owned(), "1010 Vienna".to_owned()],
            web_site: "https://obrien.example".to_owned(),
            locale: "en".to_owned(),
            time_zone: "Europe/Vienna".to_owned(),
            contact_person: ContactPerson {
                name: "Pat Smith".to_owned(),
                email: "pat@obrien.example".to_owned(),
                phone: String::new(),
            },
        },
        sender: domain::SenderIdentity {
            from_name: "O'Brien & Söhne".to_owned(),
            from_email: "news@obrien.example".to_owned(),
            reply_to: "hello@obrien.example".to_owned(),
        },
        slots: BTreeMap::new(),
        list_id: "obrien.lists.example".to_owned(),
    }
}

impl Stage {
    async fn set_up() -> Self {
        let redis = TestRedis::start();
        let relay = ScriptedRelay::start().await;
        let belt = Belt::connect(BeltConfig::new(redis.url())).await.unwrap();
        let with = OpenWith {
            relays: vec![Relay { name: "main".to_owned(), limit: None }],
            ..OpenWith::default()
        };
        belt.open(1, FENCE, with).await.unwrap();
        belt.finish_reporting(FENCE).await.unwrap();
        let package = render::SamplePackage::named("product-launch").expect("it is embedded");
        let version = render::publish(package.files(), &render::SharedTemplates::embedded())
            .expect("it is fit");
        let profile = serde_json::to_vec(&partner()).unwrap();
        let shutdown = Shutdown::new();
        let parts = worker::Parts {
            belt: belt.clone(),
            relays: Relays::new([RelayConfig::new("main", relay.address())]).unwrap(),
            link_key: LinkKey::new(1, &[7; 32]),
            public_url: "https://mail.example".to_owned(),
            message_id_domain: "mail.example".to_owned(),
            limits: worker::Limits {
                hands: 4,
                job_time_limit: PATIENCE,
                drain_time_limit: Duration::from_secs(5),
            },
            metrics: Metrics::new("worker", UtcMillis::new(0)),
            readiness: Readiness::new(),
            name: "wrk_test".to_owned(),
        };
        // On a thread of its own, as in its own process: apalis' future is not provably Send.
        let worker = tokio::task::spawn_blocking({
            let shutdown = shutdown.clone();
            let runtime = tokio::runtime::Handle::current();
            move || {
                runtime.block_on(worker::run(parts, shutdown)).expect("the worker ends well");
            }
        });
        Self {
            belt,
            relay,
            version: (version.hash, version.blob),
            profile: (ContentHash::of(&profile), profile),
            read: StreamId::default(),
            shutdown,
            worker,
            _redis: redis,
        }
    }

    async fn shelve(&self) {
        self.belt.put_on_shelf(&[self.version.clone(), self.profile.clone()]).await.unwrap();
    }

    fn job(&self, number: i64, change: impl FnOnce(&mut SendEmail)) -> NewJob {
        let mut payload = SendEmail {
            v: VERSION,
            send: SendId::new(number),
            activation: ActivationId::new(1),
            vendor: "ven_01j00000000000000000000000".parse().unwrap(),
            partner: "par_01j00000000000000000000000".parse().unwrap(),
            step: "announce".parse().unwrap(),
            occurrence: 0,
            version: self.version.0.clone(),
            profile: self.profile.0.clone(),
            address: format!("person{number}@customer.example"),
            name: "Анна Meier".to_owned(),
            language: String::new(),
            fields: BTreeMap::from([("first_name".to_owned(), "Анна".to_owned())]),
            first_fed_at: UtcMillis::new(1_767_225_600_000),
            attempts: 0,
            track: Default::default(),
        };
        change(&mut payload);
        let hash = |n: u8| format!("{n:032x}").parse().unwrap();
        NewJob {
            send: payload.send,
            lane: payload.partner.clone(),
            weight: 1,
            partner_limit: None,
            tier: String::new(),
            provider: String::new(),
            sender: String::new(),
            vendor: payload.vendor.clone(),
            activation: payload.activation,
            version: "ver_01j00000000000000000000000".to_owned(),
            revision: 0,
            suppression: [hash(1), hash(2), hash(3)],
            topic: None,
            on_unknown: OnUnknown::Retry,
            not_after: None,
            first_fed_at: payload.first_fed_at,
            payload: serde_json::to_string(&payload).unwrap(),
        }
    }

    async fn push(&self, job: NewJob) {
        self.belt.push(&[job], FENCE).await.unwrap();
    }

    /// The next outcome that reaches the stream.
    async fn outcome(&mut self) -> Outcome {
        let read = self.belt.read_outcomes(self.read, 1, PATIENCE).await.unwrap();
        let first = read.into_iter().next().expect("an outcome within the time");
        self.read = first.id;
        first.record.expect("a readable outcome").outcome
    }

    async fn end(self) {
        self.shutdown.start_drain();
        self.worker.await.expect("the worker does not panic");
    }
}

#[tokio::test]
async fn a_message_goes_out_with_its_headers() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.push(stage.job(1, |_| {})).await;
    assert!(matches!(stage.outcome().await, Outcome::Done(_)));
    let taken = stage.relay.accepted().remove(0);
    assert_eq!(taken.rcpt, ["person1@customer.example"]);
    let mail = String::from_utf8(taken.data).unwrap();
    let token = LinkKey::new(1, &[7; 32]).seal(Purpose::Unsubscribe, SendId::new(1));
    for part in [
        format!("List-Unsubscribe: <https://mail.example/u/{token}>"),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned(),
        "obrien.lists.example".to_owned(),
        format!("Message-ID: <{}@mail.example>", SendId::new(1)),
        "Date: Thu, 01 Jan 2026 00:00:00 +0000".to_owned(),
        "hello@obrien.example".to_owned(),
    ] {
        assert!(mail.contains(&part), "{part} is missing in\n{mail}");
    }
    stage.end().await;
}

/// The HTML of a mail.
fn html(mail: &[u8]) -> String {
    let mail = mail_parser::MessageParser::default().parse(mail).expect("a mail");
    mail.body_html(0).expect("it has HTML").into_owned()
}

#[tokio::test]
async fn what_is_counted_leads_through_the_portal() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    let compiled = render::Compiled::from_blob(&stage.version.1).unwrap();
    let step = "announce".parse().unwrap();
    let skeleton = compiled.skeleton(&step, "en", &partner(), "https://mail.example").unwrap();
    let targets = skeleton.targets().id();
    let other = domain::TargetsId::from_bytes([5; 16]);
    let all = TrackedParts { opens: true, clicks: Some(targets), honeypot: true };
    for (number, track) in [
        all,
        TrackedParts::default(),
        TrackedParts { honeypot: false, ..all },
        TrackedParts { clicks: Some(other), ..all },
    ]
    .into_iter()
    .enumerate()
    {
        stage.push(stage.job(number as i64 + 1, |job| job.track = track)).await;
        assert!(matches!(stage.outcome().await, Outcome::Done(_)));
    }
    let key = LinkKey::new(1, &[7; 32]);
    let mails: Vec<String> = stage.relay.accepted().iter().map(|mail| html(&mail.data)).collect();
    let click = |send| {
        let token = key.seal_click(&ClickToken { send: SendId::new(send), targets });
        format!("href=\"https://mail.example/c/{token}/")
    };
    let open = |send| {
        let token = key.seal(Purpose::Open, SendId::new(send));
        format!("src=\"https://mail.example/o/{token}.gif\"")
    };
    assert!(mails[0].contains(&open(1)), "{}", mails[0]);
    assert!(mails[0].contains(&format!("{}1\"", click(1))), "{}", mails[0]);
    assert_eq!(mails[0].matches(&format!("{}0\"", click(1))).count(), 1, "{}", mails[0]);
    let all_of_it = |mail: &str| mail.contains("/c/") || mail.contains("/o/");
    assert!(!all_of_it(&mails[1]), "{}", mails[1]);
    assert!(mails[2].contains(&click(3)) && !mails[2].contains(&format!("{}0\"", click(3))));
    // Another list than the one the book has: nobody is led astray.
    assert!(mails[3].contains(&open(4)) && !mails[3].contains("/c/"), "{}", mails[3]);
    stage.end().await;
}

/// Sent again, a message is the same message to the byte.
#[tokio::test]
async fn a_second_attempt_is_the_same_message() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    for _ in 0..2 {
        stage.push(stage.job(1, |_| {})).await;
        assert!(matches!(stage.outcome().await, Outcome::Done(_)));
    }
    let taken = stage.relay.accepted();
    assert_eq!(taken[0].data, taken[1].data);
    stage.end().await;
}

#[tokio::test]
async fn a_shelf_miss_gives_the_job_back_until_the_item_is_there() {
    let mut stage = Stage::set_up().await;
    stage.push(stage.job(1, |_| {})).await;
    wait_for("the job to be given back", PATIENCE, || async {
        (stage.belt.status().await.unwrap().delayed > 0).then_some(())
    })
    .await;
    assert_eq!(stage.relay.connections_seen(), 0);
    stage.shelve().await;
    assert!(matches!(stage.outcome().await, Outcome::Done(_)));
    stage.end().await;
}

#[tokio::test]
async fn what_cannot_be_rendered_fails_once_and_stops_nobody() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.push(stage.job(1, |job| job.step = "no-such-step".parse().unwrap())).await;
    match stage.outcome().await {
        Outcome::Permanent { reason: PermanentReason::RenderFailed, answer } => {
            assert!(answer.text.contains("no-such-step"), "{}", answer.text);
        }
        other => panic!("{other:?}"),
    }
    stage.push(stage.job(2, |_| {})).await;
    assert!(matches!(stage.outcome().await, Outcome::Done(_)));
    stage.end().await;
}

#[tokio::test]
async fn a_job_of_a_later_version_is_set_aside() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.push(stage.job(1, |job| job.v = VERSION + 1)).await;
    assert_eq!(stage.outcome().await, Outcome::permanent(PermanentReason::SetAside));
    stage.end().await;
}

/// The stop comes while the relay is thinking about DATA: the gate is asked after that, and closes.
#[tokio::test]
async fn a_stop_in_mid_dialogue_is_met_by_the_gate() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.relay.hold(Phase::Data);
    stage.push(stage.job(1, |_| {})).await;
    stage.relay.wait_until_holding(1).await;
    stage.belt.set_stop(&ActivationId::new(1).to_string(), Stop::Cancel).await.unwrap();
    stage.relay.release();
    assert_eq!(stage.outcome().await, Outcome::permanent(PermanentReason::Stopped));
    assert_eq!(stage.relay.content_bytes(), 0, "no content may leave after the stop was answered");
    stage.end().await;
}

#[tokio::test]
async fn a_suppression_in_mid_dialogue_is_met_by_the_gate() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.relay.hold(Phase::Data);
    stage.push(stage.job(1, |_| {})).await;
    stage.relay.wait_until_holding(1).await;
    let company = format!("{:032x}", 3).parse().unwrap();
    stage.belt.suppress(&[company]).await.unwrap();
    stage.relay.release();
    assert_eq!(stage.outcome().await, Outcome::permanent(PermanentReason::Suppressed));
    assert_eq!(stage.relay.content_bytes(), 0);
    stage.end().await;
}

#[tokio::test]
async fn a_connection_lost_after_the_dot_is_unknown() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.relay.next(Phase::Dot, testkit::relay::Step::close());
    stage.push(stage.job(1, |_| {})).await;
    assert!(matches!(stage.outcome().await, Outcome::Unknown(_)));
    stage.end().await;
}

/// Draining ends what is on the wire and gives the rest back.
#[tokio::test]
async fn a_drain_finishes_what_is_on_the_wire() {
    let mut stage = Stage::set_up().await;
    stage.shelve().await;
    stage.relay.hold(Phase::Dot);
    let jobs: Vec<NewJob> = (1..=20).map(|number| stage.job(number, |_| {})).collect();
    stage.belt.push(&jobs, FENCE).await.unwrap();
    stage.relay.wait_until_holding(4).await;
    stage.shutdown.start_drain();
    stage.relay.release();
    for _ in 0..4 {
        assert!(matches!(stage.outcome().await, Outcome::Done(_)));
    }
    let belt = stage.belt.clone();
    let relay = Arc::new(stage.relay);
    stage.worker.await.expect("the worker does not panic");
    let status = belt.status().await.unwrap();
    assert_eq!(status.in_hand, 0);
    // A hand that got free before the drain was heard of may have taken one more; it is finished as well.
    assert!((12..=16).contains(&status.queued), "{} queued", status.queued);
    assert_eq!(relay.accepted().len() as u64 + status.queued, 20);
}
