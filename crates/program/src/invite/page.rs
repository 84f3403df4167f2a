//! What the page behind an invitation's link shows.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    ActivationId, InvitationId, PackageId, PartnerShelf, SendId, StepKey, UtcMillis, schedule::Due,
    token::Purpose,
};
use render::{Compiled, Localised, Package, SlotKind};
use serde::Serialize;
use store::{Activation, Invitation, InvitationState, Partner};

use super::profile::{self, ProfileField};
use crate::{
    actor::Actor,
    eligibility::RefusedReason,
    error::{Error, Result},
    preview::{PreviewOf, Previewed},
    program::Program,
};

/// When an event is in a preview whose partner has not said.
const THREE_WEEKS: Duration = Duration::from_secs(21 * 24 * 60 * 60);

/// Everything the page needs, but for the messages.
#[derive(Debug, Clone, Serialize)]
pub struct InvitationPage {
    /// The invitation.
    pub invitation: InvitationId,
    /// Whether its link launches, and if not, why.
    pub stands: InvitationStands,
    /// Who invites.
    pub vendor_name: String,
    /// Who is invited.
    pub partner_name: String,
    /// The partner's contact person.
    pub contact_name: String,
    /// The partner's language (BCP 47).
    pub locale: String,
    /// The partner's time zone (IANA).
    pub time_zone: String,
    /// What the package is called, in that language.
    pub title: String,
    /// What it is.
    pub description: String,
    /// Its emails.
    pub steps: Vec<PageStep>,
    /// The lists it may go to.
    pub lists: Vec<ListChoice>,
    /// What the partner may fill.
    pub slots: Vec<PageSlot>,
    /// What the partner's profile lacks; empty if all is there.
    pub missing: Vec<ProfileField>,
    /// When the link stops launching.
    pub expires_at: UtcMillis,
}

/// Whether a link launches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InvitationStands {
    /// It does.
    Open,
    /// It did; or the partner has launched the package otherwise.
    Launched {
        /// What.
        activation: ActivationId,
    },
    /// Not any more: its time is over. A new one can be asked for.
    Expired,
    /// The partner said no.
    Declined,
    /// The vendor took it back.
    Revoked,
    /// The package is not to be had any more.
    Withdrawn,
    /// The partner may not launch the package any more.
    MayNotLaunch {
        /// Why.
        why: RefusedReason,
    },
}

/// An email of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageStep {
    /// The step.
    pub key: StepKey,
    /// When it would be sent if the package were launched now; `None` if that depends on what is filled in.
    pub due_at: Option<UtcMillis>,
}

/// A list of the partner's company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListChoice {
    /// Its name.
    pub name: String,
    /// Contacts on it; those who want no mail are left out when it goes.
    pub contacts: u64,
}

/// Something the partner may fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageSlot {
    /// Its name.
    pub name: String,
    /// What is asked, in the partner's language.
    pub label: String,
    /// What may stand in it.
    pub kind: SlotKind,
    /// Whether a launch needs it.
    pub required: bool,
    /// What stands there if it is left, in the partner's language; may be empty.
    pub default: String,
    /// The most characters.
    pub max_length: u32,
    /// How wide and high a picture must be at least, in pixels.
    pub min_width: u32,
    /// See `min_width`.
    pub min_height: u32,
    /// Where a link may lead, as hosts or patterns of hosts; empty: anywhere.
    pub hosts: Vec<String>,
    /// Value and label of what may be chosen.
    pub choices: Vec<(String, String)>,
}

/// An invitation and what it is about.
pub(super) struct Found {
    pub(super) invitation: Invitation,
    pub(super) partner: Partner,
    pub(super) actor: Actor,
}

