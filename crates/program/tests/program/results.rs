//! What came back of an activation, and who may know whom it came from.

use domain::{
    ActivationId, ClaimNumber, LinkTargets, OnUnknown, Outcome, OutcomeRecord, SendId, SendState,
    TrackRecord, UtcMillis,
    engagement::Rules,
    merge::GiveUp,
    outcome::{Answer, PermanentReason},
    results::{ResultKind, Who},
    time::Clock,
    token::Purpose,
    track::{Method, Tracked, Visitor},
};
use program::{
    Actor, Came, Denominator, ErrorKind, PersonPage, PersonsOf, Rate, Results, SeriesUnit,
};
use store::{StreamedOutcome, StreamedTrack};

use crate::world::{OPS, World};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const HOUR: i64 = 3_600_000;

/// An activation of `announce` for four people: one opened and clicked, one's mail was scanned, one
/// unsubscribed, and one has no mailbox.
struct Answered {
    world: World,
    company: domain::CompanyId,
    activation: ActivationId,
    sends: Vec<(String, SendId)>,
}

fn targets() -> LinkTargets {
    let urls = ["https://a.example/shop", "https://b.example/"].map(ToOwned::to_owned);
    LinkTargets::new(urls.to_vec()).unwrap()
}

async fn answered() -> Answered {
    let world = World::new().await;
    let (partner, company) = world.partner("acme", "Gold").await;
    let csv = "email,first_name,last_name\nanna@example.com,Anna,=Ábel\nbert@example.com,Bert,\n\
               carl@example.com,Carl,\ndora@example.com,Dora,\n";
    world.import_contacts(&company, csv).await;
    world.publish(|_| {}).await;
    let launched = world.launch(program::LaunchFor::Partner(partner)).await;
    let activation = launched.activations[0].activation;
    let mut sends = world.expand(activation).await;
    sends.sort();
    let at = world.clock.now().get();
    world.store.put_link_targets(&[targets()], UtcMillis::new(at)).await.unwrap();
    let refused = || Outcome::Permanent {
        reason: PermanentReason::Rejected,
        answer: Answer::new(550, "5.1.1", "no mailbox", "main"),
    };
    let mut ends = Vec::new();
    for (n, (_, send)) in sends.iter().enumerate() {
        let outcome = if n == 3 { refused() } else { Outcome::Done(Answer::default()) };
        let partner = world.store.send(*send).await.unwrap().unwrap().partner;
        let claim = ClaimNumber::new(1, n as u64 + 1);
        let on_unknown = OnUnknown::Retry;
        let v = domain::job::VERSION;
        let record =
            OutcomeRecord { v, send: *send, activation, partner, claim, on_unknown, outcome };
        ends.push(StreamedOutcome { position: format!("{n}-1"), record, at: UtcMillis::new(at) });
    }
    let give_up = GiveUp { after: std::time::Duration::from_secs(86_400) };
    world.store.record("outcomes", &ends, give_up).await.unwrap();
    let track = |id: i64, send: usize, link: Option<u16>, after: i64, agent: &str| {
        let what =
            link.map_or(Tracked::Opened, |link| Tracked::Clicked { link, targets: targets().id() });
        let visitor = Visitor::new(Method::Get, agent, String::new(), false);
        let send = sends[send].1;
        let record = TrackRecord { v: 1, id, send, what, age_ms: 0, visitor };
        StreamedTrack { record, at: UtcMillis::new(at + after) }
    };
    let came = [
        track(1, 0, None, HOUR, BROWSER),
        track(2, 0, None, 2 * HOUR, BROWSER),
        track(3, 0, Some(1), 2 * HOUR + 9_000, BROWSER),
        track(4, 1, Some(2), HOUR, "curl/8"),
        track(5, 1, Some(1), HOUR, "curl/8"),
    ];
    let rules = Rules::built_in();
    world.store.record_tracks("tracks", "1-0", &came, &rules, UtcMillis::new(at)).await.unwrap();
    let token = world.link_key.seal(Purpose::Unsubscribe, sends[2].1);
    world.program.unsubscribe(&token).await.unwrap();
    Answered { world, company, activation, sends }
}

fn came(events: u64, messages: u64) -> Came {
    Came { events, messages }
}

async fn results(of: &Answered, actor: &Actor) -> Results {
    of.world.program.results(actor, of.activation).await.unwrap()
}

#[tokio::test]
async fn people_and_machines_are_counted_apart_and_rates_name_their_denominator() {
    let of = answered().await;
    let results = results(&of, &OPS).await;
    assert_eq!(
        (results.package.as_str(), results.partner_key.as_str()),
        ("product-launch", "acme")
    );
    assert_eq!((results.partner_name.as_str(), results.audience), ("Firm acme", Some(4)));
    assert!(results.is_complete);
    let total = &results.total;
    assert_eq!((total.sent, total.delivered, total.bounced, total.failed), (3, 3, 1, 1));
    assert_eq!((total.unsubscribed, total.skipped), (1, 0));
    assert_eq!(total.reasons[&SendState::Failed]["rejected"], 1);
    assert_eq!((total.opens.human, total.opens.machine), (came(2, 1), came(0, 0)));
    assert_eq!((total.clicks.human, total.clicks.machine), (came(1, 1), came(2, 1)));
    let third =
        Rate { messages: 1, of: 3, denominator: Denominator::Delivered, fraction: Some(1.0 / 3.0) };
    assert_eq!((total.rates.opened, total.rates.unsubscribed), (third, third));
    let bounced =
        Rate { messages: 1, of: 4, denominator: Denominator::SentOrFailed, fraction: Some(0.25) };
    assert_eq!(total.rates.bounced, bounced);

    let steps: Vec<&str> = results.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(
        steps,
        ["announce", "deep-dive", "last-call"],
        "in the package's order, empty ones too"
    );
    assert_eq!(results.steps[0].figures, *total);
    assert_eq!(
        results.steps[1].figures.rates.opened.fraction, None,
        "of nothing there is no share"
    );

    let links: Vec<String> = results
        .links
        .iter()
        .map(|link| {
            format!(
                "{} {} {} {}",
                link.link, link.url, link.clicks.human.events, link.clicks.machine.events
            )
        })
        .collect();
    assert_eq!(links, ["1 https://a.example/shop 1 1", "2 https://b.example/ 0 1"]);
}

