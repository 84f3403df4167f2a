//! `launch`.

use std::process::ExitCode;

use clap::Args;
use domain::UtcMillis;
use program::{Actor, Launch, Launched, PreviewOf};

use super::{moment, name_and_value, open::Settings, package_for::PackageFor, slot_values};
use crate::{
    failure::BAD_INPUT,
    output::{Output, number, table},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline launch --package product-launch --partner acme-01 --list customers

A package has at most one live activation a partner: launching again answers with the first. Partners
for whom nothing is launched are named with the reason; if nothing is launched at all, the exit code is 2.")]
pub struct Options {
    #[command(flatten)]
    asked: PackageFor,
    /// The contact list, by name; needed only where a partner has several.
    #[arg(long, value_name = "L")]
    list: Option<String>,
    /// Launch once more where an earlier activation has ended.
    #[arg(long)]
    again: bool,
    /// When it starts; without it, now.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    start: Option<UtcMillis>,
    /// A slot value; for a picture `NAME=@FILE what it shows`.
    #[arg(long = "slot", value_name = "NAME=VALUE", value_parser = name_and_value)]
    slots: Vec<(String, String)>,
}

pub async fn run(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let program = settings.program().await?;
    let actor = Actor::Ops;
    let (vendor, who) = options.asked.find(&program, &actor).await?;
    let package = PreviewOf::Published(options.asked.package.clone());
    let slots = slot_values(&program, &vendor, &package, options.slots).await?;
    let launch = Launch {
        vendor,
        package: options.asked.package,
        who,
        list: options.list,
        again: options.again,
        start: options.start,
        slots,
    };
    let launched = program.launch(&actor, &launch).await?;
    output.answer(&launched, || text(&launched))?;
    Ok(if launched.activations.is_empty() { ExitCode::from(BAD_INPUT) } else { ExitCode::SUCCESS })
}

fn text(launched: &Launched) -> String {
    let mut text = String::new();
    if !launched.activations.is_empty() {
        let rows: Vec<Vec<String>> = launched
            .activations
            .iter()
            .map(|row| {
                let answer = if row.is_new { "launched" } else { "was launched before" };
                vec![
                    row.partner_key.clone(),
                    row.partner_name.clone(),
                    row.activation.to_string(),
                    row.state.to_string(),
                    answer.to_owned(),
                ]
            })
            .collect();
        text.push_str(&table(&["partner", "name", "activation", "state", ""], &rows));
    }
    for refused in &launched.refused {
        text.push_str(&format!(
            "not launched for {} ({}): {}\n",
            refused.partner_key, refused.partner_name, refused.reason
        ));
    }
    let new = launched.activations.iter().filter(|row| row.is_new).count() as u64;
    let before = launched.activations.len() as u64 - new;
    text.push_str(&format!(
        "package {}: {} launched, {} launched before, {} not launched\n",
        launched.package,
        number(new),
        number(before),
        number(launched.refused.len() as u64)
    ));
    if before > 0 && launched.activations.iter().any(|row| !row.is_new && !row.state.is_live()) {
        text.push_str("activations that have ended can be launched once more with --again\n");
    }
    text
}