impl Program {
    /// What the page behind a link shows. Reading it changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for whatever is no link of ours, or an earlier mail's; says no more than that.
    pub async fn invitation_page(&self, token: &str) -> Result<InvitationPage> {
        let found = self.open_invitation(token).await?;
        let (brand, sender) = self.brand_of(&found.partner).await?;
        let vendor_name = self.vendor_name(&found).await?;
        let compiled = self.invited_package(&found).await?;
        let stands = self.stands(&found, compiled.as_deref()).await?;
        let locale = brand.locale.clone();
        let text = |localised: &Localised| localised.for_language(&locale).to_owned();
        let package = compiled.as_deref().map(Compiled::package);
        let now = self.campaign_now().await?;
        let lists = self
            .store()
            .lists(&found.partner.company_id)
            .await
            .map_err(Error::book("read the contact lists"))?;
        Ok(InvitationPage {
            invitation: found.invitation.id.clone(),
            stands,
            vendor_name,
            partner_name: brand.name.clone(),
            contact_name: brand.contact_person.name.clone(),
            title: package.map(|it| text(&it.title)).unwrap_or_default(),
            description: package.map(|it| text(&it.description)).unwrap_or_default(),
            steps: package.map(|it| steps(it, now, &brand.time_zone)).unwrap_or_default(),
            lists: lists
                .into_iter()
                .map(|size| ListChoice {
                    name: size.list.name,
                    contacts: u64::try_from(size.contacts).unwrap_or(0),
                })
                .collect(),
            slots: package.map(|it| slots(it, &locale, &brand)).unwrap_or_default(),
            missing: profile::missing(&brand, &sender),
            expires_at: found.invitation.expires_at,
            time_zone: brand.time_zone,
            locale,
        })
    }

    /// One email of the package as the partner's contacts would get it, to somebody made up. What the profile
    /// lacks is made up too.
    ///
    /// # Errors
    /// As [`Program::invitation_page`]; the link was taken back, declined, or its time is over; no such step; slot
    /// values that don't fit.
    pub async fn invitation_preview(
        &self,
        token: &str,
        step: &str,
        slots: &BTreeMap<String, String>,
    ) -> Result<Previewed> {
        let found = self.open_invitation(token).await?;
        let Invitation { state, expires_at, .. } = &found.invitation;
        let is_over = match state {
            InvitationState::Open => *expires_at <= self.now(),
            InvitationState::Declined | InvitationState::Revoked => true,
            InvitationState::Launched => false,
        };
        if is_over {
            return Err(no_link());
        }
        let (mut brand, mut sender) = self.brand_of(&found.partner).await?;
        render::make_up(&mut brand, &mut sender);
        let vendor = &found.invitation.vendor;
        let opened = self
            .compiled_of(vendor, &PreviewOf::Published(found.invitation.package_slug.clone()))
            .await?;
        let vendor_name = self.vendor_name(&found).await?;
        let mut shelf = self.shelf_of(&found.partner, vendor_name, brand, sender);
        shelf.slots = slots.clone();
        let in_three_weeks = self.campaign_now().await?.plus(THREE_WEEKS);
        make_up_slots(opened.compiled.package(), &mut shelf, in_three_weeks);
        let mut previews = self.preview_of(&opened, shelf, Some(step))?;
        match previews.messages.is_empty() {
            true => Err(Error::not_found("step", step)),
            false => Ok(previews.messages.remove(0)),
        }
    }

    /// Opens a link.
    pub(super) async fn open_invitation(&self, token: &str) -> Result<Found> {
        let mail = self.parts.link_key.open(Purpose::Invitation, token).map_err(|_| no_link())?;
        self.invitation_of_mail(mail).await?.ok_or_else(no_link)
    }

    /// The invitation whose latest mail has this number.
    pub(super) async fn invitation_of_mail(&self, mail: SendId) -> Result<Option<Found>> {
        let doing = "read the invitation";
        let Some(invitation) =
            self.store().invitation_by_mail(mail).await.map_err(Error::book(doing))?
        else {
            return Ok(None);
        };
        let partner = self.partner_of(&Actor::Ops, &invitation.vendor, &invitation.partner).await?;
        let actor = Actor::Company(partner.company_id.clone());
        Ok(Some(Found { invitation, partner, actor }))
    }

