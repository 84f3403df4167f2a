//! Demo data: CSV files and logos with what real files have, the same for the same seed.
//!
//! Every domain is one of RFC 2606 and RFC 6761 (`example.com`, `.org`, `.net` and names under `.example`), so
//! nothing here can reach anybody.

mod contacts;
mod logo;
mod partners;
mod people;
mod random;

use std::{
    fs, io,
    ops::AddAssign,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::error::DataError;

/// The mail sink knows nobody whose address begins like this: people who have left their firm.
pub const GONE_PREFIX: &str = "gone.";

/// How much demo data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoSize {
    /// Partners; the first 25 are all different, later ones are branches of them.
    pub partners: u32,
    /// Rows in each partner's contact file.
    pub contacts_per_partner: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
}

impl Default for DemoSize {
    /// 25 partners with 80 contacts each.
    fn default() -> Self {
        Self { partners: 25, contacts_per_partner: 80, seed: 2026 }
    }
}

/// What an import of the files must find, counted from the rows that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Expected {
    /// Rows in the contact files.
    pub rows: u64,
    /// Rows that repeat an address that stands earlier in the same file, perhaps spelled differently.
    pub duplicate_rows: u64,
    /// Contacts of a list: rows without the repeated ones.
    pub contacts: u64,
    /// Of these: address malformed.
    pub malformed: u64,
    /// Of these: opted out, with an address that is well-formed.
    pub opted_out: u64,
    /// Of these: address well-formed, not opted out, refused by the sink.
    pub sink_refused: u64,
    /// Of these: address well-formed, not opted out, needs SMTPUTF8.
    pub smtputf8: u64,
}

impl Expected {
    /// Contacts that mail goes to.
    pub fn mailable(&self) -> u64 {
        self.contacts - self.malformed - self.opted_out
    }
}

impl AddAssign for Expected {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.duplicate_rows += other.duplicate_rows;
        self.contacts += other.contacts;
        self.malformed += other.malformed;
        self.opted_out += other.opted_out;
        self.sink_refused += other.sink_refused;
        self.smtputf8 += other.smtputf8;
    }
}

/// A partner of the demo data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoPartner {
    /// Its `partner_key`.
    pub key: String,
    /// Its company's name.
    pub name: String,
    /// Its tier.
    pub tier: String,
    /// Its contact file.
    pub contacts_csv: PathBuf,
    /// What is in that file.
    pub expected: Expected,
}

/// The files that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoData {
    /// The file of all partners.
    pub partners_csv: PathBuf,
    /// The partners, in the order of that file.
    pub partners: Vec<DemoPartner>,
    /// What is in all contact files together.
    pub expected: Expected,
}

/// Writes `partners.csv`, `logos/*.png` and `contacts/contacts-<partner_key>.csv` into `folder`.
///
/// # Errors
/// When a file can't be written.
pub fn write_demo_data(folder: &Path, size: &DemoSize) -> Result<DemoData, DataError> {
    let contacts_folder = folder.join("contacts");
    let logos_folder = folder.join("logos");
    for wanted in [folder, &contacts_folder, &logos_folder] {
        fs::create_dir_all(wanted).map_err(file_error(wanted))?;
    }
    let brands: Vec<_> = (0..size.partners).map(partners::brand).collect();
    for brand in &brands {
        let Some(shape) = brand.logo else { continue };
        let path = folder.join(brand.logo_file());
        if !path.exists() {
            logo::write(&path, shape, &brand.colour)?;
        }
    }
    let partners_csv = folder.join("partners.csv");
    partners::write(&partners_csv, &brands)?;
    let mut data = DemoData { partners_csv, partners: Vec::new(), expected: Expected::default() };
    let shared = contacts::SharedPeople::new(size);
    for (index, brand) in (0_u32..).zip(&brands) {
        let contacts_csv = contacts_folder.join(format!("contacts-{}.csv", brand.key));
        let expected = contacts::write(&contacts_csv, brand, index, size, &shared)?;
        data.expected += expected;
        data.partners.push(DemoPartner {
            key: brand.key.clone(),
            name: brand.company_name.clone(),
            tier: brand.tier.to_owned(),
            contacts_csv,
            expected,
        });
    }
    Ok(data)
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::File { path, source }
}

fn csv_error(path: &Path) -> impl Fn(csv::Error) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Csv { path: path.clone(), source }
}
