//! The demo's campaign into mail servers that are not ours, on both engines, read with Python's parser and held
//! against the book: every send once, with its own partner's brand and nobody else's.
//!
//! `E2E_PARTNERS` and `E2E_CONTACTS` make the campaign bigger.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    process::{Command, Stdio},
};

use aho_corasick::{AhoCorasick, MatchKind};
use domain::{ActivationId, EventId, EventKind, PartnerId, PersonId, SendId, StepKey};
use store::{SendDetail, Store, StoreOptions};
use testkit::{MailPeer, ReadMail, TestDatabase};

use crate::fleet::throughline;

fn size(variable: &str, usual: usize) -> usize {
    let Some(set) = std::env::var_os(variable) else { return usual };
    let number = set.to_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("{variable} is no number"))
}

/// Runs the demo into a server that is not ours.
fn run_demo(peer: &MailPeer, keep: &std::path::Path, book: Option<&str>) -> serde_json::Value {
    let mut command = Command::new(throughline());
    command
        .args(["demo", "--exit", "--json", "--smtp", peer.address()])
        .arg("--keep")
        .arg(keep)
        .args(["--partners", &size("E2E_PARTNERS", 26).to_string()])
        .args(["--contacts-per-partner", &size("E2E_CONTACTS", 20).to_string()]);
    if let Some(book) = book {
        command.args(["--book", book]);
    }
    let output = command.stdin(Stdio::null()).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the demo ended with {}\n{said}", output.status);
    serde_json::from_slice(&output.stdout).expect("the summary is JSON")
}

/// What is in a partner's brand profile and sender identity, and in nobody else's.
struct Brands {
    of: HashMap<PartnerId, (domain::BrandProfile, domain::SenderIdentity)>,
    finder: AhoCorasick,
    owners: Vec<HashSet<PartnerId>>,
}

impl Brands {
    async fn read(store: &Store) -> Self {
        let mut of = HashMap::new();
        let mut owners: HashMap<String, HashSet<PartnerId>> = HashMap::new();
        for vendor in store.vendors().await.expect("the book answers") {
            for partner in store.partners(&vendor.id).await.expect("the book answers") {
                let (brand, sender) = store
                    .partner_brand(&partner.id)
                    .await
                    .expect("the book answers")
                    .expect("every partner of the demo has a brand");
                let texts = [
                    &brand.name,
                    &brand.web_site,
                    &brand.contact_person.name,
                    &brand.contact_person.email,
                    &brand.contact_person.phone,
                    &sender.from_name,
                    &sender.from_email,
                    &sender.reply_to,
                ];
                for text in texts.into_iter().chain(&brand.postal_address) {
                    if !text.is_empty() {
                        owners.entry(text.clone()).or_default().insert(partner.id.clone());
                    }
                }
                of.insert(partner.id, (brand, sender));
            }
        }
        let (texts, owners): (Vec<_>, Vec<_>) = owners.into_iter().unzip();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&texts)
            .expect("a few thousand texts fit");
        Self { of, finder, owners }
    }

    /// Says nothing of any other partner, and everything it must of its own.
    fn check(&self, mail: &ReadMail, partner: &PartnerId) {
        let (brand, sender) = &self.of[partner];
        assert_eq!(mail.from_name, sender.from_name);
        assert_eq!(mail.from_email, sender.from_email);
        assert!(mail.header("reply-to").contains(&sender.reply_to), "{mail:?}");
        let list_id = mail.header("list-id");
        let id_end = partner.as_str().len() - 8;
        assert!(list_id.contains(&partner.as_str()[id_end..]), "{list_id}");
        for line in &brand.postal_address {
            assert!(mail.text.contains(line), "no {line:?} in\n{}", mail.text);
        }
        assert!(mail.text.contains(&brand.name), "no {:?} in\n{}", brand.name, mail.text);
        for said in [&mail.text, &mail.html, mail.header("subject"), list_id] {
            // A name that is wrapped is still one name: a branch's begins with its firm's.
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            for found in
                self.finder.find_iter(&said).filter(|found| is_a_word(&said, found.range()))
            {
                assert!(
                    self.owners[found.pattern().as_usize()].contains(partner),
                    "another partner's {:?} in\n{said}",
                    &said[found.range()]
                );
            }
        }
    }
}

