//! What a link does: launch, decline, ask for a new one.

use std::{collections::BTreeMap, time::Duration};

use domain::{ActivationId, SendId, UtcMillis, activation::ActivationCommand};
use render::fill_slots;
use serde::Serialize;
use store::{Invitation, InvitationState};

use super::page::{Found, InvitationStands, no_link};
use crate::{
    command::Commanded,
    error::{Error, Problem, Result},
    launch::{Launch, LaunchFor, slot_problems},
    picture::SlotPicture,
    preview::PreviewOf,
    program::{BeltTold, Program},
    report::masked,
    results::Results,
    status::LaunchStatus,
    unsubscribe::{UnsubscribePage, Unsubscribed},
};

/// How long a link launches that was asked for by its holder.
const RENEWED_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long after one mail of an invitation its holder may ask for the next.
const RENEW_AFTER: Duration = Duration::from_secs(5 * 60);

/// What the form says.
#[derive(Debug, Clone, Default)]
pub struct InvitedLaunch {
    /// The list, by name; may be empty if there is one.
    pub list: String,
    /// When it starts, on the partner's clock, like `2027-02-04T10:00`; empty for now.
    pub start: String,
    /// Slot values by slot name; empty ones take their defaults. A moment may be without its time zone.
    pub slots: BTreeMap<String, String>,
    /// What the profile lacked, by the names of [`super::ProfileField`].
    pub profile: BTreeMap<String, String>,
}

/// What a link launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvitedLaunched {
    /// The activation.
    pub activation: ActivationId,
    /// Whether this made it.
    pub is_new: bool,
}

/// How what a link launched stands.
#[derive(Debug, Clone, Serialize)]
pub struct InvitationProgress {
    /// Its counts.
    pub status: LaunchStatus,
    /// What came back.
    pub results: Results,
}

impl Program {
    /// Launches, once: whoever uses the link again is answered with what it launched.
    ///
    /// # Errors
    /// As [`Program::invitation_page`]; [`Error::Conflict`] if the link does not launch any more;
    /// [`Error::BadInput`] with what is missing or does not fit, its place being `list`, `start`, `slot NAME` or
    /// `profile NAME`.
    pub async fn launch_invited(
        &self,
        token: &str,
        form: &InvitedLaunch,
    ) -> Result<InvitedLaunched> {
        let found = self.open_invitation(token).await?;
        let compiled = self.invited_package(&found).await?;
        match self.stands(&found, compiled.as_deref()).await? {
            InvitationStands::Open => {}
            InvitationStands::Launched { activation } => {
                self.end_with(&found, activation).await?;
                return Ok(InvitedLaunched { activation, is_new: false });
            }
            other => return Err(Error::Conflict { why: why_not(&other) }),
        }
        // Everything that is wrong is said at once, and nothing is written before it is right.
        let mut problems = Vec::new();
        let profile = self.completed_profile(&found.partner, &form.profile, &mut problems).await?;
        let launch = self.launch_of(&found, form, &mut problems).await?;
        if let Some(compiled) = compiled.as_deref() {
            let brand = &profile.brand;
            let filled = fill_slots(compiled.package(), &launch.slots, &brand.locale, brand);
            problems.extend(slot_problems(filled.err().unwrap_or_default()));
        }
        if !problems.is_empty() {
            return Err(Error::BadInput { problems });
        }
        self.complete_profile(&found.actor, &found.partner, profile).await?;
        let launched = self.launch(&found.actor, &launch).await?;
        let Some(activation) = launched.activations.first() else {
            let refused = launched.refused.into_iter().next();
            let why = refused
                .map_or_else(|| "nothing was launched".to_owned(), |it| it.reason.to_string());
            return Err(Error::Conflict { why });
        };
        let (activation, is_new) = (activation.activation, activation.is_new);
        self.end_with(&found, activation).await?;
        Ok(InvitedLaunched { activation, is_new })
    }

