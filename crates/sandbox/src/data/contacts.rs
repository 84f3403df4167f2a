//! The contact files, with what real ones have.

use std::{
    collections::HashSet,
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use domain::EmailAddress;

use super::{
    DemoSize, Expected, GONE_PREFIX, csv_error, file_error,
    partners::Brand,
    people::{self, Person},
    random::Lots,
};
use crate::error::DataError;

// Shares of rows, of 1,000.
const MALFORMED: u64 = 20;
const GONE: u64 = 20;
const OPTED_OUT: u64 = 30;
const SHARED: u64 = 50;
const REPEATED: u64 = 12;
const SMTPUTF8: u64 = 4;
const NO_FIRST_NAME: u64 = 120;
const FOREIGN_LANGUAGE: u64 = 150;
const QUOTED_NEWLINE: u64 = 15;

const DOMAINS: [&str; 8] = [
    "example.com",
    "example.org",
    "example.net",
    "harbour-freight.example",
    "mail.clinic.example",
    "bücher.example",
    "köln-werke.example",
    "例え.example",
];
const FIRMS: [&str; 9] = [
    "Harbour Freight Ltd",
    "Müller & Söhne",
    "Clínica São Lucas",
    "ООО Ромашка",
    "株式会社みどり",
    "شركة الأمل",
    "Bücher \"Am Dom\"",
    "Smith, Jones & Partners",
    "",
];
const TITLES: [&str; 6] = ["IT manager", "CFO", "Geschäftsführer", "Office", "責任者", ""];
const CONSENT: [(&str, &str, &str); 5] = [
    ("double_opt_in", "web form", "2025-03-14T09:26:53Z"),
    ("existing_customer", "order", "2024-11-02"),
    ("opt_in", "trade fair, stand 14", "2025-09-30T17:00:00+02:00"),
    ("contract", "service contract", "2023-01-09"),
    ("legitimate_interest", "", "2025-06-21T00:00:00Z"),
];

/// People who are customers of several partners.
#[derive(Debug)]
pub(super) struct SharedPeople {
    people: Vec<(Person, String)>,
}

impl SharedPeople {
    pub(super) fn new(size: &DemoSize) -> Self {
        let rows = u64::from(size.partners) * u64::from(size.contacts_per_partner);
        let languages: Vec<_> = people::languages().collect();
        let people = (0..(rows / 100).clamp(20, 2_000))
            .map(|number| {
                let mut lots = Lots::new(size.seed, 0x5AED_0000_0000 + number);
                let language = lots.choose(&languages);
                let person = people::draw(&mut lots, language);
                let address = format!("{}.s{number}@{}", person.local, lots.choose(&DOMAINS));
                (person, address)
            })
            .collect();
        Self { people }
    }
}

struct Row {
    email: String,
    first_name: String,
    last_name: String,
    company: String,
    language: String,
    consent: (&'static str, &'static str, &'static str),
    opted_out: bool,
    job_title: &'static str,
    notes: &'static str,
}

/// Writes one partner's contact file and counts what is in it.
pub(super) fn write(
    path: &Path,
    brand: &Brand,
    partner: u32,
    size: &DemoSize,
    shared: &SharedPeople,
) -> Result<Expected, DataError> {
    let failed = csv_error(path);
    let mut file = BufWriter::new(fs::File::create(path).map_err(file_error(path))?);
    if partner.is_multiple_of(5) {
        // As a spreadsheet program writes it.
        file.write_all("\u{feff}".as_bytes()).map_err(file_error(path))?;
    }
    let terminator =
        if partner.is_multiple_of(3) { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut file = csv::WriterBuilder::new().terminator(terminator).from_writer(file);
    file.write_record([
        "email",
        "first_name",
        "last_name",
        "company",
        "language",
        "consent_basis",
        "consent_source",
        "consent_at",
        "opted_out",
        "job_title",
        "notes",
    ])
    .map_err(&failed)?;
    let mut lots = Lots::new(size.seed, 1 + u64::from(partner));
    let mut count = Count::default();
    let mut earlier: Option<Row> = None;
    for number in 0..size.contacts_per_partner {
        let row = match earlier.take() {
            // The same person again, the address spelled as people do.
            Some(row) if lots.chance(REPEATED * 10) => Row { email: shouted(&row.email), ..row },
            _ => draw(&mut lots, brand, partner, number, shared, &count.seen),
        };
        file.write_record([
            row.email.as_str(),
            &row.first_name,
            &row.last_name,
            &row.company,
            &row.language,
            row.consent.0,
            row.consent.1,
            row.consent.2,
            if row.opted_out { "yes" } else { "" },
            row.job_title,
            row.notes,
        ])
        .map_err(&failed)?;
        count.add(&row);
        // One row in ten is a candidate to be repeated by the next.
        let is_candidate = lots.chance(100) && row.email.parse::<EmailAddress>().is_ok();
        earlier = is_candidate.then_some(row);
    }
    file.flush().map_err(file_error(path))?;
    Ok(count.expected)
}

fn draw(
    lots: &mut Lots,
    brand: &Brand,
    partner: u32,
    number: u32,
    shared: &SharedPeople,
    seen: &HashSet<String>,
) -> Row {
    let languages: Vec<_> = people::languages().collect();
    let language =
        if lots.chance(FOREIGN_LANGUAGE) { lots.choose(&languages) } else { brand.language() };
    let mut person = people::draw(lots, language);
    let domain = lots.choose(&DOMAINS);
    let local = format!("{}.p{partner}n{number}", person.local);
    let mut email = format!("{local}@{domain}");
    let kind = lots.below(1_000);
    if kind < MALFORMED {
        email = malformed(lots, &local, domain);
    } else if kind < MALFORMED + GONE {
        email = format!("{GONE_PREFIX}{local}@{domain}");
    } else if kind < MALFORMED + GONE + SMTPUTF8 {
        email = format!("δοκιμή.{local}@{domain}");
    } else if kind < MALFORMED + GONE + SMTPUTF8 + SHARED {
        let (known, address) = lots.choose(&shared.people);
        // In one list a person stands once; repeated rows are a case of their own.
        if !seen.contains(&normalised(address)) {
            person = known.clone();
            email.clone_from(address);
        }
    }
    if lots.chance(NO_FIRST_NAME) {
        person.first_name.clear();
    }
    let company = lots.choose(&FIRMS);
    let company = if lots.chance(QUOTED_NEWLINE) {
        format!("{company}\nc/o Post room")
    } else {
        (*company).to_owned()
    };
    Row {
        email,
        first_name: person.first_name,
        last_name: person.last_name,
        company,
        language: language.to_owned(),
        consent: *lots.choose(&CONSENT),
        opted_out: lots.chance(OPTED_OUT),
        job_title: lots.choose::<&str>(&TITLES),
        notes: if lots.chance(QUOTED_NEWLINE) {
            "Called twice.\r\nSaid \"later\", not \"no\""
        } else {
            ""
        },
    }
}

/// Addresses as they are mistyped. None of them may be one.
fn malformed(lots: &mut Lots, local: &str, domain: &str) -> String {
    match lots.below(8) {
        0 => format!("{local}(at){domain}"),
        1 => format!("{local}@@{domain}"),
        2 => format!("anna {local}@{domain}"),
        3 => format!("{local}@example"),
        4 => format!("{local}.@{domain}"),
        5 => format!("{local}@-example.com"),
        6 => format!("{local}@{domain}, {local}.2@{domain}"),
        _ => format!("n/a {local}"),
    }
}

/// The domain and the letters in capitals where that means the same mailbox.
fn shouted(email: &str) -> String {
    let shouted = email.to_ascii_uppercase();
    if email.is_ascii() { shouted } else { email.to_owned() }
}

fn normalised(email: &str) -> String {
    email
        .parse::<EmailAddress>()
        .map_or_else(|_| email.trim().to_owned(), |address| address.to_string())
}

#[derive(Default)]
struct Count {
    expected: Expected,
    seen: HashSet<String>,
}

impl Count {
    fn add(&mut self, row: &Row) {
        let expected = &mut self.expected;
        expected.rows += 1;
        if !self.seen.insert(normalised(&row.email)) {
            expected.duplicate_rows += 1;
            return;
        }
        expected.contacts += 1;
        match row.email.parse::<EmailAddress>() {
            Err(_) => expected.malformed += 1,
            Ok(_) if row.opted_out => expected.opted_out += 1,
            Ok(address) => {
                expected.sink_refused += u64::from(address.as_str().starts_with(GONE_PREFIX));
                expected.smtputf8 += u64::from(address.needs_smtputf8());
            }
        }
    }
}
