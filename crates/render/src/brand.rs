//! What a partner's brand profile looks like to a template.

use std::fmt;

use domain::{BrandProfile, EmailAddress, SenderIdentity, brand::Asset, job::PartnerShelf};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::{
    clean::clean,
    colour::{Colour, DARK, WHITE},
    slots::asset_url,
};

/// The most lines of a postal address.
pub(crate) const MOST_ADDRESS_LINES: usize = 8;
/// The most characters of a name or an address line.
pub(crate) const MOST_LINE: usize = 200;
/// How large a logo is shown.
pub(crate) struct LogoSize {
    /// The box it is fitted into, in CSS pixels.
    width: f64,
    height: f64,
    /// The most CSS pixels of its area: a square one and a long one weigh the same.
    area: f64,
}

/// The partner's logo: the face of the message.
const PARTNER_LOGO: LogoSize = LogoSize { width: 200.0, height: 72.0, area: 8_000.0 };
/// The vendor's, beside it.
pub(crate) const VENDOR_LOGO: LogoSize = LogoSize { width: 140.0, height: 48.0, area: 3_600.0 };

/// Why a brand profile can't be shown in a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrandProblem {
    /// The field of the profile.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What was expected.
    pub expected: &'static str,
}

impl fmt::Display for BrandProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; expected {}", self.field, self.message, self.expected)
    }
}

/// Everything that keeps a brand profile from being shown.
pub fn validate_brand(brand: &BrandProfile) -> Vec<BrandProblem> {
    let mut problems = Vec::new();
    let mut problem = |field, message: String, expected| {
        problems.push(BrandProblem { field, message, expected });
    };
    if clean(&brand.name, MOST_LINE).is_empty() {
        problem("name", "there is none".to_owned(), "the name recipients know the partner by");
    }
    if Colour::read(&brand.colour).is_none() {
        problem(
            "colour",
            format!("`{}` is no colour", shown(&brand.colour)),
            "a colour as #rrggbb",
        );
    }
    if web_site(&brand.web_site).is_none() {
        let message = format!("`{}` is no web site", shown(&brand.web_site));
        problem("web_site", message, "an address like https://www.example.com");
    }
    if address(brand).is_empty() {
        let expected = "at least one line, as the law wants it in every mailing";
        problem("postal_address", "there is none".to_owned(), expected);
    }
    if let Some(logo) = &brand.logo
        && (!matches!(logo.extension.as_str(), "png" | "jpg")
            || logo.width == 0
            || logo.height == 0)
    {
        problem(
            "logo",
            "it is no picture that mail can show".to_owned(),
            "a png or jpg with its size",
        );
    }
    problems
}

/// Puts something in the place of what a mailing lacks, so that a mail can be shown before all is there.
pub fn make_up(brand: &mut BrandProfile, sender: &mut SenderIdentity) {
    for address in [&mut sender.from_email, &mut sender.reply_to] {
        if address.parse::<EmailAddress>().is_err() {
            "you@example.com".clone_into(address);
        }
    }
    for problem in validate_brand(brand) {
        match problem.field {
            "postal_address" => brand.postal_address = vec!["…".to_owned()],
            "web_site" => brand.web_site = "https://www.example.com/".to_owned(),
            "colour" => brand.colour = "#333333".to_owned(),
            "name" => brand.name = "…".to_owned(),
            _ => brand.logo = None,
        }
    }
}

fn shown(text: &str) -> String {
    clean(text, 60).into_owned()
}

/// An `https` or `http` address with a host and without a password in it.
pub(crate) fn web_site(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "https" | "http") && url.has_host() && is_plain && text.len() <= 2_000)
        .then_some(url)
}

/// The same, `https` only: what may stand in a slot.
pub(crate) fn https(text: &str) -> Option<Url> {
    web_site(text).filter(|url| url.scheme() == "https")
}

fn address(brand: &BrandProfile) -> Vec<String> {
    brand
        .postal_address
        .iter()
        .map(|line| clean(line, MOST_LINE).into_owned())
        .filter(|line| !line.is_empty())
        .take(MOST_ADDRESS_LINES)
        .collect()
}

