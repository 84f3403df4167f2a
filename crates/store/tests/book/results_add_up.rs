//! The law of the counts: whatever was written in which order, how often and by which version of the program,
//! they say what a count over the raw rows says.

use std::collections::BTreeMap;

use domain::{
    LinkTargets, Outcome, SendId, TrackRecord, UtcMillis,
    engagement::Rules,
    outcome::{Answer, PermanentReason},
    results::{HOUR_MS, ResultKind, Tally, Who},
    track::{Method, Tracked, Visitor},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sqlx::{AnyConnection, Connection, Row};
use store::{ActivationMigration, FedSend, PersonsAfter, StreamedOutcome, StreamedTrack};

use crate::builder::{Book, GIVE_UP, NOW, outcome};

on_both_engines!(
    counts_are_those_of_the_raw_rows,
    counts_stay_right_when_several_write_at_once,
    an_older_book_is_counted_in_batches,
    counts_follow_a_step_to_its_new_name,
    an_activation_is_read_bucket_by_bucket,
    links_are_counted_by_number_and_say_where_they_lead,
    persons_are_people_who_answered_page_by_page,
    what_bounced_later_was_not_delivered,
);

const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36";
const AGENTS: [&str; 3] = [CHROME, "curl/8", "Mozilla/5.0"];

fn targets() -> LinkTargets {
    let urls = ["https://a.example/", "https://b.example/", "https://c.example/"];
    LinkTargets::new(urls.map(ToOwned::to_owned).to_vec()).unwrap()
}

fn minute(minutes: i64) -> UtcMillis {
    UtcMillis::new(NOW.get() + minutes * 60_000)
}

fn track(send: SendId, id: i64, link: Option<u16>, at: UtcMillis, agent: &str) -> StreamedTrack {
    let what =
        link.map_or(Tracked::Opened, |link| Tracked::Clicked { link, targets: targets().id() });
    let visitor = Visitor::new(Method::Get, agent, "203.0.113.0/24".to_owned(), false);
    StreamedTrack { record: TrackRecord { v: 1, id, send, what, age_ms: 0, visitor }, at }
}

fn done() -> Outcome {
    Outcome::Done(Answer::new(250, "2.0.0", "ok", "main"))
}

fn bounced() -> Outcome {
    let answer = Answer::new(550, "5.7.1", "no", "main");
    Outcome::Permanent { reason: PermanentReason::Rejected, answer }
}

fn outcome_at(send: &FedSend, claim: u64, end: Outcome, at: UtcMillis) -> StreamedOutcome {
    StreamedOutcome { at, ..outcome(send, claim, end) }
}

/// As a count is named: `activation hour step kind who`.
type Named = BTreeMap<String, (i64, i64)>;

impl Book {
    async fn raw(&self, statement: &'static str) -> Vec<sqlx::any::AnyRow> {
        let mut connection = AnyConnection::connect(self.database.url()).await.unwrap();
        sqlx::query(statement).fetch_all(&mut connection).await.unwrap()
    }

    async fn tracks(&self, batch: &[StreamedTrack]) {
        let rules = Rules::built_in();
        self.store.record_tracks("tracks", "7-0", batch, &rules, minute(1)).await.unwrap();
    }

    async fn ends(&self, batch: &[StreamedOutcome]) {
        self.store.record("outcomes", batch, GIVE_UP).await.unwrap();
    }

    async fn reclassify(&self, rules: &Rules) {
        let mut after = SendId::new(0);
        while let Some(last) =
            self.store.reclassify_tracks(rules, after, 3, minute(9)).await.unwrap().last
        {
            after = last;
        }
    }

    /// Until nothing is left, three messages at a time.
    async fn catch_up(&self) {
        while self.store.catch_up_counts(&Rules::built_in(), 3, minute(9)).await.unwrap().more {}
        assert!(!self.store.has_uncounted().await.unwrap());
    }

    async fn hours(&self) -> Named {
        let rows = self
            .raw("SELECT activation_id, hour, step_key, kind, who, events, messages FROM rollup_hour")
            .await;
        named(&rows, "events", "messages")
    }

    async fn links(&self) -> Named {
        let rows = self
            .raw("SELECT activation_id, link AS hour, step_key, 'clicked' AS kind, who, events, messages FROM rollup_link")
            .await;
        named(&rows, "events", "messages")
    }

    /// What a count over the raw rows says: of hours, and of links.
    async fn counted_anew(&self) -> (Named, Named) {
        let each = "
            SELECT e.activation_id, s.step_key, e.send_id, e.kind, e.at, e.at - e.at % 3600000 AS hour, e.detail,
                   CASE WHEN c.class IS NULL THEN 'mail' WHEN c.class IN ('human', 'proxy_open') THEN 'human'
                        ELSE 'machine' END AS who
            FROM event e JOIN send s ON s.send_id = e.send_id
            LEFT JOIN event_class c ON c.event_id = e.event_id
            WHERE e.kind IN ('accepted', 'bounced', 'unsubscribed', 'opened', 'clicked')";
        let mut connection = AnyConnection::connect(self.database.url()).await.unwrap();
        let mut fetch = async |statement: String| {
            sqlx::query(sqlx::AssertSqlSafe(statement)).fetch_all(&mut connection).await.unwrap()
        };
        let events = fetch(format!(
            "SELECT activation_id, hour, step_key, kind, who, COUNT(*) AS events, 0 AS messages
             FROM ({each}) AS x GROUP BY activation_id, hour, step_key, kind, who"
        ))
        .await;
        let firsts = fetch(format!(
            "SELECT activation_id, first_at - first_at % 3600000 AS hour, step_key, kind, who, 0 AS events,
                    COUNT(*) AS messages
             FROM (SELECT activation_id, step_key, kind, who, send_id, MIN(at) AS first_at
                   FROM ({each}) AS x GROUP BY activation_id, step_key, kind, who, send_id) AS y
             GROUP BY activation_id, first_at - first_at % 3600000, step_key, kind, who"
        ))
        .await;
        let delivered = fetch(format!(
            "SELECT activation_id, first_at - first_at % 3600000 AS hour, step_key, 'delivered' AS kind, 'mail' AS who,
                    COUNT(*) AS events, COUNT(*) AS messages
             FROM (SELECT activation_id, step_key, send_id, MIN(at) AS first_at, MAX(at) AS last_at
                   FROM ({each}) AS x WHERE kind = 'accepted' GROUP BY activation_id, step_key, send_id) AS y
             WHERE NOT EXISTS (SELECT 1 FROM event b WHERE b.send_id = y.send_id AND b.kind = 'bounced'
                                                       AND b.at > y.last_at)
             GROUP BY activation_id, first_at - first_at % 3600000, step_key"
        ))
        .await;
        let mut hours = named(&events, "events", "messages");
        for (name, (events, messages)) in named(&firsts, "events", "messages")
            .into_iter()
            .chain(named(&delivered, "events", "messages"))
        {
            let place = hours.entry(name).or_default();
            *place = (place.0 + events, place.1 + messages);
        }
        // The number of the link is in the detail, as JSON; both engines read it here as text.
        let mut links: BTreeMap<String, (i64, Vec<i64>)> = BTreeMap::new();
        for row in fetch(format!("SELECT * FROM ({each}) AS x WHERE kind = 'clicked'")).await {
            let detail: serde_json::Value = serde_json::from_str(row.get("detail")).unwrap();
            let (activation, step): (i64, String) = (row.get("activation_id"), row.get("step_key"));
            let name = format!(
                "{activation} {} {step} clicked {}",
                detail["link"],
                row.get::<String, _>("who")
            );
            let (events, sends) = links.entry(name).or_default();
            *events += 1;
            sends.push(row.get("send_id"));
        }
        let links = links.into_iter().map(|(name, (events, mut sends))| {
            sends.sort_unstable();
            sends.dedup();
            (name, (events, sends.len() as i64))
        });
        (hours, links.collect())
    }

    async fn assert_law(&self, after: &str) {
        let (hours, links) = self.counted_anew().await;
        assert_eq!(self.hours().await, hours, "after {after}");
        assert_eq!(self.links().await, links, "after {after}");
    }
}

fn named(rows: &[sqlx::any::AnyRow], events: &str, messages: &str) -> Named {
    let number = |row: &sqlx::any::AnyRow, column: &str| {
        row.try_get::<i64, _>(column).unwrap_or_else(|_| i64::from(row.get::<i32, _>(column)))
    };
    let mut found = Named::new();
    for row in rows {
        let text = |column: &str| row.get::<String, _>(column);
        let (activation, hour) = (number(row, "activation_id"), number(row, "hour"));
        let name =
            format!("{activation} {hour} {} {} {}", text("step_key"), text("kind"), text("who"));
        let place = found.entry(name).or_default();
        *place = (place.0 + number(row, events), place.1 + number(row, messages));
    }
    found
}

/// Something that is done to the book.
#[derive(Debug, Clone)]
enum Step {
    Ends(Vec<(usize, u64, u8, i64)>),
    Tracks(Vec<(usize, i64, Option<u16>, i64, usize)>),
    Unsubscribe(usize, i64),
    Reclassify(bool),
    Settle,
    /// What a program of before the counts would write.
    Older(usize, i64),
    CatchUp,
}

fn any_step() -> impl Strategy<Value = Step> {
    let minutes = 0i64..200;
    let ends = (0usize..12, 1u64..5, 0u8..3, minutes.clone());
    let tracks =
        (0usize..12, 0i64..30, prop::option::of(0u16..4), minutes.clone(), 0usize..AGENTS.len());
    prop_oneof![
        4 => prop::collection::vec(ends, 1..12).prop_map(Step::Ends),
        6 => prop::collection::vec(tracks, 1..15).prop_map(Step::Tracks),
        1 => (0usize..12, minutes.clone()).prop_map(|(send, at)| Step::Unsubscribe(send, at)),
        1 => any::<bool>().prop_map(Step::Reclassify),
        1 => Just(Step::Settle),
        1 => (0usize..12, minutes).prop_map(|(send, at)| Step::Older(send, at)),
        2 => Just(Step::CatchUp),
    ]
}

/// Two partners, two steps each, three contacts: twelve messages on the belt.
async fn twelve(book: &Book) -> Vec<FedSend> {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    for lane in &lanes {
        book.contacts(lane, "a", 3).await;
    }
    for id in book.launch(&program, &lanes).await {
        book.expand(id, &["hello", "remind"]).await;
    }
    book.store.put_link_targets(&[targets()], NOW).await.unwrap();
    let fed = book.feed_all().await.sends;
    assert_eq!(fed.len(), 12);
    fed
}

async fn counts_are_those_of_the_raw_rows(book: Book) {
    let fed = twelve(&book).await;
    // One fixed seed: a failure comes again.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = prop::collection::vec(any_step(), 150).new_tree(&mut runner).unwrap().current();
    let stricter = Rules::read("scanner x11 any x11", "").unwrap();
    let mut is_behind = false;
    let mut claim = 0;
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Ends(ends) => {
                let batch: Vec<StreamedOutcome> = ends
                    .iter()
                    .map(|(send, claim, end, at)| {
                        let end = match end {
                            0 => done(),
                            1 => bounced(),
                            _ => Outcome::Unknown(Answer::default()),
                        };
                        outcome_at(&fed[*send], *claim, end, minute(*at))
                    })
                    .collect();
                book.ends(&batch).await;
            }
            Step::Tracks(tracks) => {
                let batch: Vec<StreamedTrack> = tracks
                    .iter()
                    .map(|(send, id, link, at, agent)| {
                        track(fed[*send].send, *id, *link, minute(*at), AGENTS[*agent])
                    })
                    .collect();
                book.tracks(&batch).await;
            }
            Step::Unsubscribe(send, at) => {
                book.store.unsubscribe(fed[*send].send, "test", minute(*at)).await.unwrap();
            }
            Step::Reclassify(strictly) => {
                let built_in = Rules::built_in();
                book.reclassify(if *strictly { &stricter } else { &built_in }).await;
            }
            Step::Settle => {
                let (rules, first) = (Rules::built_in(), SendId::new(0));
                book.store.settle_tracks(&rules, first, 10, minute(300)).await.unwrap();
            }
            Step::Older(send, at) => {
                claim += 1;
                older_program(&book, &fed[*send], claim, minute(*at)).await;
                is_behind = true;
            }
            Step::CatchUp => {
                book.catch_up().await;
                is_behind = false;
            }
        }
        if !is_behind {
            book.assert_law(&format!("{number}: {step:?}")).await;
        }
    }
    book.catch_up().await;
    book.assert_law("all of it").await;
    let hours = book.hours().await;
    for kind in ResultKind::ALL {
        assert!(
            hours.keys().any(|name| name.contains(kind.as_str())),
            "{kind} came never: {hours:?}"
        );
    }
}

