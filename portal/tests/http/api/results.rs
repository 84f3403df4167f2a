//! What came back of an activation, and who may know whom it came from.

use std::time::Duration;

use domain::{
    ClaimNumber, OnUnknown, Outcome, OutcomeRecord, TrackRecord, UtcMillis,
    engagement::Rules,
    merge::GiveUp,
    outcome::{Answer, PermanentReason},
    time::Clock,
    track::{Method, Tracked, Visitor},
};
use program::Actor;
use serde_json::{Value, json};
use store::{StreamedOutcome, StreamedTrack};

use super::world::{Tenant, World};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const HOUR: i64 = 3_600_000;

/// Anna opened twice, after a program had opened it for her; Bert has no mailbox.
async fn answered(world: &World) -> Tenant {
    answered_with(world, BROWSER, "no mailbox").await
}

/// The same with a name of her browser, and what his server said.
pub async fn answered_with(world: &World, browser: &str, said: &str) -> Tenant {
    let tenant = world.tenant("northwind").await;
    let sends = world.sent(&tenant).await;
    assert_eq!(sends.len(), 2);
    let at = world.clock.now();
    let refused = Outcome::Permanent {
        reason: PermanentReason::Rejected,
        answer: Answer::new(550, "5.1.1", said, "main"),
    };
    let outcomes = [Outcome::Done(Answer::default()), refused];
    let ends: Vec<StreamedOutcome> = (1u64..)
        .zip(sends.iter().zip(outcomes))
        .map(|(n, ((_, send), outcome))| StreamedOutcome {
            position: format!("{n}-1"),
            record: OutcomeRecord {
                v: domain::job::VERSION,
                send: *send,
                activation: tenant.activation,
                partner: tenant.partner.clone(),
                claim: ClaimNumber::new(1, n),
                on_unknown: OnUnknown::Retry,
                outcome,
            },
            at,
        })
        .collect();
    let give_up = GiveUp { after: Duration::from_secs(86_400) };
    world.store.record("outcomes", &ends, give_up).await.unwrap();
    let track = |id: i64, after: i64, agent: &str| {
        let visitor = Visitor::new(Method::Get, agent, String::new(), false);
        let (send, what) = (sends[0].1, Tracked::Opened);
        let record = TrackRecord { v: 1, id, send, what, age_ms: 0, visitor };
        StreamedTrack { record, at: UtcMillis::new(at.get() + after) }
    };
    let came = [track(1, HOUR, "curl/8"), track(2, 2 * HOUR, browser), track(3, 3 * HOUR, browser)];
    let rules = Rules::built_in();
    world.store.record_tracks("tracks", "1-0", &came, &rules, at).await.unwrap();
    tenant
}

#[tokio::test]
async fn results_are_those_of_the_program_with_times_to_read() {
    let world = World::start().await;
    let tenant = answered(&world).await;
    let known = world.program.results(&Actor::Ops, tenant.activation).await.unwrap();
    assert_eq!((known.total.sent, known.total.opens.human.events), (1, 2), "{known:?}");
    assert!(known.series.buckets.len() >= 3, "{known:?}");
    let mut expected = serde_json::to_value(&known).unwrap();
    let time = |at: UtcMillis| json!(at.to_string());
    expected["start_at"] = time(known.start_at);
    for (n, bucket) in known.series.buckets.iter().enumerate() {
        expected["series"]["buckets"][n]["start"] = time(bucket.start);
        expected["series"]["buckets"][n]["end"] = time(bucket.end);
    }
    let path = format!("/activations/{}/results", tenant.activation);
    for key in [&world.ops_key, &tenant.vendor_key, &tenant.company_key] {
        let answer = world.get(&path, key).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(answer.json(), expected);
        assert!(!answer.text.contains("@example.com"), "counts name nobody: {}", answer.text);
    }
    let total = &expected["total"];
    assert_eq!(total["reasons"]["failed"]["rejected"], 1, "{total}");
    assert_eq!(total["opens"]["machine"], json!({ "events": 1, "messages": 1 }), "{total}");
    assert_eq!(total["rates"]["bounced"]["denominator"], "sent_or_failed");
}

