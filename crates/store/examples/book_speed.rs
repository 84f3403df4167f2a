//! How fast the book is: rows a second of importing, expanding, feeding, recording, and recording of opens and
//! clicks.
//!
//! `cargo run -p store --example book_speed [lanes] [contacts per lane] [url]`; SQLite in a
//! temporary folder unless a URL is given.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use domain::{
    AddressHash, BrandProfile, ClaimNumber, ContentHash, EmailAddress, HashKey, HashScope,
    LinkTargets, OnUnknown, Outcome, OutcomeRecord, SendId, SenderIdentity, TrackRecord, UtcMillis,
    brand::ContactPerson,
    engagement::Rules,
    job,
    merge::GiveUp,
    outcome::Answer,
    track::{Method, Tracked, Visitor},
};
use store::{
    AddressState, ConsentInput, ContactInput, FeedWindow, LaunchItem, LaunchKind, LaunchRequest,
    NewSend, PartnerInput, PublishInput, Store, StoreOptions, StreamedOutcome, StreamedTrack,
};

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

const NOW: UtcMillis = UtcMillis::new(1_767_225_600_000);

fn say(what: &str, rows: usize, took: Duration) {
    println!(
        "{what:<10} {rows:>9} rows {:>8.2} s {:>9.0} rows/s",
        took.as_secs_f64(),
        rows as f64 / took.as_secs_f64()
    );
}

#[tokio::main]
async fn main() -> AnyResult<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |n: usize, default| arguments.get(n).map_or(Ok(default), |text| text.parse::<usize>());
    let (lanes, per_lane) = (number(0, 1_000)?, number(1, 150)?);
    let folder = tempfile::tempdir()?;
    let url = arguments
        .get(2)
        .cloned()
        .unwrap_or_else(|| format!("sqlite://{}", folder.path().join("book.sqlite").display()));
    let store = Store::open(&url, StoreOptions::default()).await?;
    store.migrate(NOW).await?;
    let key = HashKey::new([1; 32]);

    let vendor = store.add_vendor("Northwind", "speed", NOW).await?.row.id;
    let blob = b"package";
    let hash = ContentHash::of(blob);
    let input = PublishInput {
        vendor: &vendor,
        slug: "p",
        name: "P",
        hash: &hash,
        blob,
        topic: "",
        topic_name: "\"\"",
        state: domain::VersionState::Published,
        who: "speed",
        now: NOW,
    };
    let version = store.add_version(&input).await?.row;
    let inputs: Vec<PartnerInput> = (0..lanes).map(partner).collect();
    let start = Instant::now();
    let partners = store.upsert_partners(&vendor, &inputs, "speed", NOW).await?;
    say("partners", lanes, start.elapsed());

    let mut items = Vec::new();
    let start = Instant::now();
    for partner in &partners {
        let company = &partner.row.company_id;
        let list = store.upsert_list(company, "Customers", NOW).await?.row.id;
        let contacts: Vec<ContactInput> = (0..per_lane)
            .map(|n| {
                contact(
                    &key,
                    HashScope::Company(company),
                    &format!("a{n}@{}.example.com", partner.row.partner_key),
                )
            })
            .collect();
        store.upsert_contacts(company, &list, &contacts, NOW).await?;
        items.push(LaunchItem {
            partner: partner.row.id.clone(),
            list,
            slots: BTreeMap::new(),
            event_at: None,
        });
    }
    say("import", lanes * per_lane, start.elapsed());

    let request = LaunchRequest {
        vendor: vendor.clone(),
        package: version.package_id,
        version: version.id,
        kind: LaunchKind::AllEligible,
        who: "speed".to_owned(),
        now: NOW,
        start_at: NOW,
        again: false,
        items,
    };
    let start = Instant::now();
    let launched = store.launch(&request).await?;
    say("launch", lanes, start.elapsed());

    let start = Instant::now();
    for item in &launched.items {
        let mut tx = store.begin_write().await?;
        let Some(activation) = tx.begin_expand(item.activation).await? else { continue };
        let contacts = tx.audience_chunk(&activation, 1_000_000).await?;
        let hashes: Vec<AddressHash> = contacts
            .iter()
            .map(|contact| key.hash_text(HashScope::Vendor(&vendor), &contact.address))
            .collect();
        let persons = tx.ensure_persons(&vendor, &hashes).await?;
        let step = "hello".parse()?;
        let sends: Vec<NewSend> = contacts
            .iter()
            .zip(persons)
            .map(|(contact, person)| NewSend {
                step: Clone::clone(&step),
                occurrence: 0,
                contact: contact.contact,
                person: person.person,
                provider: "example.com".to_owned(),
                due_at: NOW,
                skip: None,
            })
            .collect();
        tx.insert_sends(&activation, &sends).await?;
        tx.finish_expand(item.activation, NOW).await?;
        tx.commit().await?;
    }
    say("expand", lanes * per_lane, start.elapsed());

    let (mut feeding, mut recording) = (Duration::ZERO, Duration::ZERO);
    let (mut rows, mut counter) = (0, 0);
    let mut sent = Vec::new();
    let on_belt = HashMap::new();
    loop {
        let window = FeedWindow {
            now: NOW,
            until: NOW,
            per_lane: 50,
            per_provider: 1_000_000,
            total: 2_000,
            on_belt: &on_belt,
        };
        let start = Instant::now();
        let fed = store.feed(&window).await?.sends;
        feeding += start.elapsed();
        if fed.is_empty() {
            break;
        }
        rows += fed.len();
        sent.extend(fed.iter().map(|send| send.send));
        let batch: Vec<StreamedOutcome> = fed
            .iter()
            .map(|send| {
                counter += 1;
                StreamedOutcome {
                    position: format!("{counter}-0"),
                    record: OutcomeRecord {
                        v: 1,
                        send: send.send,
                        activation: send.activation,
                        partner: send.partner.clone(),
                        claim: ClaimNumber::new(1, counter),
                        on_unknown: OnUnknown::Retry,
                        outcome: Outcome::Done(Answer::new(
                            250,
                            "2.0.0",
                            "queued as 4F1A2B",
                            "main",
                        )),
                    },
                    at: NOW,
                }
            })
            .collect();
        let start = Instant::now();
        for part in batch.chunks(1_000) {
            store
                .record("outcomes", part, GiveUp { after: Duration::from_secs(4 * 86_400) })
                .await?;
        }
        recording += start.elapsed();
    }
    say("feed", rows, feeding);
    say("record", rows, recording);
    for batch in [500, 1_000] {
        let tracks = tracks(&store, &sent, batch).await?;
        let start = Instant::now();
        for (number, part) in tracks.chunks(batch).enumerate() {
            let position = format!("{number}-0");
            store.record_tracks("tracks", &position, part, &Rules::built_in(), NOW).await?;
        }
        say(&format!("tracks/{batch}"), tracks.len(), start.elapsed());
    }
    let start = Instant::now();
    let summaries = store.activation_summaries(Some(&vendor)).await?;
    let sent: i64 = summaries.iter().map(|summary| summary.counts.sent).sum();
    say("status", usize::try_from(sent)?, start.elapsed());
    Ok(())
}

