//! One row of a contacts' table.

use std::collections::BTreeMap;

use domain::{CompanyId, HashKey, HashScope, UtcMillis};
use jiff::{Timestamp, civil, tz::TimeZone};
use store::{AddressState, ConsentInput, ContactInput};

use super::{
    address::{self, AddressRead},
    words::yes_or_no,
};
use crate::{
    language::language_tag,
    nearest::nearest,
    report::RowProblem,
    table::{Header, Row},
};

/// Why somebody may be mailed, as a table or `--consent` may say it.
pub const CONSENT_BASES: [&str; 7] = [
    "consent",
    "opt_in",
    "double_opt_in",
    "soft_opt_in",
    "contract",
    "existing_customer",
    "legitimate_interest",
];

/// The most bytes of names and merge fields a contact may have: they travel with every job, and a job
/// has 4 KiB for everything.
const MAX_FIELDS_BYTES: usize = 2_048;

/// The longest address that is kept, in characters, be it malformed.
const MAX_ADDRESS: usize = 320;

/// How the rows of one file are read.
#[derive(Debug)]
pub(super) struct ContactReader<'a> {
    header: &'a Header,
    columns: Columns,
    /// The basis for rows that name none.
    consent: Option<&'a str>,
    /// What stands as the source where a row names none.
    source: &'a str,
    now: UtcMillis,
}

/// Where the fields stand.
#[derive(Debug)]
struct Columns {
    email: Option<usize>,
    first_name: Option<usize>,
    last_name: Option<usize>,
    company: Option<usize>,
    language: Option<usize>,
    consent_basis: Option<usize>,
    consent_source: Option<usize>,
    consent_at: Option<usize>,
    opted_out: Option<usize>,
}

/// A row that is taken.
#[derive(Debug)]
pub(super) struct ContactRow {
    /// The number of the row.
    pub(super) number: u64,
    /// The normalised address; the text of a malformed one.
    pub(super) address: String,
    pub(super) opted_out: bool,
    /// Remarks that do not stand against it.
    pub(super) warnings: Vec<RowProblem>,
    address_raw: String,
    address_state: AddressState,
    first_name: String,
    last_name: String,
    fields: BTreeMap<String, String>,
    language: String,
    consent: Option<ConsentInput>,
}

impl ContactRow {
    /// The row as the book takes it.
    pub(super) fn into_input(self, hash_key: &HashKey, company: &CompanyId) -> ContactInput {
        ContactInput {
            hash_everywhere: hash_key.hash_text(HashScope::Everywhere, &self.address),
            hash_company: hash_key.hash_text(HashScope::Company(company), &self.address),
            address: self.address,
            address_raw: self.address_raw,
            first_name: self.first_name,
            last_name: self.last_name,
            fields: self.fields,
            language: self.language,
            address_state: self.address_state,
            consent: self.consent,
        }
    }
}

/// `text` as one of [`CONSENT_BASES`], compared without regard to case, spaces and hyphens.
///
/// # Errors
/// What was expected instead.
pub(super) fn consent_basis(text: &str) -> Result<&'static str, String> {
    match yes_or_no(text) {
        // A column `consent` that says yes.
        Some(true) => return Ok("consent"),
        Some(false) => return Err("a basis; who said no is not mailed".to_owned()),
        None => {}
    }
    let asked = text.trim().to_lowercase().replace([' ', '-'], "_");
    CONSENT_BASES.into_iter().find(|basis| *basis == asked).ok_or_else(|| {
        let near = nearest(&asked, CONSENT_BASES)
            .map(|near| format!("; did you mean {near}?"))
            .unwrap_or_default();
        format!("one of {}{near}", CONSENT_BASES.join(", "))
    })
}

impl<'a> ContactReader<'a> {
    pub(super) fn new(
        header: &'a Header,
        consent: Option<&'a str>,
        source: &'a str,
        now: UtcMillis,
    ) -> Self {
        let columns = Columns {
            email: header.at("email"),
            first_name: header.at("first_name"),
            last_name: header.at("last_name"),
            company: header.at("company"),
            language: header.at("language"),
            consent_basis: header.at("consent_basis"),
            consent_source: header.at("consent_source"),
            consent_at: header.at("consent_at"),
            opted_out: header.at("opted_out"),
        };
        Self { header, columns, consent, source, now }
    }

