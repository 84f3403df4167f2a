//! Opens and clicks are kept once each, as they came, and are what the rules say of all that is known.

use domain::{
    EventId, EventKind, LinkTargets, Outcome, SendId, TargetsId, TrackRecord, UtcMillis,
    engagement::Rules,
    outcome::Answer,
    track::{Method, TrackDetail, Tracked, Visitor},
};
use store::{FedSend, MOST_TRACKS, StreamedTrack, TracksRecorded};

use crate::builder::{Book, GIVE_UP, NOW, outcome};

on_both_engines!(
    opens_and_clicks_are_kept_once_as_they_came,
    sends_nobody_knows_and_loops_are_counted_and_kept_out,
    a_click_that_was_faster_than_its_acceptance_is_settled_later,
    a_click_that_is_never_accepted_is_settled_in_the_end,
    later_clicks_change_what_earlier_ones_were,
    other_rules_decide_anew_and_change_no_event,
    links_lead_where_they_led,
);

const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36";
const MINUTE: i64 = 60_000;

fn targets() -> LinkTargets {
    let urls = ["https://a.example/", "https://b.example/", "https://c.example/"];
    LinkTargets::new(urls.map(ToOwned::to_owned).to_vec()).unwrap()
}

fn after(millis: i64) -> UtcMillis {
    UtcMillis::new(NOW.get() + millis)
}

fn track(send: SendId, id: i64, link: Option<u16>, millis: i64, agent: &str) -> StreamedTrack {
    let what = match link {
        None => Tracked::Opened,
        Some(link) => Tracked::Clicked { link, targets: targets().id() },
    };
    let visitor = Visitor::new(Method::Get, agent, "203.0.113.0/24".to_owned(), false);
    let record = TrackRecord { v: 1, id, send, what, age_ms: 0, visitor };
    StreamedTrack { record, at: after(millis) }
}

impl Book {
    async fn tracked(&self, batch: &[StreamedTrack]) -> TracksRecorded {
        let rules = Rules::built_in();
        self.store.record_tracks("tracks", "7-0", batch, &rules, after(MINUTE)).await.unwrap()
    }

    /// A send that the relay took at `NOW`.
    async fn accepted(&self) -> FedSend {
        self.running(1).await;
        let fed = self.feed_all().await.sends.remove(0);
        self.accept(&fed).await;
        fed
    }

    async fn accept(&self, fed: &FedSend) {
        let done = Outcome::Done(Answer::new(250, "2.0.0", "ok", "main"));
        self.store.record("outcomes", &[outcome(fed, 1, done)], GIVE_UP).await.unwrap();
    }

    /// `kind human|machine events/sends`.
    async fn engagement(&self) -> Vec<String> {
        let counts = self.store.engagement_counts(None, None).await.unwrap();
        counts
            .iter()
            .map(|count| {
                let who = if count.human { "human" } else { "machine" };
                format!("{} {who} {}/{}", count.kind, count.events, count.sends)
            })
            .collect()
    }

    async fn rules(&self) -> Vec<String> {
        let counts = self.store.rule_counts(None, None).await.unwrap();
        counts
            .iter()
            .map(|count| format!("{} {} {} {}", count.kind, count.class, count.rule, count.events))
            .collect()
    }
}

async fn opens_and_clicks_are_kept_once_as_they_came(book: Book) {
    let fed = book.accepted().await;
    let batch = [
        track(fed.send, 1, None, MINUTE, "Thunderbird/128.0"),
        track(fed.send, 2, Some(1), MINUTE, CHROME),
        track(fed.send, 2, Some(1), MINUTE, CHROME),
        track(fed.send, 3, Some(1), 2 * MINUTE, "curl/8"),
    ];
    let recorded = book.tracked(&batch).await;
    assert_eq!(recorded, TracksRecorded { new: 3, repeated: 1, ..TracksRecorded::default() });
    let again = book.tracked(&batch).await;
    assert_eq!(again, TracksRecorded { repeated: 4, ..TracksRecorded::default() });
    assert_eq!(book.store.recorder_position("tracks").await.unwrap().as_deref(), Some("7-0"));
    let counted = ["clicked human 1/1", "clicked machine 1/1", "opened human 1/1"];
    assert_eq!(book.engagement().await, counted);
    let vendor = book.store.send(fed.send).await.unwrap().unwrap().vendor;
    let of_vendor = book.store.engagement_counts(None, Some(&vendor)).await.unwrap();
    assert_eq!(of_vendor, book.store.engagement_counts(Some(fed.activation), None).await.unwrap());
    assert_eq!(of_vendor.len(), 3);

    let events = book.store.events(Some(fed.activation), None, EventId::new(0), 10).await.unwrap();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::Accepted, EventKind::Opened, EventKind::Clicked, EventKind::Clicked]
    );
    let detail: TrackDetail = serde_json::from_str(&events[2].detail).unwrap();
    assert_eq!(
        (detail.what, detail.visitor),
        (batch[1].record.what, batch[1].record.visitor.clone())
    );
    assert_eq!((events[2].at, events[2].send), (after(MINUTE), fed.send));
}

