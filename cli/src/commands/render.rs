//! `render`.

mod screenshots;

pub use self::screenshots::NoBrowser;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use domain::time::Clock;
use process::{Config, SystemClock};
use program::{
    Actor, Preview, PreviewFolder, PreviewFor, PreviewOf, Previews, Program, SlotPicture, Stage,
    preview_folder,
};
use render::PublishedAsset;
use serde_json::json;

use self::screenshots::Photographer;
use super::{
    name_and_value,
    open::{Settings, shared_templates},
    read_picture, slot_values,
};
use crate::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  throughline render --package product-launch --partner acme-01 --step announce --out preview
  throughline render --package product-launch --partner acme-01 --contact anna@example.com
  throughline render --dir campaigns/product-launch --language ja --png

Writes <step>.html with its pictures in assets/, <step>.txt and <step>.eml (the message as it would go
out), with --edges one of each for every person, and with --png <step>.<view>.png. The unsubscribe link
in them does nothing.")]
pub struct Options {
    /// The published package, by name.
    #[arg(long, value_name = "P", required_unless_present = "dir")]
    package: Option<String>,
    /// A package's folder instead, published or not; for its sample partner it needs no installation.
    #[arg(long, value_name = "DIR", conflicts_with = "package")]
    dir: Option<PathBuf>,
    /// The partner, by partner key or id; with --dir, without it, the sample partner of the folder.
    #[arg(long, value_name = "X")]
    partner: Option<String>,
    /// One step; without it, every step.
    #[arg(long, value_name = "S")]
    step: Option<String>,
    /// The language, such as de-AT; without it, the contact's, the partner's, or the package's own.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// A slot value; for a picture `NAME=@FILE what it shows`.
    #[arg(long = "slot", value_name = "NAME=VALUE", value_parser = name_and_value)]
    slots: Vec<(String, String)>,
    /// A contact of the partner, by address: the message that contact would get.
    #[arg(long, value_name = "EMAIL", requires = "partner", conflicts_with = "fields")]
    contact: Option<String>,
    /// The contact's list, by name; needed only where the partner has several.
    #[arg(long, value_name = "L", requires = "contact")]
    list: Option<String>,
    /// A merge field of a made-up person, such as first_name=Zoë; `email` is the address it goes to.
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = name_and_value)]
    fields: Vec<(String, String)>,
    /// For persons who put a message to the test: without a name, with the longest, right to left, and with
    /// every slot as full as it may be.
    #[arg(long, conflicts_with_all = ["contact", "fields"])]
    edges: bool,
    /// Also PNG pictures: telephone and desktop, light and dark. Needs Chromium.
    #[arg(long)]
    png: bool,
    /// The vendor, by name or id; needed only when there are several.
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    /// The folder the files are written to; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "preview")]
    out: PathBuf,
}

