//! `api-key add`, `api-key list` and `api-key revoke`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::{ApiKeyId, UtcMillis, api_key::SECRET_BYTES};
use program::{Actor, AddApiKey, ApiKeyLine, Program};

use super::open::Settings;
use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key for a program that uses the API. It is shown once, and only a hash of it is kept.
    Add(Add),
    /// List the keys: for whom they ask, until when, and when they were last used.
    List(List),
    /// End a key for good. Every portal refuses it 5 s later at the latest.
    Revoke(Revoke),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  throughline api-key add --name \"CRM of Northwind\" --vendor \"Northwind Secure\" \
                        --expires 2027-01-01"
)]
pub struct Add {
    /// What it is called in lists: which program has it.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    acts_for: ActsFor,
    /// From when on it is refused: a date (midnight UTC) or a time with its offset.
    #[arg(long, value_parser = super::moment)]
    expires: Option<UtcMillis>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ActsFor {
    /// It asks for whoever runs the installation: it may do everything.
    #[arg(long)]
    ops: bool,
    /// It asks for this vendor (name or id).
    #[arg(long)]
    vendor: Option<String>,
    /// It asks for this company (id, name, or a partner's key).
    #[arg(long)]
    company: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline api-key list")]
pub struct List {}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  throughline api-key revoke tlk_01j00000000000000000000000")]
pub struct Revoke {
    /// The key's id, as `api-key list` shows it.
    #[arg(value_parser = key_id)]
    id: ApiKeyId,
}

fn key_id(text: &str) -> Result<ApiKeyId, String> {
    text.trim().parse().map_err(|error: domain::ids::ParseIdError| error.to_string())
}

pub async fn run(
    command: ApiKeyCommand,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    match command {
        ApiKeyCommand::Add(options) => add(&program, options, output).await?,
        ApiKeyCommand::List(List {}) => {
            let keys = program.api_keys(&Actor::Ops).await?;
            output.answer(&keys, || listed(&keys))?;
        }
        ApiKeyCommand::Revoke(options) => {
            let revoked = program.revoke_api_key(&Actor::Ops, &options.id).await?;
            output.answer(&revoked, || match revoked.changed {
                true => format!("{} is revoked; every portal refuses it within 5 s", revoked.id),
                false => format!("{} was revoked before", revoked.id),
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(program: &Program, options: Add, output: Output) -> anyhow::Result<()> {
    let ActsFor { ops: _, vendor, company } = &options.acts_for;
    let acts_for = match (vendor, company) {
        (Some(vendor), _) => Actor::Vendor(program.find_vendor(&Actor::Ops, Some(vendor)).await?),
        (_, Some(company)) => {
            Actor::Company(program.find_company(&Actor::Ops, None, company).await?)
        }
        (None, None) => Actor::Ops,
    };
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let add = AddApiKey { name: options.name, acts_for, expires: options.expires, secret };
    let added = program.add_api_key(&Actor::Ops, &add).await?;
    output.answer(&added, || {
        format!(
            "{}\n\nThis is shown once: keep it where \"{}\" finds it, and nobody else. It asks for {}.",
            added.key, added.line.name, added.line.acts_for
        )
    })
}

fn listed(keys: &[ApiKeyLine]) -> String {
    let time = |at: Option<UtcMillis>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            vec![
                key.id.to_string(),
                key.name.clone(),
                key.acts_for.clone(),
                time(Some(key.created_at)),
                time(key.expires_at),
                time(key.revoked_at),
                time(key.used_at),
            ]
        })
        .collect();
    table(&["key", "name", "asks for", "made", "expires", "revoked", "last used"], &rows)
}