async fn sends_nobody_knows_and_loops_are_counted_and_kept_out(book: Book) {
    let fed = book.accepted().await;
    let stranger = track(SendId::new(999_999), 1, None, MINUTE, CHROME);
    let mut batch = vec![stranger];
    batch.extend((0..MOST_TRACKS + 5).map(|id| track(fed.send, id, Some(1), MINUTE * id, CHROME)));
    let recorded = book.tracked(&batch).await;
    let most = MOST_TRACKS as u64;
    let expected = TracksRecorded { new: most, repeated: 0, unknown: 1, over: 5 };
    assert_eq!(recorded, expected);
    let more = book.tracked(&[track(fed.send, MOST_TRACKS + 9, None, MINUTE, CHROME)]).await;
    assert_eq!(more, TracksRecorded { over: 1, ..TracksRecorded::default() });
}

async fn a_click_that_was_faster_than_its_acceptance_is_settled_later(book: Book) {
    book.running(1).await;
    let fed = book.feed_all().await.sends.remove(0);
    book.tracked(&[track(fed.send, 1, Some(1), 500, CHROME)]).await;
    assert_eq!(book.engagement().await, ["clicked human 1/1"]);
    let rules = Rules::built_in();
    let settle = || async {
        book.store.settle_tracks(&rules, SendId::new(0), 10, after(900)).await.unwrap()
    };
    let waiting = settle().await;
    assert_eq!((waiting.events, waiting.changed, waiting.last), (1, 0, Some(fed.send)));
    book.accept(&fed).await;
    let settled = settle().await;
    assert_eq!((settled.events, settled.changed), (1, 1));
    assert_eq!(book.rules().await, ["clicked scanner too_early 1"]);
    assert_eq!(settle().await.last, None, "nothing waits any more");
}

async fn a_click_that_is_never_accepted_is_settled_in_the_end(book: Book) {
    book.running(1).await;
    let fed = book.feed_all().await.sends.remove(0);
    book.tracked(&[track(fed.send, 1, Some(1), 500, CHROME)]).await;
    let rules = Rules::built_in();
    let much_later = after(61 * MINUTE);
    let settled = book.store.settle_tracks(&rules, SendId::new(0), 10, much_later).await.unwrap();
    assert_eq!(settled.changed, 1);
    let settled = book.store.settle_tracks(&rules, SendId::new(0), 10, much_later).await.unwrap();
    assert_eq!(settled.last, None);
    assert_eq!(book.engagement().await, ["clicked human 1/1"]);
}

async fn later_clicks_change_what_earlier_ones_were(book: Book) {
    let fed = book.accepted().await;
    book.tracked(&[track(fed.send, 1, Some(1), MINUTE, CHROME)]).await;
    book.tracked(&[track(fed.send, 2, Some(2), MINUTE + 300, CHROME)]).await;
    // Nobody knows how many links there are: two may be a quick person's.
    assert_eq!(book.engagement().await, ["clicked human 2/1"]);
    book.tracked(&[track(fed.send, 3, Some(3), MINUTE + 600, CHROME)]).await;
    assert_eq!(book.rules().await, ["clicked scanner burst 3"]);
}

async fn other_rules_decide_anew_and_change_no_event(book: Book) {
    let fed = book.accepted().await;
    book.tracked(&[track(fed.send, 1, Some(1), MINUTE, CHROME)]).await;
    let events = || book.store.events(None, None, EventId::new(0), 10);
    let before = events().await.unwrap();
    let stricter = Rules::read("scanner x11 any x11", "").unwrap();
    let first = SendId::new(0);
    let anew = book.store.reclassify_tracks(&stricter, first, 10, NOW).await.unwrap();
    assert_eq!((anew.events, anew.changed, anew.last), (1, 1, Some(fed.send)));
    assert_eq!(book.rules().await, ["clicked scanner x11 1"]);
    let again = book.store.reclassify_tracks(&stricter, first, 10, NOW).await.unwrap();
    assert_eq!((again.events, again.changed), (1, 0));
    let end = book.store.reclassify_tracks(&stricter, fed.send, 10, NOW).await.unwrap();
    assert_eq!(end.last, None);
    book.store.reclassify_tracks(&Rules::built_in(), first, 10, NOW).await.unwrap();
    assert_eq!(book.rules().await, ["clicked human nothing_else 1"]);
    assert_eq!(events().await.unwrap(), before);
}

async fn links_lead_where_they_led(book: Book) {
    let list = targets();
    book.store.put_link_targets(std::slice::from_ref(&list), NOW).await.unwrap();
    book.store.put_link_targets(&[list.clone(), list.clone()], after(1)).await.unwrap();
    assert_eq!(book.store.link_targets(&list.id()).await.unwrap(), Some(list));
    let unknown = TargetsId::from_bytes([3; 16]);
    assert_eq!(book.store.link_targets(&unknown).await.unwrap(), None);
}
