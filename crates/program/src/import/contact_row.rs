//! One row of a contacts' table.

use std::collections::BTreeMap;

use domain::{CompanyId, EmailAddress, HashKey, HashScope, UtcMillis};
use jiff::{Timestamp, civil, tz::TimeZone};
use store::{AddressState, ConsentInput, ContactInput};

use crate::{
    error::{Error, Problem, Result},
    language::language_tag,
    nearest::nearest,
    report::RowProblem,
    table::{ColumnSet, Header, Row},
};

/// The columns a contacts' table may have; every other one is a merge field.
pub(super) const COLUMNS: ColumnSet = ColumnSet {
    required: &["email"],
    optional: &[
        "first_name",
        "last_name",
        "company",
        "language",
        "consent_basis",
        "consent_source",
        "consent_at",
        "opted_out",
    ],
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
    pub(super) header: &'a Header,
    pub(super) merge_fields: &'a [(usize, String)],
    pub(super) company: &'a CompanyId,
    pub(super) hash_key: &'a HashKey,
    /// The basis for rows that name none.
    pub(super) consent: Option<&'a str>,
    /// What stands as the source where a row names none.
    pub(super) source: &'a str,
    pub(super) now: UtcMillis,
}

/// A row that is taken.
#[derive(Debug)]
pub(super) struct ContactRow {
    pub(super) input: ContactInput,
    pub(super) opted_out: bool,
    /// Remarks that do not stand against it.
    pub(super) warnings: Vec<RowProblem>,
}

/// The merge fields of a file: where they stand and what templates call them.
///
/// # Errors
/// Two columns that templates would call the same.
pub(super) fn merge_fields(header: &Header) -> Result<Vec<(usize, String)>> {
    let mut fields: Vec<(usize, String)> = Vec::new();
    for (at, written) in header.others(COLUMNS) {
        let name = merge_field_name(written);
        if let Some((first, _)) = fields.iter().find(|(_, other)| *other == name) {
            let expected = format!(
                "another name: columns {} and {} are both merge field `{name}`",
                first + 1,
                at + 1
            );
            return Err(Error::BadInput {
                problems: vec![Problem::new("the header", written, &expected)],
            });
        }
        fields.push((at, name));
    }
    Ok(fields)
}

/// What templates call a column: lower case, one `_` for whatever is no letter or digit.
fn merge_field_name(written: &str) -> String {
    let mut name = String::new();
    for c in written.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        None => "field".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("field_{name}"),
        Some(_) => name.to_owned(),
    }
}

/// `text` as one of [`CONSENT_BASES`], compared without regard to case, spaces and hyphens.
///
/// # Errors
/// What was expected instead.
pub(super) fn consent_basis(text: &str) -> std::result::Result<&'static str, String> {
    let asked = text.trim().to_lowercase().replace([' ', '-'], "_");
    CONSENT_BASES.into_iter().find(|basis| *basis == asked).ok_or_else(|| {
        let near = nearest(&asked, CONSENT_BASES)
            .map(|near| format!("; did you mean {near}?"))
            .unwrap_or_default();
        format!("one of {}{near}", CONSENT_BASES.join(", "))
    })
}

impl ContactReader<'_> {
    /// Reads one row.
    ///
    /// # Errors
    /// Why the row is refused.
    pub(super) fn read(&self, row: &Row) -> std::result::Result<ContactRow, RowProblem> {
        let get = |column: &str| row.cell(self.header.at(column));
        let refused = |column: &str, value: &str, expected: &str| {
            RowProblem::refused(row.number, row.line, column, value, expected)
        };
        let mut warnings = Vec::new();
        let raw = get("email");
        if raw.is_empty() || raw.chars().count() > MAX_ADDRESS {
            return Err(refused(
                "email",
                raw,
                &format!("an address of at most {MAX_ADDRESS} characters"),
            ));
        }
        let company = HashScope::Company(self.company);
        let (address, address_state, hash_everywhere, hash_company) = match raw
            .parse::<EmailAddress>()
        {
            Ok(address) => (
                address.as_str().to_owned(),
                AddressState::Ok,
                self.hash_key.hash(HashScope::Everywhere, &address),
                self.hash_key.hash(company, &address),
            ),
            Err(error) => {
                let expected = format!("an address that mail can be sent to ({error})");
                warnings.push(RowProblem::warning(row.number, row.line, "email", raw, &expected));
                (
                    raw.to_owned(),
                    AddressState::Malformed,
                    self.hash_key.hash_text(HashScope::Everywhere, raw),
                    self.hash_key.hash_text(company, raw),
                )
            }
        };
        let opted_out = match get("opted_out").to_lowercase().as_str() {
            "" | "no" | "n" | "false" | "0" => false,
            "yes" | "y" | "true" | "1" | "x" => true,
            // Neither guess is right: mailing who opted out, or silencing who did not.
            other => {
                return Err(refused("opted_out", other, "yes or no (or true/false, 1/0, empty)"));
            }
        };
        let consent = self.consent(row, opted_out)?;
        let language = match get("language") {
            "" => String::new(),
            text => language_tag(text).unwrap_or_else(|| {
                let expected = "a language tag like en or de-AT; taken as not known";
                warnings
                    .push(RowProblem::warning(row.number, row.line, "language", text, expected));
                String::new()
            }),
        };
        let mut fields = BTreeMap::new();
        let company_name = one_line(get("company"));
        if !company_name.is_empty() {
            fields.insert("company".to_owned(), company_name);
        }
        for (at, name) in self.merge_fields {
            let value = row.cell(Some(*at));
            if !value.is_empty() {
                fields.insert(name.clone(), value.to_owned());
            }
        }
        let (first_name, last_name) = (one_line(get("first_name")), one_line(get("last_name")));
        let bytes: usize = first_name.len()
            + last_name.len()
            + fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > MAX_FIELDS_BYTES {
            let longest = fields.iter().max_by_key(|(_, value)| value.len());
            let (name, value) = longest.map_or(("first_name", ""), |(name, value)| (name, value));
            let expected = format!(
                "at most {MAX_FIELDS_BYTES} bytes of names and merge fields a row, not {bytes}"
            );
            return Err(refused(name, value, &expected));
        }
        Ok(ContactRow {
            opted_out,
            warnings,
            input: ContactInput {
                address,
                address_raw: raw.to_owned(),
                first_name,
                last_name,
                fields,
                language,
                address_state,
                hash_everywhere,
                hash_company,
                consent,
            },
        })
    }

    fn consent(
        &self,
        row: &Row,
        opted_out: bool,
    ) -> std::result::Result<Option<ConsentInput>, RowProblem> {
        let get = |column: &str| row.cell(self.header.at(column));
        let refused = |column: &str, value: &str, expected: &str| {
            RowProblem::refused(row.number, row.line, column, value, expected)
        };
        let written = match get("consent_basis") {
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
        let at = match get("consent_at") {
            "" => self.now,
            text => moment(text).ok_or_else(|| {
                refused(
                    "consent_at",
                    text,
                    "a date like 2026-01-31 or a time like 2026-01-31T09:30:00Z",
                )
            })?,
        };
        let source = match get("consent_source") {
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
    fn merge_fields_have_names_a_template_can_use() {
        for (written, want) in [
            ("Job Title", "job_title"),
            (" Größe (m²) ", "gr_e_m"),
            ("2nd line", "field_2nd_line"),
            ("!!", "field"),
        ] {
            assert_eq!(merge_field_name(written), want, "{written:?}");
        }
    }

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