/// An open for every message and a click for every third, by people and by a scanner, an hour after one another
/// in the mean: as they come back from many lanes at once.
async fn tracks(store: &Store, sent: &[SendId], seed: usize) -> AnyResult<Vec<StreamedTrack>> {
    let urls = ["https://a.example/", "https://b.example/", "https://c.example/"];
    let list = LinkTargets::new(urls.map(ToOwned::to_owned).to_vec())?;
    store.put_link_targets(std::slice::from_ref(&list), NOW).await?;
    let agents = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0", "curl/8"];
    let track = |n: usize, link: Option<u16>| {
        let send = sent[(n * 7_919) % sent.len()];
        let what =
            link.map_or(Tracked::Opened, |link| Tracked::Clicked { link, targets: list.id() });
        let agent = agents[usize::from(n.is_multiple_of(5))];
        let visitor = Visitor::new(Method::Get, agent, "203.0.113.0/24".to_owned(), false);
        let id = (n + seed * 1_000_000) as i64;
        let record = TrackRecord { v: job::VERSION, id, send, what, age_ms: 0, visitor };
        StreamedTrack { record, at: UtcMillis::new(NOW.get() + 60_000 + n as i64 * 20) }
    };
    Ok((0..sent.len())
        .flat_map(|n| {
            [Some(track(n, None)), n.is_multiple_of(3).then(|| track(n, Some(1 + (n % 3) as u16)))]
        })
        .flatten()
        .collect())
}

fn partner(n: usize) -> PartnerInput {
    PartnerInput {
        region: String::new(),
        partner_type: String::new(),
        partner_key: format!("p{n}"),
        company_name: format!("Firm {n}"),
        tier: "Gold".to_owned(),
        brand: BrandProfile {
            name: format!("Firm {n}"),
            logo: None,
            colour: "#112233".to_owned(),
            postal_address: vec!["1 High Street".to_owned()],
            web_site: "https://example.com".to_owned(),
            locale: "en".to_owned(),
            time_zone: "Europe/London".to_owned(),
            contact_person: ContactPerson {
                name: "Eve".to_owned(),
                email: "eve@example.com".to_owned(),
                phone: String::new(),
            },
        },
        sender: SenderIdentity {
            from_name: format!("Firm {n}"),
            from_email: format!("news@p{n}.example.com"),
            reply_to: format!("office@p{n}.example.com"),
        },
    }
}

fn contact(key: &HashKey, company: HashScope<'_>, address: &str) -> ContactInput {
    let parsed: EmailAddress = address.parse().expect("a made-up address is a good one");
    ContactInput {
        address: parsed.as_str().to_owned(),
        address_raw: address.to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Example".to_owned(),
        fields: BTreeMap::from([("city".to_owned(), "London".to_owned())]),
        language: "en".to_owned(),
        address_state: AddressState::Ok,
        hash_everywhere: key.hash(HashScope::Everywhere, &parsed),
        hash_company: key.hash(company, &parsed),
        consent: Some(ConsentInput {
            basis: "opt_in".to_owned(),
            source: "file".to_owned(),
            text: "yes".to_owned(),
            at: NOW,
        }),
    }
}
