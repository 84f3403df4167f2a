//! `import partners FILE`.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use domain::{ContentHash, VendorId, brand::Asset};
use render::picture::Picture;
use store::{Change, PartnerInput};

use super::{OnProgress, columns::PARTNERS, logo, partner_row};
use crate::{
    actor::Actor,
    error::{Error, Result},
    program::Program,
    report::{ImportPhase, ImportProgress, ImportReport, RowProblem},
    table::{Header, Read, ReadAs, Row, Stream},
};

/// Rows a transaction.
const CHUNK: usize = 200;

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportPartners {
    /// Whose program the partners are in.
    pub vendor: VendorId,
    /// The table.
    pub file: PathBuf,
    /// How it is to be read.
    pub read_as: ReadAs,
    /// Check everything, write nothing.
    pub dry_run: bool,
}

/// What an import carries from chunk to chunk.
struct Running {
    header: Header,
    folder: PathBuf,
    vendor: VendorId,
    dry_run: bool,
    keys: HashSet<String>,
    logos: HashMap<String, Asset>,
    report: ImportReport,
}

impl Program {
    /// Adds and updates a vendor's partners from a table, told apart by `partner_key`. Good rows are
    /// kept beside bad ones; the same table again changes nothing.
    ///
    /// # Errors
    /// The file can't be read as a table at all, the vendor is none of the actor's, or the book fails;
    /// what earlier chunks wrote stands. Faults of rows are in the report.
    pub async fn import_partners(
        &self,
        actor: &Actor,
        import: &ImportPartners,
        progress: OnProgress<'_>,
    ) -> Result<ImportReport> {
        if !actor.runs(&import.vendor) {
            return Err(Error::not_found("vendor", &import.vendor));
        }
        let vendor = self.require_vendor(actor, &import.vendor).await?;
        let stream = Stream::open(import.file.clone(), &PARTNERS, import.read_as.clone()).await?;
        let table = stream.table();
        let report = ImportReport::new(import.file.clone(), import.dry_run, table);
        let folder = match import.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut running = Running {
            header: table.header().clone(),
            folder,
            vendor,
            dry_run: import.dry_run,
            keys: HashSet::new(),
            logos: HashMap::new(),
            report,
        };
        let bytes_total = table.bytes_total();
        let mut chunks = stream.read(CHUNK);
        while let Some(chunk) = chunks.next().await? {
            self.take_partners(actor, &mut running, chunk.rows).await?;
            progress(ImportProgress {
                phase: ImportPhase::Writing,
                bytes_read: chunk.bytes_read,
                bytes_total,
                rows: running.report.rows,
            });
        }
        Ok(running.report)
    }

    async fn take_partners(
        &self,
        actor: &Actor,
        running: &mut Running,
        rows: Vec<Read>,
    ) -> Result<()> {
        let mut inputs = Vec::with_capacity(rows.len());
        for row in rows {
            running.report.rows += 1;
            let read = match row {
                Read::Row(row) => self.read_partner(running, &row).await?,
                Read::Broken(problem) => Err(vec![problem]),
            };
            match read {
                Ok(input) => inputs.push(input),
                Err(problems) => running.report.note_problems(problems),
            }
        }
        running.report.taken += inputs.len() as u64;
        let changes = if running.dry_run {
            self.would_change(&running.vendor, &inputs).await?
        } else {
            self.store()
                .upsert_partners(&running.vendor, &inputs, &actor.to_string(), self.now())
                .await
                .map_err(Error::book("write the partners"))?
                .into_iter()
                .map(|upserted| upserted.change)
                .collect()
        };
        for change in changes {
            match change {
                Change::New => running.report.created += 1,
                Change::Updated => running.report.updated += 1,
                Change::Unchanged => running.report.unchanged += 1,
            }
        }
        Ok(())
    }

    async fn read_partner(
        &self,
        running: &mut Running,
        row: &Row,
    ) -> Result<std::result::Result<PartnerInput, Vec<RowProblem>>> {
        let read = match partner_row::read(row, &running.header, &self.parts.tiers) {
            Ok(read) => read,
            Err(problems) => return Ok(Err(problems)),
        };
        let refuse = |field: &str, value: &str, expected: &str| {
            Ok(Err(vec![RowProblem::refused(row.number, row.line, field, value, expected)]))
        };
        let mut input = read.input;
        if !running.keys.insert(input.partner_key.clone()) {
            let expected = "a key that no earlier row of this file has; the first one counts";
            return refuse("partner_key", &input.partner_key, expected);
        }
        if !read.logo.is_empty() {
            match self.logo(running, &read.logo).await? {
                Ok(asset) => input.brand.logo = Some(asset),
                Err(expected) => return refuse("logo", &read.logo, &expected),
            }
        }
        let left = self.keep_what_is_left(&running.vendor, &mut input).await?;
        for field in left {
            let expected = "something; the partner is asked for it before it launches";
            let remark = RowProblem::warning(row.number, row.line, field, "", expected);
            running.report.note_problems(vec![remark]);
        }
        let problems: Vec<RowProblem> = render::validate_brand(&input.brand)
            .into_iter()
            .filter(|problem| !left_to_the_partner(&input).contains(&problem.field))
            .map(|problem| {
                RowProblem::refused(
                    row.number,
                    row.line,
                    problem.field,
                    &problem.message,
                    problem.expected,
                )
            })
            .collect();
        Ok(if problems.is_empty() { Ok(input) } else { Err(problems) })
    }

