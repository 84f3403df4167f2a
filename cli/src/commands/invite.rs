//! `invite` and `invitation`.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use domain::{InvitationId, ids::ParseIdError};
use program::{Actor, InvitationLine, Invite, Invited};

use super::{open::Settings, package_for::PackageFor};
use crate::{
    failure::BAD_INPUT,
    output::{Output, number, table},
};

/// Invitations read at once.
const PAGE: i64 = 500;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline invite --package product-launch --all-eligible

Each partner's contact person gets a mail with a link of its own. Behind it the partner sees the campaign in its own
name and launches it with one button, without an account. A partner with an open invitation to the same package is
not mailed again (see `throughline invitation resend`). If nobody is invited at all, the exit code is 2.")]
pub struct Options {
    #[command(flatten)]
    asked: PackageFor,
    /// For how long the links launch: an hour to 90 days.
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = time_span)]
    expires: Duration,
}

#[derive(Debug, Subcommand)]
pub enum InvitationCommand {
    /// List invitations, oldest first.
    List(List),
    /// Mail an open invitation once more; its earlier link opens nothing any more.
    Resend(Resend),
    /// Take an open invitation back.
    Revoke(Revoke),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline invitation list")]
pub struct List {
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline invitation resend inv_01j8z5c3k2m4n6p8q0r2s4t6v8")]
pub struct Resend {
    /// Its id.
    #[arg(value_name = "ID", value_parser = invitation_id)]
    invitation: InvitationId,
    /// For how long the new link launches: an hour to 90 days.
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = time_span)]
    expires: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline invitation revoke inv_01j8z5c3k2m4n6p8q0r2s4t6v8")]
pub struct Revoke {
    /// Its id.
    #[arg(value_name = "ID", value_parser = invitation_id)]
    invitation: InvitationId,
}

fn invitation_id(text: &str) -> Result<InvitationId, String> {
    text.trim().parse().map_err(|error: ParseIdError| error.to_string())
}

fn time_span(text: &str) -> Result<Duration, String> {
    text.parse::<process::config::TimeSpan>()
        .map(|span| span.get())
        .map_err(|error| error.to_string())
}

pub async fn invite(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let actor = Actor::Ops;
    let (vendor, who) = options.asked.find(&program, &actor).await?;
    let invite =
        Invite { vendor, package: options.asked.package, who, expires_in: options.expires };
    let invited = program.invite(&actor, &invite).await?;
    output.answer(&invited, || text(&invited))?;
    Ok(if invited.invitations.is_empty() { ExitCode::from(BAD_INPUT) } else { ExitCode::SUCCESS })
}

fn text(invited: &Invited) -> String {
    let mut text = String::new();
    if !invited.invitations.is_empty() {
        text.push_str(&lines(&invited.invitations));
    }
    for refused in &invited.refused {
        text.push_str(&format!(
            "not invited: {} ({}): {}\n",
            refused.partner_key, refused.partner_name, refused.reason
        ));
    }
    let before = invited.invitations.len() as u64 - invited.new;
    text.push_str(&format!(
        "package {}: {} invited, {} invited before, {} not invited\n",
        invited.package,
        number(invited.new),
        number(before),
        number(invited.refused.len() as u64)
    ));
    text
}

fn lines(invitations: &[InvitationLine]) -> String {
    let rows: Vec<Vec<String>> = invitations
        .iter()
        .map(|line| {
            let mail = match line.mail_reason.as_str() {
                "" => line.mail.to_string(),
                reason => format!("{}: {reason}", line.mail),
            };
            vec![
                line.partner_key.clone(),
                line.partner_name.clone(),
                line.invitation.to_string(),
                line.package.clone(),
                line.state.to_string(),
                mail,
                line.activation.map(|id| id.to_string()).unwrap_or_default(),
                line.expires_at.to_string(),
            ]
        })
        .collect();
    table(
        &["partner", "name", "invitation", "package", "state", "mail", "activation", "expires"],
        &rows,
    )
}

pub async fn run(
    command: InvitationCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let actor = Actor::Ops;
    match command {
        InvitationCommand::List(list) => {
            let vendor = program.find_vendor(&actor, list.vendor.as_deref()).await?;
            let mut all: Vec<InvitationLine> = Vec::new();
            loop {
                let after = all.last().map(|line| line.invitation.clone());
                let page = program.invitations(&actor, &vendor, after.as_ref(), PAGE).await?;
                let is_last = (page.len() as i64) < PAGE;
                all.extend(page);
                if is_last {
                    break;
                }
            }
            output.answer(&all, || {
                if all.is_empty() { "nobody has been invited\n".to_owned() } else { lines(&all) }
            })?;
        }
        InvitationCommand::Resend(resend) => {
            let line =
                program.resend_invitation(&actor, &resend.invitation, resend.expires).await?;
            output.answer(&line, || lines(std::slice::from_ref(&line)))?;
        }
        InvitationCommand::Revoke(revoke) => {
            let line = program.revoke_invitation(&actor, &revoke.invitation).await?;
            output.answer(&line, || lines(std::slice::from_ref(&line)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