    async fn launch_of(
        &self,
        found: &Found,
        form: &InvitedLaunch,
        problems: &mut Vec<Problem>,
    ) -> Result<Launch> {
        let (brand, _) = self.brand_of(&found.partner).await?;
        let mut slots = form.slots.clone();
        slots.retain(|_, value| !value.trim().is_empty());
        for value in slots.values_mut() {
            // As a browser's form writes a moment.
            if value.parse::<jiff::civil::DateTime>().is_ok() && value.contains('T') {
                *value = format!("{}[{}]", value.trim(), brand.time_zone);
            }
        }
        let start = match form.start.trim() {
            "" => None,
            text => {
                let start = self.start_at(text, &brand.time_zone).await?;
                if start.is_none() {
                    problems.push(Problem::new(
                        "start",
                        text,
                        "a time from now on, like 2027-02-04T10:00",
                    ));
                }
                start
            }
        };
        let list = form.list.trim();
        if let Err(why) =
            self.choose_list(&found.partner.company_id, (!list.is_empty()).then_some(list)).await?
        {
            problems.push(Problem::said("list", &why.to_string(), ""));
        }
        Ok(Launch {
            vendor: found.invitation.vendor.clone(),
            package: found.invitation.package_slug.clone(),
            who: LaunchFor::Partner(found.partner.id.clone()),
            list: (!list.is_empty()).then(|| list.to_owned()),
            again: true,
            start,
            slots,
        })
    }

    /// A moment on the partner's clocks; `None` if it is none, or over.
    async fn start_at(&self, text: &str, time_zone: &str) -> Result<Option<UtcMillis>> {
        let moment = text.parse::<jiff::civil::DateTime>().ok();
        let Some(zoned) = moment.and_then(|moment| moment.in_tz(time_zone).ok()) else {
            return Ok(None);
        };
        let start = UtcMillis::from(zoned.timestamp());
        // A minute of grace: the form rounds to minutes.
        let earliest = self.campaign_now().await?.minus(Duration::from_secs(60));
        Ok((start >= earliest).then_some(start))
    }

    async fn end_with(&self, found: &Found, activation: ActivationId) -> Result<()> {
        let invitation = &found.invitation;
        self.store()
            .end_invitation(
                &invitation.id,
                InvitationState::Launched,
                Some(activation),
                &found.actor.to_string(),
                self.now(),
            )
            .await
            .map_err(Error::book("end the invitation"))?;
        Ok(())
    }

    /// Takes a picture for a slot into the book, while the link launches; answers with the value of the slot.
    ///
    /// # Errors
    /// As [`Program::invitation_page`]; [`Error::Conflict`] if the link does not launch any more;
    /// [`Error::BadInput`] at `slot NAME` for a file that makes no picture within the slot's limits.
    pub async fn invited_picture(&self, token: &str, picture: SlotPicture<'_>) -> Result<String> {
        let found = self.open_invitation(token).await?;
        let compiled = self.invited_package(&found).await?;
        match self.stands(&found, compiled.as_deref()).await? {
            InvitationStands::Open => {}
            other => return Err(Error::Conflict { why: why_not(&other) }),
        }
        let Invitation { vendor, package_slug, .. } = &found.invitation;
        let package = PreviewOf::Published(package_slug.clone());
        self.picture_of(vendor, &package, picture).await
    }

    /// Says no to this package. Asking again changes nothing.
    ///
    /// # Errors
    /// As [`Program::invitation_page`]; [`Error::Conflict`] if it was launched before.
    pub async fn decline_invitation(&self, token: &str) -> Result<()> {
        let found = self.open_invitation(token).await?;
        let doing = "decline the invitation";
        let who = found.actor.to_string();
        let invitation = &found.invitation;
        let ended = self
            .store()
            .end_invitation(&invitation.id, InvitationState::Declined, None, &who, self.now())
            .await
            .map_err(Error::book(doing))?;
        if !ended && invitation.state == InvitationState::Launched {
            return Err(Error::Conflict { why: "it was launched before".to_owned() });
        }
        Ok(())
    }

    /// Mails a fresh link in the place of one that has expired, to the address the vendor has. Answers whether
    /// one is on its way: soon after another there is none.
    ///
    /// # Errors
    /// As [`Program::invitation_page`]; [`Error::Conflict`] if there is nothing to launch any more.
    pub async fn renew_invitation(&self, token: &str) -> Result<bool> {
        let found = self.open_invitation(token).await?;
        let compiled = self.invited_package(&found).await?;
        match self.stands(&found, compiled.as_deref()).await? {
            InvitationStands::Expired | InvitationStands::Open => {}
            other => return Err(Error::Conflict { why: why_not(&other) }),
        }
        let now = self.now();
        if now < found.invitation.updated_at.plus(RENEW_AFTER) {
            return Ok(false);
        }
        let who = found.actor.to_string();
        self.store()
            .mail_invitation_again(&found.invitation.id, now.plus(RENEWED_FOR), &who, now)
            .await
            .map_err(Error::book("mail the invitation again"))?;
        self.ring("invite").await;
        Ok(true)
    }