pub async fn run(
    options: Options,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<ExitCode> {
    // Before anything is rendered: what is missing is said at once.
    let photographer = options.png.then(Photographer::find).transpose()?;
    let config = settings.load()?;
    let public_url = config.portal.public_url.as_str();
    let (previews, program) = match (&options.dir, &options.partner) {
        // A folder and its sample need no installation.
        (Some(folder), None) => (of_folder(folder, &options, &config)?, None),
        _ => {
            let program = settings.program().await?;
            (of_partner(&program, &options).await?, Some(program))
        }
    };
    fs::create_dir_all(&options.out)
        .with_context(|| format!("can't make the folder {}", options.out.display()))?;
    let mut written = Vec::new();
    for message in &previews.messages {
        let mut files = Vec::new();
        let name = message.name();
        let html = message.html.as_str();
        let urls = Previews::picture_urls(public_url, html);
        let html =
            show_pictures(&urls, program.as_ref(), &previews.pictures, html, &options.out).await?;
        for (extension, bytes) in [
            ("html", html.as_bytes()),
            ("txt", message.text.as_bytes()),
            ("eml", message.eml.as_slice()),
        ] {
            files.push(write(&options.out, &format!("{name}.{extension}"), bytes)?);
        }
        if let Some(photographer) = &photographer {
            files.extend(photographer.take(&html, &options.out, &name).await?);
        }
        written.push(json!({
            "step": message.step,
            "edition": message.edition,
            "person": message.person,
            "subject": message.subject,
            "files": files,
        }));
    }
    output.answer(&written, || {
        let line = |message: &program::Previewed| {
            let kinds = if options.png { "html,txt,eml,*.png" } else { "html,txt,eml" };
            let file = options.out.join(format!("{}.{{{kinds}}}", message.name()));
            format!("{}: {}\n", file.display(), message.subject)
        };
        previews.messages.iter().map(line).collect()
    })?;
    Ok(ExitCode::SUCCESS)
}

/// For a partner, and perhaps a contact, of the book.
async fn of_partner(program: &Program, options: &Options) -> anyhow::Result<Previews> {
    let actor = Actor::Ops;
    let vendor = program.find_vendor(&actor, options.vendor.as_deref()).await?;
    let partner = match &options.partner {
        Some(asked) => Some(program.find_partner(&actor, Some(&vendor), asked).await?.partner),
        None => None,
    };
    let package = match (&options.dir, &options.package) {
        (Some(folder), _) => PreviewOf::Folder(folder.clone()),
        (None, package) => PreviewOf::Published(package.clone().unwrap_or_default()),
    };
    let slots = slot_values(program, &vendor, &package, options.slots.clone()).await?;
    let preview = Preview {
        vendor,
        package,
        partner,
        step: options.step.clone(),
        slots,
        language: options.language.clone(),
        person: options.person(),
    };
    Ok(program.preview(&actor, &preview).await?)
}

/// For the sample partner of a package's folder.
fn of_folder(folder: &Path, options: &Options, config: &Config) -> anyhow::Result<Previews> {
    let templates = shared_templates(config)?;
    let stage = Stage {
        templates: &templates,
        public_url: config.portal.public_url.as_str(),
        message_id_domain: &config.sending.message_id_domain,
        now: SystemClock.now(),
    };
    let mut slots = BTreeMap::new();
    let mut files = Vec::new();
    for (slot, value) in &options.slots {
        match read_picture(value)? {
            Some((bytes, alt)) => files.push((slot, bytes, alt)),
            None => {
                slots.insert(slot.clone(), value.clone());
            }
        }
    }
    let pictures = files.iter();
    let pictures = pictures.map(|(slot, bytes, alt)| SlotPicture { slot, bytes, alt }).collect();
    let preview = PreviewFolder {
        folder,
        step: options.step.as_deref(),
        slots,
        pictures,
        language: options.language.as_deref(),
        person: &options.person(),
    };
    Ok(preview_folder(&stage, preview)?)
}

impl Options {
    fn person(&self) -> PreviewFor {
        match &self.contact {
            Some(address) => {
                PreviewFor::Contact { address: address.clone(), list: self.list.clone() }
            }
            None if self.edges => PreviewFor::Edges,
            None => PreviewFor::Sample(self.fields.iter().cloned().collect()),
        }
    }
}

/// The HTML with its pictures as files beside it: the portal they are linked from need not run.
async fn show_pictures(
    urls: &[String],
    program: Option<&Program>,
    pictures: &[PublishedAsset],
    html: &str,
    folder: &Path,
) -> anyhow::Result<String> {
    let mut shown = html.to_owned();
    for url in urls {
        let Some(file) = url.rsplit('/').next() else { continue };
        let hash = file.split('.').next().unwrap_or_default().parse();
        let Ok(hash) = hash else { continue };
        let bytes = match (pictures.iter().find(|picture| picture.hash == hash), program) {
            (Some(picture), _) => picture.bytes.clone(),
            // A picture that is not there is shown as its alternative text, as a mail program does.
            (None, None) => continue,
            (None, Some(program)) => match program.asset(&hash).await {
                Ok(asset) => asset.bytes,
                Err(_) => continue,
            },
        };
        let assets = folder.join("assets");
        fs::create_dir_all(&assets)
            .with_context(|| format!("can't make the folder {}", assets.display()))?;
        write(&assets, file, &bytes)?;
        shown = shown.replace(url, &format!("assets/{file}"));
    }
    Ok(shown)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let file = folder.join(name);
    fs::write(&file, bytes).with_context(|| format!("can't write {}", file.display()))?;
    Ok(file)
}