/// An acceptance, an open and other classes, as a program writes them that does not know of counts.
async fn older_program(book: &Book, send: &FedSend, claim: i64, at: UtcMillis) {
    let mut connection = AnyConnection::connect(book.database.url()).await.unwrap();
    let (id, activation) = (send.send.get(), send.activation.get());
    for (kind, number) in [("accepted", 1_000 + claim), ("opened", 1_000 + claim)] {
        sqlx::query(
            "INSERT INTO event (event_id, send_id, activation_id, kind, source_number, at, detail)
             VALUES ((SELECT next_id FROM id_block WHERE table_name = 'event'), $1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(activation)
        .bind(kind)
        .bind(number)
        .bind(at.get())
        .bind(format!(r#"{{"kind":"opened","method":"get","agent":"{CHROME}"}}"#))
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::query("UPDATE id_block SET next_id = next_id + 1 WHERE table_name = 'event'")
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::query(
        "INSERT INTO event_class (event_id, send_id, activation_id, kind, class, rule, rules_version, settled)
         SELECT event_id, send_id, activation_id, kind, 'human', 'old', 'old', 1 FROM event e
         WHERE e.send_id = $1 AND e.kind = 'opened'
           AND NOT EXISTS (SELECT 1 FROM event_class c WHERE c.event_id = e.event_id)",
    )
    .bind(id)
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::query("UPDATE event_class SET class = 'prefetch', rule = 'old' WHERE send_id = $1 AND kind = 'clicked'")
        .bind(id)
        .execute(&mut connection)
        .await
        .unwrap();
}

async fn counts_stay_right_when_several_write_at_once(book: Book) {
    let fed = twelve(&book).await;
    let stricter = Rules::read("scanner x11 any x11", "").unwrap();
    let tracks = |from: i64| {
        let (book, fed) = (&book, &fed);
        async move {
            for id in from..from + 20 {
                let batch: Vec<StreamedTrack> = fed
                    .iter()
                    .map(|one| {
                        let link = (id % 3 > 0).then_some(id as u16 % 4);
                        track(one.send, id, link, minute(id * 7 % 190), AGENTS[id as usize % 3])
                    })
                    .collect();
                book.tracks(&batch).await;
            }
        }
    };
    let ends = async {
        for claim in 1..10 {
            let end =
                |n: usize| if (claim as usize + n).is_multiple_of(3) { bounced() } else { done() };
            let batch: Vec<StreamedOutcome> = fed
                .iter()
                .enumerate()
                .map(|(n, send)| outcome_at(send, claim, end(n), minute(claim as i64 * 11)))
                .collect();
            book.ends(&batch).await;
        }
    };
    let others = async {
        for send in &fed {
            book.store.unsubscribe(send.send, "test", minute(5)).await.unwrap();
            book.reclassify(&stricter).await;
        }
    };
    tokio::join!(tracks(0), tracks(100), ends, others);
    book.assert_law("all at once").await;
    assert!(!book.store.has_uncounted().await.unwrap());
}

async fn an_older_book_is_counted_in_batches(book: Book) {
    let fed = twelve(&book).await;
    for (send, claim) in fed.iter().zip(1..) {
        older_program(&book, send, claim, minute(claim * 20)).await;
    }
    assert!(book.hours().await.is_empty() && book.store.has_uncounted().await.unwrap());
    let (rules, now) = (Rules::built_in(), minute(9));
    let mut batches = 0;
    loop {
        let done = book.store.catch_up_counts(&rules, 5, now).await.unwrap();
        batches += 1;
        if !done.more {
            break;
        }
        assert_eq!(done.messages, 10, "five messages of each of the two tables");
    }
    assert_eq!(batches, 3);
    book.assert_law("an older book").await;
    let again = book.store.catch_up_counts(&rules, 5, now).await.unwrap();
    assert_eq!((again.messages, again.more), (0, false));
}

async fn counts_follow_a_step_to_its_new_name(book: Book) {
    let (program, _, id) = book.running(2).await;
    let fed = book.feed_all().await.sends;
    book.ends(&[outcome(&fed[0], 1, done())]).await;
    book.tracks(&[track(fed[0].send, 1, Some(1), minute(5), CHROME)]).await;
    let blob = b"two";
    let to = book.publish(&program.vendor, blob).await;
    let migration = ActivationMigration {
        from: program.version.clone(),
        to,
        to_hash: domain::ContentHash::of(blob),
        steps: vec![("hello".parse().unwrap(), "welcome".parse().unwrap())],
        dropped: vec![],
        due_at: vec![],
        slots: BTreeMap::new(),
        campaign_now: NOW,
    };
    book.store.migrate_activation(id, &migration, "test", NOW).await.unwrap().unwrap();
    book.tracks(&[track(fed[0].send, 2, Some(1), minute(6), CHROME)]).await;
    book.assert_law("a step's new name").await;
    assert!(book.hours().await.keys().all(|name| name.contains(" welcome ")));
    assert_eq!(book.store.link_counts(id).await.unwrap()[0].step.as_str(), "welcome");
}

async fn an_activation_is_read_bucket_by_bucket(book: Book) {
    let (_, _, id) = book.running(3).await;
    assert_eq!(book.store.result_span(id).await.unwrap(), None);
    let fed = book.feed_all().await.sends;
    book.ends(&[outcome(&fed[0], 1, done()), outcome(&fed[1], 2, bounced())]).await;
    book.tracks(&[
        track(fed[0].send, 1, None, minute(70), CHROME),
        track(fed[0].send, 2, None, minute(130), CHROME),
        track(fed[0].send, 3, Some(1), minute(131), "curl/8"),
    ])
    .await;
    let hour = |hours: i64| UtcMillis::new(NOW.get() + hours * HOUR_MS);
    assert_eq!(book.store.result_span(id).await.unwrap(), Some((hour(0), hour(2))));
    let read = async |buckets: &[(UtcMillis, UtcMillis)]| -> Vec<String> {
        let counts = book.store.result_counts(id, buckets).await.unwrap();
        counts
            .iter()
            .map(|one| {
                let at = (one.bucket.get() - NOW.get()) / HOUR_MS;
                let Tally { events, messages } = one.tally;
                format!("{at} {} {} {} {events}/{messages}", one.step, one.kind, one.who)
            })
            .collect()
    };
    let mail =
        ["0 hello accepted mail 1/1", "0 hello bounced mail 1/1", "0 hello delivered mail 1/1"];
    let hourly = read(&[(hour(0), hour(1)), (hour(1), hour(2)), (hour(2), hour(3))]).await;
    let came =
        ["1 hello opened human 1/1", "2 hello clicked machine 1/1", "2 hello opened human 1/0"];
    assert_eq!(hourly, [mail, came].concat());
    let whole = read(&[(hour(0), hour(3))]).await;
    assert!(whole.contains(&"0 hello opened human 2/1".to_owned()), "{whole:?}");
    assert!(read(&[(hour(3), hour(9))]).await.is_empty());
    let ended = book.store.ended_sends(id).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].state.as_str(), ended[0].reason.as_str(), ended[0].sends),
        ("failed", "rejected", 1)
    );
}

async fn links_are_counted_by_number_and_say_where_they_lead(book: Book) {
    let fed = twelve(&book).await;
    let batch: Vec<StreamedTrack> = fed
        .iter()
        .filter(|send| send.activation == fed[0].activation && send.step.as_str() == "hello")
        .flat_map(|send| [1, 2].map(|id| track(send.send, id, Some(2), minute(id * 30), CHROME)))
        .chain([track(fed[0].send, 9, Some(0), minute(80), CHROME)])
        .collect();
    book.tracks(&batch).await;
    let links: Vec<String> = book
        .store
        .link_counts(fed[0].activation)
        .await
        .unwrap()
        .iter()
        .map(|one| {
            let Tally { events, messages } = one.tally;
            format!("{} {} {:?} {} {events}/{messages}", one.step, one.link, one.url, one.who)
        })
        .collect();
    assert_eq!(
        links,
        ["hello 0 None machine 1/1", "hello 2 Some(\"https://b.example/\") human 6/3"],
        "where a trap leads nobody needs to know"
    );
}

async fn persons_are_people_who_answered_page_by_page(book: Book) {
    let (_, _, id) = book.running(6).await;
    let mut fed = book.feed_all().await.sends;
    fed.sort_by_key(|send| send.send);
    let mut batch: Vec<StreamedTrack> = (0..4)
        .flat_map(|n| [1, 2].map(|id| track(fed[n].send, id, None, minute(id * 60), CHROME)))
        .collect();
    batch.push(track(fed[4].send, 1, None, minute(60), "curl/8"));
    let proxy =
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    batch.push(track(fed[5].send, 1, None, minute(60), proxy));
    book.tracks(&batch).await;
    book.ends(&[outcome(&fed[1], 1, bounced())]).await;
    book.store.unsubscribe(fed[2].send, "test", minute(7)).await.unwrap();

    let page = async |kind, step: Option<&str>, after, limit| {
        let step = step.map(|step| step.parse().unwrap());
        let asked = PersonsAfter { activation: id, kind, step: step.as_ref(), after, limit };
        book.store.result_persons(&asked).await.unwrap()
    };
    let (mut all, mut after) = (Vec::new(), SendId::new(0));
    loop {
        let (persons, last) = page(ResultKind::Opened, None, after, 2).await;
        let Some(last) = last else { break };
        assert!(persons.len() <= 2);
        all.extend(persons);
        after = last;
    }
    let who: Vec<SendId> = all.iter().map(|person| person.send).collect();
    let people: Vec<SendId> = [0, 1, 2, 3, 5].iter().map(|n| fed[*n].send).collect();
    assert_eq!(who, people, "no machine is a person, and a person behind a proxy is one");
    let first = &all[0];
    assert_eq!((first.first_at, first.last_at, first.events), (minute(60), minute(120), 2));
    assert_eq!(
        (first.first_name.as_str(), first.address.as_str()),
        ("Anna", fed[0].address.as_str())
    );
    for (kind, send) in
        [(ResultKind::Bounced, fed[1].send), (ResultKind::Unsubscribed, fed[2].send)]
    {
        let (persons, _) = page(kind, Some("hello"), SendId::new(0), 10).await;
        assert_eq!(persons.iter().map(|person| person.send).collect::<Vec<_>>(), [send], "{kind}");
        assert_eq!(page(kind, Some("other"), SendId::new(0), 10).await, (vec![], None));
    }
    assert_eq!(page(ResultKind::Opened, Some("other"), SendId::new(0), 10).await, (vec![], None));
    assert_eq!(page(ResultKind::Delivered, None, SendId::new(0), 10).await, (vec![], None));

    let mut connection = AnyConnection::connect(book.database.url()).await.unwrap();
    sqlx::query("UPDATE contact SET erased_at = 1").execute(&mut connection).await.unwrap();
    let (persons, last) = page(ResultKind::Opened, None, SendId::new(0), 10).await;
    assert_eq!((persons.len(), last), (0, Some(fed[5].send)), "who was erased is nobody");
}

async fn what_bounced_later_was_not_delivered(book: Book) {
    let (_, _, id) = book.running(2).await;
    let fed = book.feed_all().await.sends;
    let taken: Vec<_> = fed.iter().map(|send| outcome_at(send, 1, done(), minute(1))).collect();
    book.ends(&taken).await;
    let later = outcome_at(&fed[0], 2, bounced(), minute(90));
    book.ends(&[later]).await;
    let whole = [(NOW, minute(10_000))];
    let counts = book.store.result_counts(id, &whole).await.unwrap();
    let of = |kind| {
        let found = counts.iter().find(|count| count.kind == kind && count.who == Who::Mail);
        found.map(|count| count.tally.messages)
    };
    assert_eq!(of(ResultKind::Accepted), Some(2));
    assert_eq!(of(ResultKind::Delivered), Some(1));
    assert_eq!(of(ResultKind::Bounced), Some(1));
}
