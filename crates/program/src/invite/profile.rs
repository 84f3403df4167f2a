//! What a partner's profile lacks, asked for where it is missed.

use std::collections::BTreeMap;

use domain::{BrandProfile, EmailAddress, SenderIdentity};
use serde::Serialize;
use store::{Partner, PartnerInput};

use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
    import::web_site,
    program::Program,
};

/// The most lines of a postal address, and the most characters of one.
const MOST_LINES: usize = 6;
const MOST_LINE: usize = 100;

/// A part of the profile that a mailing can't do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileField {
    /// The postal address, which the law wants in every mailing (CAN-SPAM § 7704(a)(5)(A)(iii)).
    PostalAddress,
    /// The web site.
    WebSite,
    /// The address mail comes from.
    FromEmail,
}

impl ProfileField {
    /// All of them, in the order in which they are asked for.
    pub const ALL: [Self; 3] = [Self::PostalAddress, Self::WebSite, Self::FromEmail];

    /// Its name in forms and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostalAddress => "postal_address",
            Self::WebSite => "web_site",
            Self::FromEmail => "from_email",
        }
    }
}

/// What is missing.
pub(super) fn missing(brand: &BrandProfile, sender: &SenderIdentity) -> Vec<ProfileField> {
    let problems = render::validate_brand(brand);
    let has_problem = |field: &str| problems.iter().any(|problem| problem.field == field);
    let is_address = |text: &str| text.parse::<EmailAddress>().is_ok();
    let is_missing = |field: &ProfileField| match field {
        ProfileField::PostalAddress => has_problem("postal_address"),
        ProfileField::WebSite => has_problem("web_site"),
        ProfileField::FromEmail => !is_address(&sender.from_email) || !is_address(&sender.reply_to),
    };
    ProfileField::ALL.into_iter().filter(is_missing).collect()
}

/// A profile with what was missing filled in.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) brand: BrandProfile,
    sender: SenderIdentity,
    /// Whether anything was missing.
    is_new: bool,
}

impl Program {
    /// The partner's profile with what is missing filled in, and nothing else: what is there is the vendor's to
    /// change. Nothing is written.
    ///
    /// A From address must be of the domain to which the link was mailed: whoever read that mail can receive
    /// there, and nobody can send in another's name.
    pub(super) async fn completed_profile(
        &self,
        partner: &Partner,
        given: &BTreeMap<String, String>,
        problems: &mut Vec<Problem>,
    ) -> Result<Completed> {
        let (mut brand, mut sender) = self.brand_of(partner).await?;
        let missing = missing(&brand, &sender);
        let is_new = !missing.is_empty();
        for field in missing {
            let value = given.get(field.as_str()).map_or("", |value| value.trim());
            if let Err(expected) = fill(field, value, &mut brand, &mut sender) {
                let place = format!("profile {}", field.as_str());
                problems.push(Problem::new(&place, value, &expected));
            }
        }
        Ok(Completed { brand, sender, is_new })
    }

    /// Writes a completed profile as the partner's next revision.
    pub(super) async fn complete_profile(
        &self,
        actor: &Actor,
        partner: &Partner,
        Completed { brand, sender, is_new }: Completed,
    ) -> Result<()> {
        if !is_new {
            return Ok(());
        }
        let input = PartnerInput {
            partner_key: partner.partner_key.clone(),
            company_name: partner.company_name.clone(),
            tier: partner.tier.clone(),
            region: partner.region.clone(),
            partner_type: partner.partner_type.clone(),
            brand,
            sender,
        };
        self.store()
            .complete_profile(&partner.vendor_id, &input, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("write the profile"))?;
        Ok(())
    }
}

fn fill(
    field: ProfileField,
    value: &str,
    brand: &mut BrandProfile,
    sender: &mut SenderIdentity,
) -> Result<(), String> {
    match field {
        ProfileField::PostalAddress => {
            let lines: Vec<String> = value
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect();
            let is_line = |line: &String| {
                line.chars().count() <= MOST_LINE && !line.chars().any(char::is_control)
            };
            if !(1..=MOST_LINES).contains(&lines.len()) || !lines.iter().all(is_line) {
                return Err(format!("1 to {MOST_LINES} lines of at most {MOST_LINE} characters"));
            }
            brand.postal_address = lines;
        }
        ProfileField::WebSite => {
            let with_scheme =
                if value.contains("://") { value.to_owned() } else { format!("https://{value}") };
            brand.web_site = web_site(&with_scheme)
                .ok_or_else(|| "a web address like https://www.example.com".to_owned())?;
        }
        ProfileField::FromEmail => {
            let address: EmailAddress =
                value.parse().map_err(|error| format!("an address ({error})"))?;
            let domain =
                |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
            let own = domain(&brand.contact_person.email);
            if own.is_none() || domain(address.as_str()) != own {
                return Err(format!("an address at {}", own.unwrap_or_default()));
            }
            sender.from_email = address.as_str().to_owned();
            if sender.reply_to.parse::<EmailAddress>().is_err() {
                sender.reply_to.clone_from(&sender.from_email);
            }
            if sender.from_name.is_empty() {
                sender.from_name.clone_from(&brand.name);
            }
        }
    }
    Ok(())
}
