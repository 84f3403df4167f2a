//! Partners asked by mail to launch, and taking that back.

use std::time::Duration;

use domain::{InvitationId, PackageId, PartnerId, VendorId};
use program::{InvitationLine, Invite, InviteRefused, Invited, LaunchFor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::{ToSchema, openapi::schema::Schema};

use super::{
    launches::{All, Partners, Refused, named},
    packages::words,
    problem::{Kind, Problem},
    route::{Answer, Call},
    shape::member,
};

/// How long a link launches at most, in hours: 90 days.
const MOST_HOURS: u32 = 90 * 24;

/// How long it does when nothing is said: two weeks.
const USUAL_HOURS: u32 = 14 * 24;

const fn usual_hours() -> u32 {
    USUAL_HOURS
}

/// A whole number, however it is written; its bounds are checked with the rest of the body.
fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    f64::deserialize(from).map(|number| number as u32)
}

/// A number without a format: a format would be a promise that nobody checks.
fn hours() -> Schema {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    let about = format!("For how many hours the link launches; without it, {USUAL_HOURS}.");
    let number = ObjectBuilder::new().schema_type(Type::Integer).description(Some(about));
    Schema::Object(number.minimum(Some(1)).maximum(Some(MOST_HOURS)).build())
}

fn state() -> Schema {
    words(&["open", "launched", "declined", "revoked"])
}

fn mail() -> Schema {
    words(&["due", "queued", "sent", "failed"])
}

/// Whom to invite, to launch what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Invite)]
pub(super) struct InviteIn {
    #[schema(schema_with = member::package)]
    package: String,
    /// The partners by their ids, or `all_eligible`: every partner of the program that may launch it.
    partners: Partners,
    #[serde(default = "usual_hours", deserialize_with = "whole")]
    #[schema(schema_with = hours, required = false)]
    expires_in_hours: u32,
}

/// How long the new link launches.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResendInvitation)]
pub(super) struct ResendIn {
    #[serde(default = "usual_hours", deserialize_with = "whole")]
    #[schema(schema_with = hours, required = false)]
    expires_in_hours: u32,
}

/// A partner asked to launch a package.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(super) struct InvitationOut {
    #[schema(schema_with = member::invitation)]
    invitation: String,
    #[schema(schema_with = member::partner)]
    partner: String,
    partner_key: String,
    partner_name: String,
    /// The package's name (slug).
    package: String,
    /// An open one launches until it expires.
    #[schema(schema_with = state)]
    state: String,
    /// What it launched; null if it has not.
    #[schema(required)]
    activation: Option<String>,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Where its latest mail stands.
    #[schema(schema_with = mail)]
    mail: String,
    /// Why the mail failed or waits; may be empty.
    mail_reason: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A page of invitations, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationsPage {
    items: Vec<InvitationOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What became of a request for invitations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invited)]
pub(super) struct InvitedOut {
    /// The package's name (slug).
    package: String,
    /// One for every partner that has one now, new or not.
    invitations: Vec<InvitationOut>,
    /// The partners that are not invited, and why.
    refused: Vec<Refused>,
    /// How many of the invitations are new.
    new: u64,
}

impl From<InvitationLine> for InvitationOut {
    fn from(line: InvitationLine) -> Self {
        Self {
            invitation: line.invitation.to_string(),
            partner: line.partner.to_string(),
            partner_key: line.partner_key,
            partner_name: line.partner_name,
            package: line.package,
            state: line.state.to_string(),
            activation: line.activation.map(|id| id.to_string()),
            expires_at: line.expires_at.to_string(),
            mail: line.mail.to_string(),
            mail_reason: line.mail_reason,
            created_at: line.created_at.to_string(),
        }
    }
}

impl From<InviteRefused> for Refused {
    fn from(one: InviteRefused) -> Self {
        Self {
            partner: one.partner.to_string(),
            partner_key: one.partner_key,
            partner_name: one.partner_name,
            reason: one.reason.word().to_owned(),
            detail: one.reason.to_string(),
        }
    }
}

impl From<Invited> for InvitedOut {
    fn from(invited: Invited) -> Self {
        Self {
            package: invited.package,
            invitations: invited.invitations.into_iter().map(InvitationOut::from).collect(),
            refused: invited.refused.into_iter().map(Refused::from).collect(),
            new: invited.new,
        }
    }
}

/// A body that does.
pub(super) fn example() -> Value {
    json!({
        "package": "pkg_01j00000000000000000000000",
        "partners": "all_eligible",
        "expires_in_hours": USUAL_HOURS,
    })
}

/// A body that does.
pub(super) fn example_of_resending() -> Value {
    json!({ "expires_in_hours": USUAL_HOURS })
}

const fn time(hours: u32) -> Duration {
    Duration::from_secs(hours as u64 * 60 * 60)
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let vendor: VendorId = call
        .parsed("vendor")?
        .ok_or_else(|| Problem::new(Kind::NotFound, "there is no such vendor"))?;
    let page = call.page::<InvitationId>()?;
    // One more than is wanted, to know whether there is more.
    let limit = i64::from(page.limit) + 1;
    let found =
        call.api.program.invitations(&call.actor, &vendor, page.after.as_ref(), limit).await?;
    let mut items: Vec<InvitationOut> = found.into_iter().map(InvitationOut::from).collect();
    let is_more = items.len() > page.limit as usize;
    items.truncate(page.limit as usize);
    let next_cursor = items.last().filter(|_| is_more).map(|last| last.invitation.clone());
    Answer::ok(&InvitationsPage { items, next_cursor })
}

pub(super) async fn invite(mut call: Call) -> Result<Answer, Problem> {
    let asked: InviteIn = call.body()?;
    let program = &call.api.program;
    let id: PackageId = named(&asked.package, "package")?;
    let package = program.package(&call.actor, &id).await?.line;
    let who = match asked.partners {
        Partners::All(All::Eligible) => LaunchFor::AllEligible,
        Partners::Named(ids) => {
            let ids: Result<Vec<PartnerId>, Problem> =
                ids.iter().map(|id| named(id, "partner")).collect();
            LaunchFor::Partners(ids?)
        }
    };
    let invite = Invite {
        vendor: package.vendor,
        package: id.to_string(),
        who,
        expires_in: time(asked.expires_in_hours),
    };
    let invited = program.invite(&call.actor, &invite).await?;
    let status = if invited.new > 0 { 201 } else { 200 };
    Answer::json(status, &InvitedOut::from(invited))
}

pub(super) async fn resend(mut call: Call) -> Result<Answer, Problem> {
    let id: InvitationId = call.part("invitation")?;
    let asked: ResendIn = call.body()?;
    let expires_in = time(asked.expires_in_hours);
    let again = call.api.program.resend_invitation(&call.actor, &id, expires_in).await?;
    Answer::ok(&InvitationOut::from(again))
}

pub(super) async fn revoke(call: Call) -> Result<Answer, Problem> {
    let id: InvitationId = call.part("invitation")?;
    let revoked = call.api.program.revoke_invitation(&call.actor, &id).await?;
    Answer::ok(&InvitationOut::from(revoked))
}