    /// The version that would be launched; `None` if there is none any more.
    pub(super) async fn invited_package(
        &self,
        found: &Found,
    ) -> Result<Option<std::sync::Arc<Compiled>>> {
        let Invitation { vendor, package_slug, .. } = &found.invitation;
        match self.published_package(vendor, package_slug).await {
            Ok((_, _, compiled)) => Ok(Some(compiled)),
            Err(Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn stands(
        &self,
        found: &Found,
        compiled: Option<&Compiled>,
    ) -> Result<InvitationStands> {
        let Found { invitation, partner, .. } = found;
        match (invitation.state, invitation.activation) {
            (InvitationState::Launched, Some(activation)) => {
                return Ok(InvitationStands::Launched { activation });
            }
            (InvitationState::Revoked, _) => return Ok(InvitationStands::Revoked),
            (InvitationState::Declined, _) => return Ok(InvitationStands::Declined),
            _ => {}
        }
        // Also what this link launched if nobody could note that any more.
        let since = Some(invitation.created_at);
        if let Some(activation) = self.launched_since(partner, &invitation.package, since).await? {
            return Ok(InvitationStands::Launched { activation });
        }
        if invitation.expires_at <= self.now() {
            return Ok(InvitationStands::Expired);
        }
        let Some(compiled) = compiled else { return Ok(InvitationStands::Withdrawn) };
        Ok(match self.may_launch(partner, compiled.package(), None, None).await? {
            Ok(_)
            | Err(
                RefusedReason::SeveralLists { .. }
                | RefusedReason::BrandIncomplete { .. }
                | RefusedReason::NoSender,
            ) => InvitationStands::Open,
            Err(why) => InvitationStands::MayNotLaunch { why },
        })
    }

    /// The partner's activation of a package that is live, or was made since then.
    pub(super) async fn launched_since(
        &self,
        partner: &Partner,
        package: &PackageId,
        since: Option<UtcMillis>,
    ) -> Result<Option<ActivationId>> {
        let latest = self
            .store()
            .latest_activation(&partner.id, package)
            .await
            .map_err(Error::book("look for the activation"))?;
        let counts = |row: &Activation| {
            row.state.is_live() || since.is_some_and(|since| row.created_at >= since)
        };
        Ok(latest.filter(counts).map(|row| row.id))
    }

    pub(super) async fn brand_of(
        &self,
        partner: &Partner,
    ) -> Result<(domain::BrandProfile, domain::SenderIdentity)> {
        self.store()
            .partner_brand(&partner.id)
            .await
            .map_err(Error::book("read the brand profile"))?
            .ok_or_else(no_link)
    }

    pub(super) async fn vendor_name(&self, found: &Found) -> Result<String> {
        let vendor = self
            .store()
            .find_vendor(found.invitation.vendor.as_str())
            .await
            .map_err(Error::book("read the vendor"))?;
        Ok(vendor.map(|vendor| vendor.name).unwrap_or_default())
    }
}

/// Puts something into slots that must be filled and are not, so that a mail can be shown.
fn make_up_slots(package: &Package, shelf: &mut PartnerShelf, moment: UtcMillis) {
    for (name, slot) in &package.slots {
        let is_filled = shelf.slots.get(name).is_some_and(|value| !value.trim().is_empty())
            || slot.fill.is_some()
            || !slot.default.is_empty();
        if is_filled || !slot.required {
            continue;
        }
        let value = match slot.kind {
            SlotKind::Datetime => moment_in(moment, &shelf.brand.time_zone),
            SlotKind::Url => shelf.brand.web_site.clone(),
            SlotKind::Colour => shelf.brand.colour.clone(),
            SlotKind::Choice => {
                slot.choices.first().map(|choice| choice.value.clone()).unwrap_or_default()
            }
            SlotKind::Text | SlotKind::RichText | SlotKind::Person => "…".to_owned(),
            SlotKind::Image => continue,
        };
        shelf.slots.insert(name.clone(), value);
    }
}

fn moment_in(moment: UtcMillis, time_zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(moment.get()).unwrap_or_default().to_zoned(zone);
    format!("{}T10:00[{time_zone}]", at.date())
}

/// The same for a forged link, an earlier mail's and one to something that is gone.
pub(super) fn no_link() -> Error {
    Error::not_found("link", "…")
}

fn steps(package: &Package, now: UtcMillis, time_zone: &str) -> Vec<PageStep> {
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let due_at = |due: Due| (!due.is_from_event()).then(|| due.moment(now, &zone));
    let step =
        |step: &render::Step| PageStep { key: step.key.clone(), due_at: step.due.and_then(due_at) };
    package.clock_steps().map(step).collect()
}

fn slots(package: &Package, locale: &str, brand: &domain::BrandProfile) -> Vec<PageSlot> {
    let text = |localised: &Localised| localised.for_language(locale).to_owned();
    let slot = |(name, slot): (&String, &render::Slot)| PageSlot {
        name: name.clone(),
        label: text(&slot.label),
        kind: slot.kind,
        required: slot.required && slot.fill.is_none() && slot.default.is_empty(),
        default: text(&slot.default),
        max_length: slot.max_length,
        min_width: slot.min_width,
        min_height: slot.min_height,
        hosts: slot.hosts.iter().filter_map(|rule| rule.for_partner(brand)).collect(),
        choices: slot
            .choices
            .iter()
            .map(|choice| (choice.value.clone(), text(&choice.label)))
            .collect(),
    };
    package.slots.iter().map(slot).collect()
}