#[tokio::test]
async fn what_a_launch_s_page_counts_is_what_its_rows_say() {
    let world = World::start().await;
    let tenant = answered(&world).await;
    let same = async |tenant: &Tenant| {
        let link = world.link(&tenant.invitation).await;
        let seen =
            world.program.invitation_progress(link.strip_prefix("/i/").unwrap()).await.unwrap();
        let rows = world.program.activation(&Actor::Ops, tenant.activation).await.unwrap();
        assert_eq!((seen.status.state, seen.status.audience), (rows.state, rows.audience));
        assert_eq!(seen.status.counts.by_state, rows.counts.by_state);
        assert_eq!(seen.status.counts.total, rows.counts.total);
        rows.counts.by_state.len()
    };
    assert_eq!(same(&tenant).await, 2, "one was sent, one failed");
    // What is still to come, and what was stopped.
    let other = world.tenant("contoso").await;
    world.sent(&other).await;
    assert_eq!(same(&other).await, 1);
    world.program.cancel(&Actor::Ops, other.activation).await.unwrap();
    assert_eq!(same(&other).await, 1);
}

#[tokio::test]
async fn the_table_is_the_one_of_the_command_line() {
    let world = World::start().await;
    let tenant = answered(&world).await;
    let known = world.program.results(&Actor::Ops, tenant.activation).await.unwrap();
    let path = format!("/activations/{}/results.csv", tenant.activation);
    for key in [&world.ops_key, &tenant.vendor_key, &tenant.company_key] {
        let answer = world.get(&path, key).await;
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!((answer.status, answer.text.as_bytes()), (200, &*known.to_csv().unwrap()));
        assert!(answer.text.starts_with("step,kind,who,bucket_start,events,messages\r\n"));
        assert!(answer.text.contains("announce,opened,human,,2,1\r\n"), "{}", answer.text);
        assert!(!answer.text.contains("@example.com"), "{}", answer.text);
    }
    let problem = world.get(&format!("{path}?step=announce"), &world.ops_key).await.problem(400);
    assert_eq!(problem["errors"][0]["expected"], "no parameters");
}

#[tokio::test]
async fn persons_are_told_to_their_company_and_nobody_else() {
    let world = World::start().await;
    let tenant = answered(&world).await;
    let path = format!("/activations/{}/results/persons", tenant.activation);
    world.get(&path, &tenant.vendor_key).await.problem(404);
    let all = world.get(&path, &tenant.company_key).await.json();
    assert_eq!(all["next_cursor"], Value::Null, "{all}");
    let items = all["items"].as_array().unwrap();
    let who: Vec<String> = items
        .iter()
        .map(|item| format!("{} {} {}", item["kind"], item["email"], item["events"]))
        .collect();
    // Once more in the words of JSON: what a program opened is nobody's answer.
    assert_eq!(
        who,
        [r#""opened" "anna@example.com" 2"#, r#""bounced" "bert@example.com" 1"#],
        "{all}"
    );
    let first = UtcMillis::new(world.clock.now().get() + 2 * HOUR);
    assert_eq!(items[0]["first_at"], first.to_string(), "{all}");
    assert_eq!(world.get(&path, &world.ops_key).await.json(), all);

    // One by one: nobody twice, nobody left out.
    let mut found: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("{path}?limit=1{cursor}"), &tenant.company_key).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 1, "{page}");
        found.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(&found, items);

    for (query, count) in
        [("kind=opened", 1), ("kind=clicked", 0), ("step=announce", 2), ("step=last-call", 0)]
    {
        let page = world.get(&format!("{path}?{query}"), &tenant.company_key).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}: {page}");
    }
    for (query, parameter) in [
        ("kind=accepted", "kind"),
        ("kind=", "kind"),
        ("step=A%0D%0AB", "step"),
        ("cursor=opened", "cursor"),
        ("cursor=accepted.snd_0000000000001", "cursor"),
        ("cursor=snd_0000000000001", "cursor"),
        ("limit=201", "limit"),
    ] {
        let problem = world.get(&format!("{path}?{query}"), &tenant.company_key).await.problem(400);
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}: {problem}");
    }
}