    /// Pauses, resumes or cancels what a link launched.
    ///
    /// # Errors
    /// As [`Program::invitation_progress`]; [`Error::Conflict`] if it has ended.
    pub async fn command_invited(
        &self,
        token: &str,
        command: ActivationCommand,
    ) -> Result<Commanded> {
        let found = self.open_invitation(token).await?;
        let activation = self.launched_by(&found).await?;
        self.steer(&found.actor, activation, command).await
    }

    async fn launched_by(&self, found: &Found) -> Result<ActivationId> {
        let launched = match (found.invitation.state, found.invitation.activation) {
            // What was launched without it since is not its holder's to steer.
            (InvitationState::Declined | InvitationState::Revoked, _) => None,
            (_, Some(activation)) => Some(activation),
            (_, None) => {
                let since = Some(found.invitation.created_at);
                self.launched_since(&found.partner, &found.invitation.package, since).await?
            }
        };
        launched.ok_or_else(no_link)
    }

    /// How what a link launched stands, and what came back of it.
    ///
    /// # Errors
    /// As [`Program::invitation_page`]; [`Error::NotFound`] also if nothing was launched.
    pub async fn invitation_progress(&self, token: &str) -> Result<InvitationProgress> {
        let found = self.open_invitation(token).await?;
        let activation = self.launched_by(&found).await?;
        let row = self.require_activation(&found.actor, activation).await?;
        let results = self.results(&found.actor, activation).await?;
        Ok(InvitationProgress { status: self.launch_status(&row, &results).await?, results })
    }

    /// Mails no more invitations to the partner that one was mailed to; `None` if this is no invitation's number.
    pub(crate) async fn refuse_invitations(&self, mail: SendId) -> Result<Option<Unsubscribed>> {
        let Some(found) = self.invitation_of_mail(mail).await? else { return Ok(None) };
        let page = self.refusal_page(&found).await?;
        self.store()
            .refuse_invitations(&found.partner.id, &found.actor.to_string(), self.now())
            .await
            .map_err(Error::book("write the refusal"))?;
        Ok(Some(Unsubscribed {
            company_name: page.company_name,
            masked_address: page.masked_address,
            invitations_from: page.invitations_from,
            locale: page.locale,
            already: page.already,
            belt: BeltTold::Told,
        }))
    }

    /// What the page says that asks whether there shall be no more invitations.
    pub(crate) async fn refuse_invitations_page(
        &self,
        mail: SendId,
    ) -> Result<Option<UnsubscribePage>> {
        match self.invitation_of_mail(mail).await? {
            Some(found) => self.refusal_page(&found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn refusal_page(&self, found: &Found) -> Result<UnsubscribePage> {
        let (brand, _) = self.brand_of(&found.partner).await?;
        let unwilling = self
            .store()
            .partners_without_invitations(&found.invitation.vendor)
            .await
            .map_err(Error::book("read the partners"))?;
        Ok(UnsubscribePage {
            company_name: brand.name,
            locale: brand.locale,
            masked_address: masked(&brand.contact_person.email),
            invitations_from: Some(self.vendor_name(found).await?),
            already: unwilling.contains(&found.partner.id),
        })
    }
}

fn why_not(stands: &InvitationStands) -> String {
    match stands {
        InvitationStands::Open => "it is open".to_owned(),
        InvitationStands::Launched { activation } => {
            format!("it was launched before: {activation}")
        }
        InvitationStands::Expired => "the link has expired".to_owned(),
        InvitationStands::Declined => "the invitation was declined".to_owned(),
        InvitationStands::Revoked => "the invitation was taken back".to_owned(),
        InvitationStands::Withdrawn => "the package is not to be had any more".to_owned(),
        InvitationStands::MayNotLaunch { why } => why.to_string(),
    }
}