#[tokio::test]
async fn a_series_adds_up_to_the_total() {
    let of = answered().await;
    let results = results(&of, &OPS).await;
    assert_eq!(results.series.unit, SeriesUnit::Hour);
    assert_eq!(results.series.time_zone, "Europe/Vienna");
    let sum = |lines: &[program::Line], kind, who| {
        let line = lines.iter().find(|line| line.kind == kind && line.who == who).unwrap();
        assert_eq!(line.came.len(), results.series.buckets.len());
        line.came.iter().fold(Came::default(), |mut sum, came| {
            sum += *came;
            sum
        })
    };
    for lines in [&results.series.lines, &results.steps[0].lines] {
        assert_eq!(sum(lines, ResultKind::Opened, Who::Human), results.total.opens.human);
        assert_eq!(sum(lines, ResultKind::Clicked, Who::Machine), results.total.clicks.machine);
        assert_eq!(sum(lines, ResultKind::Delivered, Who::Mail).messages, results.total.delivered);
        assert_eq!(sum(lines, ResultKind::Unsubscribed, Who::Mail).messages, 1);
    }
    let csv = String::from_utf8(results.to_csv().unwrap()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "step,kind,who,bucket_start,events,messages");
    assert!(lines.contains(&"announce,opened,human,,2,1"), "{csv}");
    assert!(lines.contains(&"announce,delivered,,,3,3"), "{csv}");
    let dated = lines.iter().filter(|line| line.starts_with("announce,opened,human,2")).count();
    assert_eq!(dated, 2, "{csv}");
}

#[tokio::test]
async fn an_activation_of_which_nothing_came_back_has_empty_results() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let results = world.program.results(&OPS, activation).await.unwrap();
    assert_eq!((results.total.sent, results.series.buckets.len(), results.audience), (0, 0, None));
    assert_eq!(results.steps.len(), 3);
}

#[tokio::test]
async fn only_the_company_learns_who_it_was() {
    let of = answered().await;
    let program = &of.world.program;
    let everything = PersonsOf::default();
    let vendor = Actor::Vendor(of.world.vendor.clone());
    assert_eq!(results(&of, &vendor).await.total.opens.human, came(2, 1), "a vendor sees counts");
    let refused =
        program.result_persons(&vendor, of.activation, &everything, 10).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let text = serde_json::to_string(&results(&of, &vendor).await).unwrap();
    assert!(!text.contains("example.com"), "{text}");

    let own = Actor::Company(of.company.clone());
    let page = program.result_persons(&own, of.activation, &everything, 10).await.unwrap();
    assert_eq!(page.next, None);
    let who: Vec<String> =
        page.persons.iter().map(|person| format!("{} {}", person.kind, person.email)).collect();
    let expected = [
        "clicked anna@example.com",
        "opened anna@example.com",
        "unsubscribed carl@example.com",
        "bounced dora@example.com",
    ];
    assert_eq!(who, expected, "a scanner is nobody");
    assert_eq!((page.persons[1].first_name.as_str(), page.persons[1].events), ("Anna", 2));
    let csv = String::from_utf8(page.to_csv(true).unwrap()).unwrap();
    assert!(csv.contains("anna@example.com,Anna,'=Ábel,"), "{csv}");
    assert!(!String::from_utf8(page.to_csv(false).unwrap()).unwrap().contains("first_name"));

    // The same, one by one: nobody twice, nobody left out.
    let mut one_by_one = PersonPage { persons: vec![], next: None };
    let mut after = None;
    loop {
        let of_one = PersonsOf { after, ..PersonsOf::default() };
        let next = program.result_persons(&own, of.activation, &of_one, 1).await.unwrap();
        one_by_one.persons.extend(next.persons);
        // As a link of a page would carry it.
        after = next.next.map(|next| next.to_string().parse().unwrap());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(one_by_one.persons, page.persons);

    let step: domain::StepKey = "deep-dive".parse().unwrap();
    let of_step = PersonsOf { step: Some(step), ..PersonsOf::default() };
    assert!(
        program.result_persons(&own, of.activation, &of_step, 10).await.unwrap().persons.is_empty()
    );
    let delivered = PersonsOf { kind: Some(ResultKind::Delivered), ..PersonsOf::default() };
    let refused = program.result_persons(&own, of.activation, &delivered, 10).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BadInput);
    assert_eq!(of.sends.len(), 4);
}

#[tokio::test]
async fn results_of_others_are_not_found() {
    let of = answered().await;
    let program = &of.world.program;
    let (_, other_company) = of.world.partner("beta", "Gold").await;
    let other_vendor = program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    for stranger in [Actor::Company(other_company), Actor::Vendor(other_vendor)] {
        let refused = program.results(&stranger, of.activation).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{stranger}");
        let everybody = PersonsOf::default();
        let refused =
            program.result_persons(&stranger, of.activation, &everybody, 10).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{stranger}");
    }
    let nobody = ActivationId::new(999);
    assert_eq!(program.results(&OPS, nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
}