/// Whether what was found stands for itself: "USA" inside a token of a link does not.
fn is_a_word(text: &str, found: Range<usize>) -> bool {
    let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !touches(text[..found.start].chars().next_back()) && !touches(text[found.end..].chars().next())
}

fn check_headers(mail: &ReadMail, send: &SendDetail) {
    assert!(mail.defects.is_empty(), "{mail:?}");
    assert!(mail.longest_line <= 998, "{} bytes in one line", mail.longest_line);
    assert_eq!(mail.to_email, send.address);
    assert_eq!(mail.content_type, "multipart/alternative");
    assert!(!mail.html.is_empty() && !mail.header("subject").is_empty());
    assert!(!mail.header("date").is_empty());
    assert_eq!(mail.header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    let link = mail.header("list-unsubscribe").trim_matches(['<', '>']);
    assert!(link.starts_with("http://127.0.0.1:") && link.contains("/u/"), "{link}");
    assert!(mail.text.contains(link), "the text part has no unsubscribe link");
    for text in [&mail.text, &mail.html] {
        assert!(!text.contains("{{"), "a placeholder is left in\n{text}");
    }
}

/// The sends whose acceptance is in the book.
async fn accepted(store: &Store) -> HashSet<SendId> {
    let mut sends = HashSet::new();
    let mut after = EventId::new(0);
    loop {
        let page = store.events(None, None, after, 5_000).await.expect("the book answers");
        let Some(last) = page.last() else { return sends };
        after = last.id;
        sends.extend(
            page.iter().filter(|event| event.kind == EventKind::Accepted).map(|event| event.send),
        );
    }
}

async fn gets_every_send_once(peer: MailPeer, database: Option<TestDatabase>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keep = folder.path().join("demo");
    let summary = run_demo(&peer, &keep, database.as_ref().map(TestDatabase::url));
    let sqlite = format!("sqlite://{}", keep.join("book.sqlite").display());
    let url = database.as_ref().map_or(sqlite.as_str(), TestDatabase::url);
    let store = Store::open(url, StoreOptions::default()).await.expect("the book opens");
    let accepted = accepted(&store).await;
    let brands = Brands::read(&store).await;

    let mut mails: HashMap<SendId, ReadMail> = HashMap::new();
    let count = peer.read_mail(|mail| {
        let id = mail.header("message-id").trim_matches(['<', '>']).to_owned();
        let send = id.split('@').next().and_then(|id| id.parse().ok());
        let send: SendId = send.unwrap_or_else(|| panic!("{id} is of no send"));
        assert!(mails.insert(send, mail).is_none(), "{id} came twice");
    });
    assert_eq!(count, accepted.len(), "messages, and sends accepted by the book");
    assert_eq!(summary["sends"]["by_state"]["sent"], count, "{}", summary["sends"]);

    let mut places: HashSet<(ActivationId, StepKey, u32, PersonId)> = HashSet::new();
    for (send, mail) in &mails {
        assert!(accepted.contains(send), "{send} is not accepted in the book");
        let detail = store.send(*send).await.expect("the book answers").expect("it is a send");
        check_headers(mail, &detail);
        brands.check(mail, &detail.partner);
        let place = (detail.activation, detail.step, detail.occurrence, detail.person);
        assert!(places.insert(place), "{send}: the person has this message already");
    }
    store.close().await;
}

#[tokio::test]
async fn postfix_s_smtp_sink_gets_every_send_once() {
    gets_every_send_once(MailPeer::smtp_sink().await, None).await;
}

#[tokio::test]
async fn aiosmtpd_without_pipelining_gets_every_send_once_with_the_book_on_postgres() {
    gets_every_send_once(MailPeer::aiosmtpd(), Some(TestDatabase::postgres())).await;
}