    /// A cell that is left empty takes nothing away that the partner has filled in itself. Answers with what is
    /// missing all the same.
    async fn keep_what_is_left(
        &self,
        vendor: &VendorId,
        input: &mut PartnerInput,
    ) -> Result<Vec<&'static str>> {
        if left_to_the_partner(input).is_empty() {
            return Ok(Vec::new());
        }
        let doing = "read the partner";
        let known = self
            .store()
            .find_partner(vendor, &input.partner_key)
            .await
            .map_err(Error::book(doing))?;
        let Some(known) = known else { return Ok(left_to_the_partner(input)) };
        let brand = self.store().partner_brand(&known.id).await.map_err(Error::book(doing))?;
        if let Some((brand, sender)) = brand {
            if input.brand.postal_address.is_empty() {
                input.brand.postal_address = brand.postal_address;
            }
            if input.brand.web_site.is_empty() {
                input.brand.web_site = brand.web_site;
            }
            if input.sender.from_email.is_empty() {
                input.sender.from_email = sender.from_email;
                if input.sender.reply_to.is_empty() {
                    input.sender.reply_to = sender.reply_to;
                }
            }
        }
        Ok(left_to_the_partner(input))
    }

    /// The logo as an asset of the book; the inner error is what was expected instead.
    async fn logo(
        &self,
        running: &mut Running,
        name: &str,
    ) -> Result<std::result::Result<Asset, String>> {
        if let Some(asset) = running.logos.get(name) {
            return Ok(Ok(asset.clone()));
        }
        let asset = match name.strip_prefix(logo::ASSET) {
            Some(hash) => self.kept_logo(hash).await?,
            None => self.new_logo(running, name).await?,
        };
        if let Ok(asset) = &asset {
            running.logos.insert(name.to_owned(), asset.clone());
        }
        Ok(asset)
    }

    /// A logo that is in the book.
    async fn kept_logo(&self, hash: &str) -> Result<std::result::Result<Asset, String>> {
        let expected = || Ok(Err("the hash of an asset of this book, or a file".to_owned()));
        let Ok(hash) = hash.parse::<ContentHash>() else { return expected() };
        let kept = self.store().asset(&hash).await.map_err(Error::book("read the logo"))?;
        let Some(kept) = kept else { return expected() };
        let read = logo::picture(&kept.bytes);
        // It stays under its own hash, whatever it would be written as today.
        Ok(read.map(|picture| Asset { hash, ..picture.asset() }))
    }

    /// A logo in a file, which comes into the book.
    async fn new_logo(
        &self,
        running: &Running,
        name: &str,
    ) -> Result<std::result::Result<Asset, String>> {
        let logo = match read_logo(&running.folder, name).await? {
            Ok(logo) => logo,
            Err(expected) => return Ok(Err(expected)),
        };
        if !running.dry_run {
            self.keep_picture(&logo).await?;
        }
        Ok(Ok(logo.asset()))
    }

    /// What writing these rows would change.
    async fn would_change(
        &self,
        vendor: &VendorId,
        inputs: &[PartnerInput],
    ) -> Result<Vec<Change>> {
        let doing = "read the partners";
        let mut changes = Vec::with_capacity(inputs.len());
        for input in inputs {
            let known = self
                .store()
                .find_partner(vendor, &input.partner_key)
                .await
                .map_err(Error::book(doing))?;
            let Some(known) = known else {
                changes.push(Change::New);
                continue;
            };
            let brand = self.store().partner_brand(&known.id).await.map_err(Error::book(doing))?;
            let same = known.company_name == input.company_name
                && known.tier == input.tier
                && known.region == input.region
                && known.partner_type == input.partner_type
                && brand == Some((input.brand.clone(), input.sender.clone()));
            changes.push(if same { Change::Unchanged } else { Change::Updated });
        }
        Ok(changes)
    }
}

/// What is empty of what a launch asks the partner for.
fn left_to_the_partner(input: &PartnerInput) -> Vec<&'static str> {
    [
        ("postal_address", input.brand.postal_address.is_empty()),
        ("web_site", input.brand.web_site.is_empty()),
        ("from_email", input.sender.from_email.is_empty()),
    ]
    .into_iter()
    .filter_map(|(field, is_left)| is_left.then_some(field))
    .collect()
}

async fn read_logo(folder: &Path, name: &str) -> Result<std::result::Result<Picture, String>> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    tokio::task::spawn_blocking(move || logo::read(&folder, &name))
        .await
        .map_err(|source| Error::Internal { doing: "read the logo", source: Box::new(source) })
}