    /// Reads one row.
    ///
    /// # Errors
    /// Why the row is refused.
    pub(super) fn read(&self, row: &Row) -> Result<ContactRow, RowProblem> {
        let cell = |at: Option<usize>| row.cell(at);
        let refused = |column: &str, value: &str, expected: &str| {
            RowProblem::refused(row.number, row.line, column, value, expected)
        };
        let mut warnings = Vec::new();
        let mut warn = |column: &str, value: &str, expected: &str| {
            warnings.push(RowProblem::warning(row.number, row.line, column, value, expected));
        };
        let raw = cell(self.columns.email);
        if raw.is_empty() || raw.chars().count() > MAX_ADDRESS {
            return Err(refused(
                "email",
                raw,
                &format!("an address of at most {MAX_ADDRESS} characters"),
            ));
        }
        let (address, address_raw, address_state) = match address::read(raw) {
            AddressRead::Good { address, written, was_tidied } => {
                if was_tidied {
                    warn("email", raw, "an address and nothing around it; it was taken off");
                }
                (address.into(), written, AddressState::Ok)
            }
            AddressRead::Malformed(error) => {
                warn("email", raw, &format!("an address that mail can be sent to ({error})"));
                (raw.to_owned(), raw.to_owned(), AddressState::Malformed)
            }
        };
        let opted_out = match cell(self.columns.opted_out) {
            "" => false,
            // Neither guess is right: mailing who opted out, or silencing who did not.
            text => yes_or_no(text).ok_or_else(|| {
                refused("opted_out", text, "yes or no (or true/false, 1/0, empty)")
            })?,
        };
        let consent = self.consent(row, opted_out)?;
        let language = match cell(self.columns.language) {
            "" => String::new(),
            text => language_tag(text).unwrap_or_else(|| {
                warn("language", text, "a language tag like en or de-AT; taken as not known");
                String::new()
            }),
        };
        let mut fields = BTreeMap::new();
        let company_name = one_line(cell(self.columns.company));
        if !company_name.is_empty() {
            fields.insert("company".to_owned(), company_name);
        }
        for (at, name) in self.header.merge_fields() {
            let value = row.cell(Some(*at));
            if !value.is_empty() {
                fields.insert(name.clone(), value.to_owned());
            }
        }
        let first_name = one_line(cell(self.columns.first_name));
        let last_name = one_line(cell(self.columns.last_name));
        let bytes: usize = first_name.len()
            + last_name.len()
            + fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > MAX_FIELDS_BYTES {
            let longest = fields.iter().max_by_key(|(_, value)| value.len());
            let (name, value) = longest.map_or(("first_name", ""), |(name, value)| (name, value));
            let expected = format!(
                "at most {MAX_FIELDS_BYTES} bytes of names and merge fields a row, not {bytes}; \
                 --map COLUMN=- leaves a column out"
            );
            return Err(refused(name, value, &expected));
        }
        Ok(ContactRow {
            number: row.number,
            address,
            address_raw,
            address_state,
            opted_out,
            warnings,
            first_name,
            last_name,
            fields,
            language,
            consent,
        })
    }

    fn consent(&self, row: &Row, opted_out: bool) -> Result<Option<ConsentInput>, RowProblem> {
        let refused = |column: &str, value: &str, expected: &str| {
            RowProblem::refused(row.number, row.line, column, value, expected)
        };
        let written = match row.cell(self.columns.consent_basis) {
            "" => self.consent.unwrap_or_default(),
            text => text,
        };
        if written.is_empty() {
            // Who opted out is taken without a basis: the row is there to keep them from mail.
            return if opted_out {
                Ok(None)
            } else {
                Err(refused(
                    "consent_basis",
                    "",
                    "why this person may be mailed, or --consent for all",
                ))
            };
        }
        let basis = consent_basis(written)
            .map_err(|expected| refused("consent_basis", written, &expected))?;
        let at = match row.cell(self.columns.consent_at) {
            "" => self.now,
            text => moment(text).ok_or_else(|| {
                refused(
                    "consent_at",
                    text,
                    "a date like 2026-01-31 or a time like 2026-01-31T09:30:00Z",
                )
            })?,
        };
        let source = match row.cell(self.columns.consent_source) {
            "" => self.source.to_owned(),
            text => one_line(text),
        };
        Ok(Some(ConsentInput { basis: basis.to_owned(), source, text: String::new(), at }))
    }
}

/// White space of any kind as one space: a name stands in a header and in a sentence.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A time with its offset, or a date or time taken as UTC.
fn moment(text: &str) -> Option<UtcMillis> {
    let zoned = |date_time: civil::DateTime| date_time.to_zoned(TimeZone::UTC).ok();
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| zoned(text.parse::<civil::DateTime>().ok()?).map(|zoned| zoned.timestamp()))
        .or_else(|| {
            let date: civil::Date = text.parse().ok()?;
            zoned(date.to_datetime(civil::Time::midnight())).map(|zoned| zoned.timestamp())
        })
        .map(UtcMillis::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let day = UtcMillis::new(1_769_817_600_000);
        for text in [
            "2026-01-31",
            "2026-01-31T00:00:00Z",
            "2026-01-31 00:00:00",
            "2026-01-31T01:00:00+01:00",
        ] {
            assert_eq!(moment(text), Some(day), "{text}");
        }
        for bad in ["31.01.2026", "yesterday", "2026-02-30", ""] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_basis_is_found_however_it_is_written() {
        assert_eq!(consent_basis("Double Opt-In"), Ok("double_opt_in"));
        assert!(consent_basis("contact").unwrap_err().contains("did you mean contract?"));
    }
}
