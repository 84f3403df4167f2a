//! Inviting partners to launch, by a link in a mail: who may use the link needs no account.
//!
//! The link is the authority of whoever has it, for one partner and one package: it launches once, until it
//! expires or is taken back, and afterwards shows what became of that.

mod act;
mod page;
mod profile;

use std::{collections::HashSet, fmt, time::Duration};

use domain::{ActivationId, EmailAddress, InvitationId, PackageId, PartnerId, UtcMillis, VendorId};
use render::Package;
use serde::Serialize;
use store::{Invitation, InvitationMail, InvitationState, InviteRequest, Partner};

pub use self::{
    act::{InvitationProgress, InvitedLaunch, InvitedLaunched},
    page::{InvitationPage, InvitationStands, ListChoice, PageSlot, PageStep},
    profile::ProfileField,
};
use crate::{
    actor::Actor,
    eligibility::RefusedReason,
    error::{Error, Result},
    launch::LaunchFor,
    program::Program,
    report::masked,
};

/// Invitations a transaction.
const CHUNK: usize = 500;
/// How long a link launches at least and at most.
const EXPIRES_IN: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60 * 60)..=Duration::from_secs(90 * 24 * 60 * 60);

/// Whom to invite, to launch what.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Whose program.
    pub vendor: VendorId,
    /// The package, by its name (slug).
    pub package: String,
    /// Whom.
    pub who: LaunchFor,
    /// How long the links launch: an hour to 90 days.
    pub expires_in: Duration,
}

/// What became of a request for invitations.
#[derive(Debug, Clone, Serialize)]
pub struct Invited {
    /// The package's name (slug).
    pub package: String,
    /// One for every partner that has one now, new or not.
    pub invitations: Vec<InvitationLine>,
    /// Those who are not invited, and why.
    pub refused: Vec<InviteRefused>,
    /// How many of the invitations are new.
    pub new: u64,
}

/// An invitation as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvitationLine {
    /// Its id.
    pub invitation: InvitationId,
    /// Who is invited.
    pub partner: PartnerId,
    /// The vendor's key for it.
    pub partner_key: String,
    /// Its name.
    pub partner_name: String,
    /// To launch what (slug).
    pub package: String,
    /// Where it stands.
    pub state: InvitationState,
    /// What it launched.
    pub activation: Option<ActivationId>,
    /// When its link stops launching.
    pub expires_at: UtcMillis,
    /// Where its mail stands.
    pub mail: InvitationMail,
    /// Why the mail failed or waits; may be empty.
    pub mail_reason: String,
    /// When it was made.
    pub created_at: UtcMillis,
}

impl From<Invitation> for InvitationLine {
    fn from(row: Invitation) -> Self {
        Self {
            invitation: row.id,
            partner: row.partner,
            partner_key: row.partner_key,
            partner_name: row.company_name,
            package: row.package_slug,
            state: row.state,
            activation: row.activation,
            expires_at: row.expires_at,
            mail: row.mail_state,
            mail_reason: row.mail_reason,
            created_at: row.created_at,
        }
    }
}

/// A partner that is not invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InviteRefused {
    /// The partner.
    pub partner: PartnerId,
    /// The vendor's key for it.
    pub partner_key: String,
    /// Its name.
    pub partner_name: String,
    /// Why.
    #[serde(flatten)]
    pub reason: NotInvited,
}

/// Why a partner is not invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum NotInvited {
    /// It could not launch the package.
    MayNotLaunch(RefusedReason),
    /// There is nobody to write to, or no need to.
    NoMail(NoMail),
}

/// Why a partner gets no mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NoMail {
    /// Its contact person has no address that mail can go to.
    NoContactPerson {
        /// What stands there, cut short.
        address: String,
    },
    /// It asked for no invitations.
    WantsNone,
    /// It has launched the package already.
    Launched {
        /// The live activation.
        activation: ActivationId,
    },
}