/// What templates call `partner`, `sender` and `vendor`. The profile must be valid.
pub(crate) fn data(shelf: &PartnerShelf, public_url: &str) -> serde_json::Map<String, Value> {
    let brand = &shelf.brand;
    let line = |text: &str| clean(text, MOST_LINE).into_owned();
    let colour = Colour::read(&brand.colour).unwrap_or(Colour::GREY);
    let site = web_site(&brand.web_site);
    let host = site.as_ref().and_then(Url::host_str).unwrap_or_default();
    let address = address(brand);
    let logo = brand.logo.as_ref().map(|it| logo(it, &PARTNER_LOGO, public_url));
    let data = json!({
        "vendor": { "name": line(&shelf.vendor_name) },
        "partner": {
            "name": line(&brand.name),
            "tier": line(&shelf.tier),
            "colour": colour.to_string(),
            "on_colour": colour.text_on_it().to_string(),
            "ink": colour.readable_on(WHITE).to_string(),
            "ink_on_dark": colour.readable_on(DARK).to_string(),
            "logo": logo,
            "web_site": site.as_ref().map(Url::as_str).unwrap_or_default(),
            "web_host": host.strip_prefix("www.").unwrap_or(host),
            "address_line": address.join(", "),
            "address": address,
            "contact": {
                "name": line(&brand.contact_person.name),
                "email": line(&brand.contact_person.email),
                "phone": line(&brand.contact_person.phone),
            },
        },
        "sender": {
            "from_name": line(&shelf.sender.from_name),
            "from_email": line(&shelf.sender.from_email),
            "reply_to": line(&shelf.sender.reply_to),
        },
    });
    match data {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

/// What templates see of a logo.
pub(crate) fn logo(logo: &Asset, size: &LogoSize, public_url: &str) -> Value {
    let (width, height) = size.fit(logo.width, logo.height);
    let url = asset_url(public_url, &logo.hash, &logo.extension);
    json!({ "url": url, "width": width, "height": height })
}

impl LogoSize {
    /// A size for a logo that weighs as much as any other, of whatever shape, and is not larger than it is.
    fn fit(&self, width: u32, height: u32) -> (u32, u32) {
        let (wide, high) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let scale = (self.width / wide)
            .min(self.height / high)
            .min((self.area / (wide * high)).sqrt())
            .min(1.0);
        let fit = |length: f64| ((length * scale).round() as u32).max(1);
        (fit(wide), fit(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_lacks_nothing_and_what_is_there_stays() {
        let mut brand = BrandProfile {
            name: String::new(),
            logo: None,
            colour: "red".to_owned(),
            postal_address: Vec::new(),
            web_site: String::new(),
            locale: "en".to_owned(),
            time_zone: "UTC".to_owned(),
            contact_person: domain::brand::ContactPerson {
                name: String::new(),
                email: String::new(),
                phone: String::new(),
            },
        };
        let mut sender = SenderIdentity {
            from_name: String::new(),
            from_email: "news@a.example".to_owned(),
            reply_to: String::new(),
        };
        make_up(&mut brand, &mut sender);
        assert!(validate_brand(&brand).is_empty(), "{:?}", validate_brand(&brand));
        assert!(sender.reply_to.parse::<EmailAddress>().is_ok());
        assert_eq!(sender.from_email, "news@a.example");
        let whole = (brand.clone(), sender.clone());
        make_up(&mut brand, &mut sender);
        assert_eq!((brand, sender), whole);
    }

    #[test]
    fn links_are_links_to_a_host() {
        for good in ["https://a.example", "http://a.example/x?y=1"] {
            assert!(web_site(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "javascript:alert(1)",
            "https://user:pw@a.example",
            "data:text/html,x",
            "https://",
        ] {
            assert!(web_site(bad).is_none(), "{bad}");
        }
        assert!(https("http://a.example").is_none());
    }

    #[test]
    fn logos_fit_their_box_and_keep_their_shape() {
        assert_eq!(PARTNER_LOGO.fit(400, 100), (179, 45));
        assert_eq!(PARTNER_LOGO.fit(1_200, 120), (200, 20));
        assert_eq!(PARTNER_LOGO.fit(100, 112), (64, 72));
        assert_eq!(PARTNER_LOGO.fit(20, 20), (20, 20));
        assert_eq!(PARTNER_LOGO.fit(1, 100_000), (1, 72));
        assert_eq!(VENDOR_LOGO.fit(400, 100), (120, 30));
    }
}
