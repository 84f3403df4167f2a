//! One row of the partners' table: every field checked, every fault said.

use domain::{BrandProfile, EmailAddress, SenderIdentity, brand::ContactPerson, tier::Tiers};
use store::PartnerInput;
use url::Url;

use crate::{
    language::language_tag,
    nearest::nearest,
    report::RowProblem,
    table::{Header, Row},
};

/// A row as far as it can be read without its logo.
#[derive(Debug)]
pub(super) struct PartnerRow {
    pub(super) input: PartnerInput,
    /// The file name of the logo; empty for none.
    pub(super) logo: String,
}

/// Reads one row. What a mailing needs and a launch asks for may be empty.
///
/// # Errors
/// Every fault of the row; it is refused.
pub(super) fn read(
    row: &Row,
    header: &Header,
    tiers: &Tiers,
) -> Result<PartnerRow, Vec<RowProblem>> {
    let mut fields = Fields { row, header, problems: Vec::new() };
    let partner_key =
        fields.checked("partner_key", "1 to 64 of letters, digits, `.`, `-` and `_`", is_key);
    let company_name = fields.line("company_name", 200);
    let tier = fields.tier(tiers);
    let region = fields.parsed("region", "", "a country by ISO 3166-1, like AT or DE", country);
    let partner_type = fields.line_or("partner_type", 60, "");
    let from_email = fields.address_or("from_email", "");
    let reply_to = fields.address_or("reply_to", &from_email);
    let from_name = fields.line_or("from_name", 200, &company_name);
    let postal_address = fields.postal_address();
    let locale = fields.parsed("locale", "en", "a language tag like en or de-AT", language_tag);
    let time_zone =
        fields.parsed("time_zone", "UTC", "an IANA time zone like Europe/Vienna", |text| {
            jiff::tz::TimeZone::get(text).ok().and_then(|zone| zone.iana_name().map(str::to_owned))
        });
    let colour = fields.parsed("colour", "#333333", "a colour like #1a2b3c", colour);
    let expected = "a web address like https://www.example.com";
    let site = fields.parsed("web_site", "", expected, web_site);
    let contact_email = fields.address_or("contact_email", &reply_to);
    let contact_name = fields.line_or("contact_name", 200, &from_name);
    let contact_phone = fields.line_or("contact_phone", 40, "");
    let logo = fields.get("logo").to_owned();
    if !fields.problems.is_empty() {
        return Err(fields.problems);
    }
    Ok(PartnerRow {
        logo,
        input: PartnerInput {
            partner_key,
            company_name: company_name.clone(),
            tier,
            region,
            partner_type,
            brand: BrandProfile {
                name: company_name,
                logo: None,
                colour,
                postal_address,
                web_site: site,
                locale,
                time_zone,
                contact_person: ContactPerson {
                    name: contact_name,
                    email: contact_email,
                    phone: contact_phone,
                },
            },
            sender: SenderIdentity { from_name, from_email, reply_to },
        },
    })
}

/// A country code: two letters. Which of them stand for a country is not looked up.
fn country(text: &str) -> Option<String> {
    let is_code = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    is_code.then(|| text.to_ascii_uppercase())
}

struct Fields<'a> {
    row: &'a Row,
    header: &'a Header,
    problems: Vec<RowProblem>,
}

impl Fields<'_> {
    fn get(&self, column: &str) -> &str {
        self.row.cell(self.header.at(column))
    }

    fn refuse(&mut self, column: &str, value: &str, expected: &str) {
        let problem = RowProblem::refused(self.row.number, self.row.line, column, value, expected);
        self.problems.push(problem);
    }

    fn checked(&mut self, column: &str, expected: &str, fits: impl Fn(&str) -> bool) -> String {
        let value = self.get(column).to_owned();
        if !fits(&value) {
            self.refuse(column, &value, expected);
        }
        value
    }

    /// One line of text that must be there.
    fn line(&mut self, column: &str, longest: usize) -> String {
        self.checked(column, &format!("1 to {longest} characters on one line"), |text| {
            !text.is_empty() && is_line(text, longest)
        })
    }

    /// One line of text, or what stands for it.
    fn line_or(&mut self, column: &str, longest: usize, otherwise: &str) -> String {
        if self.get(column).is_empty() { otherwise.to_owned() } else { self.line(column, longest) }
    }

    fn parsed(
        &mut self,
        column: &str,
        otherwise: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<String>,
    ) -> String {
        let value = self.get(column).to_owned();
        if value.is_empty() {
            return otherwise.to_owned();
        }
        parse(&value).unwrap_or_else(|| {
            self.refuse(column, &value, expected);
            String::new()
        })
    }

    /// An address, or what stands for it.
    fn address_or(&mut self, column: &str, otherwise: &str) -> String {
        let value = self.get(column).to_owned();
        if value.is_empty() {
            return otherwise.to_owned();
        }
        match value.parse::<EmailAddress>() {
            Ok(address) => address.as_str().to_owned(),
            Err(error) => {
                self.refuse(column, &value, &format!("an address ({error})"));
                String::new()
            }
        }
    }

    fn tier(&mut self, tiers: &Tiers) -> String {
        let value = self.get("tier").to_owned();
        match tiers.find(&value) {
            Some(tier) => tier.name.clone(),
            None => {
                let near = nearest(&value, tiers.iter().map(|tier| tier.name.as_str()))
                    .map(|near| format!("; did you mean {near}?"))
                    .unwrap_or_default();
                self.refuse("tier", &value, &format!("one of {}{near}", tiers.names()));
                String::new()
            }
        }
    }

    /// The postal address, which the law wants in every mailing (CAN-SPAM § 7704(a)(5)(A)(iii)); none is not
    /// refused here.
    fn postal_address(&mut self) -> Vec<String> {
        let value = self.get("postal_address").to_owned();
        let lines: Vec<String> = value
            .split(['|', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let fits = lines.len() <= 6 && lines.iter().all(|line| is_line(line, 100));
        if !fits {
            let expected =
                "a postal address: 1 to 6 lines of at most 100 characters, separated by \" | \"";
            self.refuse("postal_address", &value, expected);
        }
        lines
    }
}

fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

fn is_line(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(char::is_control)
}

fn colour(text: &str) -> Option<String> {
    let digits = text.strip_prefix('#')?;
    (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| text.to_ascii_lowercase())
}

/// An address of a site, as it is kept.
pub(crate) fn web_site(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let fits = matches!(url.scheme(), "https" | "http")
        && url.host_str().is_some_and(|host| host.contains('.'))
        && url.username().is_empty()
        && url.password().is_none();
    // Measured as it is kept, so that what is kept can be read again.
    fits.then(|| url.to_string()).filter(|url| url.len() <= 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_what_they_say_or_nothing() {
        assert_eq!(colour("#1A2b3C").as_deref(), Some("#1a2b3c"));
        for bad in ["1a2b3c", "#12345", "#12345g", "red", "#123456;x", "#1234567"] {
            assert_eq!(colour(bad), None, "{bad}");
        }
        assert_eq!(web_site("https://Example.com").as_deref(), Some("https://example.com/"));
        for bad in [
            "example.com",
            "javascript:alert(1)",
            "ftp://a.example",
            "https://u:p@a.example",
            "http://localhost/",
        ] {
            assert_eq!(web_site(bad), None, "{bad}");
        }
        assert!(is_key("acme-01"));
        for bad in ["", "-a", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}