impl NotInvited {
    /// The reason as a word, as it is serialised.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::MayNotLaunch(reason) => reason.word(),
            Self::NoMail(NoMail::NoContactPerson { .. }) => "no_contact_person",
            Self::NoMail(NoMail::WantsNone) => "wants_none",
            Self::NoMail(NoMail::Launched { .. }) => "launched",
        }
    }
}

impl fmt::Display for NotInvited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MayNotLaunch(reason) => reason.fmt(f),
            Self::NoMail(NoMail::NoContactPerson { address }) if address.is_empty() => {
                f.write_str("its brand profile names no contact person with an address")
            }
            Self::NoMail(NoMail::NoContactPerson { address }) => {
                write!(f, "its contact person's address \"{address}\" is none")
            }
            Self::NoMail(NoMail::WantsNone) => f.write_str("it asked for no more invitations"),
            Self::NoMail(NoMail::Launched { activation }) => {
                write!(f, "it has launched the package already: {activation}")
            }
        }
    }
}

impl Program {
    /// Invites one partner, or every one that may launch a package, each by a mail with its own link. A partner
    /// with an open invitation to the same is answered with that. Mail goes out soon after the answer.
    ///
    /// # Errors
    /// No such package or partner for this actor, or a time that is too short or too long. What stands
    /// against single partners is in the answer.
    pub async fn invite(&self, actor: &Actor, invite: &Invite) -> Result<Invited> {
        if !actor.runs(&invite.vendor) {
            return Err(Error::not_found("vendor", &invite.vendor));
        }
        if !EXPIRES_IN.contains(&invite.expires_in) {
            let given = format!("{} s", invite.expires_in.as_secs());
            return Err(Error::bad_input("--expires", &given, "an hour to 90 days"));
        }
        let vendor = self.require_vendor(actor, &invite.vendor).await?;
        let (package_id, _, compiled) = self.published_package(&vendor, &invite.package).await?;
        let package = compiled.package();
        let chosen = match &invite.who {
            LaunchFor::AllEligible => self.visible_partners(actor, &vendor).await?,
            LaunchFor::Partner(id) => vec![self.partner_of(actor, &vendor, id).await?],
            LaunchFor::Partners(ids) => {
                let mut named = HashSet::with_capacity(ids.len());
                let mut partners = Vec::with_capacity(ids.len());
                for id in ids.iter().filter(|id| named.insert(*id)) {
                    partners.push(self.partner_of(actor, &vendor, id).await?);
                }
                partners
            }
        };
        let doing = "write the invitations";
        let sender = self.store().vendor_sender(&vendor).await.map_err(Error::book(doing))?;
        if sender.is_none() {
            let why = "the vendor has not said whom its mail comes from; say so with `throughline vendor \
                       sender`";
            return Err(Error::Conflict { why: why.to_owned() });
        }
        let unwilling =
            self.store().partners_without_invitations(&vendor).await.map_err(Error::book(doing))?;
        let now = self.now();
        let mut answer = Invited {
            package: package.name.clone(),
            invitations: Vec::new(),
            refused: Vec::new(),
            new: 0,
        };
        let mut willing = Vec::new();
        for partner in chosen {
            let wants_none = unwilling.contains(&partner.id);
            match self.may_invite(&partner, package, &package_id, wants_none).await? {
                Ok(()) => willing.push(partner.id),
                Err(reason) => answer.refused.push(InviteRefused {
                    partner: partner.id,
                    partner_key: partner.partner_key,
                    partner_name: partner.company_name,
                    reason,
                }),
            }
        }
        for partners in willing.chunks(CHUNK) {
            let request = InviteRequest {
                vendor: vendor.clone(),
                package: package_id.clone(),
                partners: partners.to_vec(),
                expires_at: now.plus(invite.expires_in),
                who: actor.to_string(),
                now,
            };
            let made = self.store().invite(&request).await.map_err(Error::book(doing))?;
            for invited in made {
                answer.new += u64::from(invited.is_new);
                answer.invitations.push(invited.invitation.into());
            }
            self.ring("invite").await;
        }
        Ok(answer)
    }

    async fn may_invite(
        &self,
        partner: &Partner,
        package: &Package,
        package_id: &PackageId,
        wants_none: bool,
    ) -> Result<std::result::Result<(), NotInvited>> {
        // What the profile lacks, and which of several lists it shall be, is asked on the page.
        match self.may_launch(partner, package, None, None).await? {
            Ok(_)
            | Err(
                RefusedReason::SeveralLists { .. }
                | RefusedReason::BrandIncomplete { .. }
                | RefusedReason::NoSender,
            ) => {}
            Err(reason) => return Ok(Err(NotInvited::MayNotLaunch(reason))),
        }
        if wants_none {
            return Ok(Err(NotInvited::NoMail(NoMail::WantsNone)));
        }
        if let Some(activation) = self.launched_since(partner, package_id, None).await? {
            return Ok(Err(NotInvited::NoMail(NoMail::Launched { activation })));
        }
        let brand = self
            .store()
            .partner_brand(&partner.id)
            .await
            .map_err(Error::book("read the brand profile"))?;
        let address = brand.map(|(brand, _)| brand.contact_person.email).unwrap_or_default();
        Ok(match address.parse::<EmailAddress>() {
            Ok(_) => Ok(()),
            Err(_) => {
                Err(NotInvited::NoMail(NoMail::NoContactPerson { address: masked(&address) }))
            }
        })
    }

    /// A page of a vendor's invitations, oldest first, behind `after`.
    ///
    /// # Errors
    /// The vendor is none of the actor's.
    pub async fn invitations(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        after: Option<&InvitationId>,
        limit: i64,
    ) -> Result<Vec<InvitationLine>> {
        if !actor.runs(vendor) {
            return Err(Error::not_found("vendor", vendor));
        }
        let vendor = self.require_vendor(actor, vendor).await?;
        let rows = self
            .store()
            .invitations(&vendor, after, limit)
            .await
            .map_err(Error::book("read the invitations"))?;
        Ok(rows.into_iter().map(InvitationLine::from).collect())
    }

    /// Mails an open invitation once more, with another link. The one mailed before opens nothing any more.
    ///
    /// # Errors
    /// There is none of this id for this actor that is open.
    pub async fn resend_invitation(
        &self,
        actor: &Actor,
        id: &InvitationId,
        expires_in: Duration,
    ) -> Result<InvitationLine> {
        let known = self.require_invitation(actor, id).await?;
        if !EXPIRES_IN.contains(&expires_in) {
            let given = format!("{} s", expires_in.as_secs());
            return Err(Error::bad_input("--expires", &given, "an hour to 90 days"));
        }
        require_open(&known)?;
        let now = self.now();
        let who = actor.to_string();
        let again = self
            .store()
            .mail_invitation_again(id, now.plus(expires_in), &who, now)
            .await
            .map_err(Error::book("mail the invitation again"))?;
        self.ring("invite").await;
        Ok(again.into())
    }

    /// Takes an open invitation back: its link launches nothing any more.
    ///
    /// # Errors
    /// There is none of this id for this actor that is open.
    pub async fn revoke_invitation(
        &self,
        actor: &Actor,
        id: &InvitationId,
    ) -> Result<InvitationLine> {
        let doing = "take the invitation back";
        let mut known = self.require_invitation(actor, id).await?;
        let was_open = self
            .store()
            .end_invitation(id, InvitationState::Revoked, None, &actor.to_string(), self.now())
            .await
            .map_err(Error::book(doing))?;
        if !was_open && known.state != InvitationState::Revoked {
            require_open(&self.require_invitation(actor, id).await?)?;
        }
        known.state = InvitationState::Revoked;
        Ok(known.into())
    }

    async fn require_invitation(&self, actor: &Actor, id: &InvitationId) -> Result<Invitation> {
        self.store()
            .invitation(id)
            .await
            .map_err(Error::book("read the invitation"))?
            .filter(|known| actor.runs(&known.vendor))
            .ok_or_else(|| Error::not_found("invitation", id))
    }
}

fn require_open(known: &Invitation) -> Result<()> {
    if known.state == InvitationState::Open {
        return Ok(());
    }
    Err(Error::Conflict { why: format!("invitation {} is {}", known.id, known.state) })
}
