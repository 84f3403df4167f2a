//! What an export writes, an import takes back without a change.

use domain::CompanyId;
use program::{
    Actor, ErrorKind, ExportContacts, ExportPartners, ImportContacts, ImportPartners, ReadAs,
    TableFormat,
};
use proptest::prelude::*;

use crate::world::{OPS, World, partner_row, png};

const FORMATS: [(TableFormat, &str); 2] =
    [(TableFormat::Csv, "export.csv"), (TableFormat::Jsonl, "export.jsonl")];

impl World {
    async fn exported_contacts(
        &self,
        company: &CompanyId,
        list: &str,
        format: TableFormat,
    ) -> String {
        let export = ExportContacts { company: company.clone(), list: list.to_owned(), format };
        let mut export = self.program.export_contacts(&OPS, &export).await.unwrap();
        let mut all = Vec::new();
        while let Some(bytes) = export.next().await.unwrap() {
            all.extend(bytes);
        }
        String::from_utf8(all).unwrap()
    }

    async fn exported_partners(&self, format: TableFormat) -> String {
        let export = ExportPartners { vendor: self.vendor.clone(), format };
        let mut export = self.program.export_partners(&OPS, &export).await.unwrap();
        let mut all = Vec::new();
        while let Some(bytes) = export.next().await.unwrap() {
            all.extend(bytes);
        }
        String::from_utf8(all).unwrap()
    }

    /// Asserts that an export of the list changes nothing when it is imported again, and is the same
    /// list when it is imported into an empty one.
    async fn round_trip(&self, company: &CompanyId) {
        let whole = self.exported_contacts(company, "customers", TableFormat::Csv).await;
        let size = self.store.lists(company).await.unwrap()[0].contacts as u64;
        for (format, name) in FORMATS {
            let text = self.exported_contacts(company, "customers", format).await;
            let mut import =
                ImportContacts { consent: None, ..self.contacts_in(company, name, &text) };
            let report = self.run_import(&import).await.unwrap();
            assert_eq!(
                (report.rows, report.unchanged, report.refused, report.suppressed),
                (size, size, 0, 0),
                "{text}\n{report:#?}"
            );
            import.list = format!("copy by {name}");
            let report = self.run_import(&import).await.unwrap();
            assert_eq!((report.created, report.refused), (size, 0), "{text}\n{report:#?}");
            let copy = self.exported_contacts(company, &import.list, TableFormat::Csv).await;
            assert_eq!(copy, whole);
        }
    }
}

#[tokio::test]
async fn a_list_comes_back_as_it_was() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let csv = "\
email,first_name,last_name,company,language,consent_basis,consent_source,consent_at,opted_out,Job Title,phone
Anna.Meier@Example.com,Anna,Meier,=HYPERLINK(\"http://x\"),de-AT,double_opt_in,web form,2026-01-31T09:30:00Z,,CEO,+43 1 234
+tag@example.com,-,@home,\"'=1\",,contract,,2025-01-01,,\"=1+1
two\",
fay@example.com,Fay,,,,,,,yes,,
not an address,O'Brien,\"Smith, \"\"J\"\"\",,,opt_in,,,,,'quoted'
";
    let mut import = world.contacts(&company, csv);
    import.consent = None;
    let report = world.run_import(&import).await.unwrap();
    assert_eq!((report.created, report.refused), (4, 0), "{:#?}", report.problems);
    let text = world.exported_contacts(&company, "Customers", TableFormat::Csv).await;
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines[..2],
        [
            "email,first_name,last_name,company,language,consent_basis,consent_source,consent_at,opted_out,job_title,phone",
            "Anna.Meier@Example.com,Anna,Meier,\"'=HYPERLINK(\"\"http://x\"\")\",de-AT,double_opt_in,web form,2026-01-31T09:30:00Z,,CEO,'+43 1 234",
        ]
    );
    assert!(lines[2].starts_with("'+tag@example.com,'-,'@home,'=1,,contract,"), "{}", lines[2]);
    assert!(lines[3].starts_with("fay@example.com,Fay,,,,,,,yes,"), "{}", lines[3]);
    world.round_trip(&company).await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let mut csv = "email,n\n".to_owned();
    for n in 0..2_300 {
        csv.push_str(&format!("person{n}@example.com,{n}\n"));
    }
    world.import_contacts(&company, &csv).await;
    let export = ExportContacts {
        company: company.clone(),
        list: "customers".to_owned(),
        format: TableFormat::Csv,
    };
    let mut export = world.program.export_contacts(&OPS, &export).await.unwrap();
    let mut rows = Vec::new();
    while export.next().await.unwrap().is_some() {
        rows.push(export.rows());
    }
    assert_eq!(rows, [0, 1_000, 2_000, 2_300]);
    world.round_trip(&company).await;
}

#[tokio::test]
async fn a_list_that_gets_a_merge_field_meanwhile_is_said() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    world.import_contacts(&company, "email,city\nanna@example.com,Wien\n").await;
    let format = TableFormat::Csv;
    let export = ExportContacts { company: company.clone(), list: "customers".to_owned(), format };
    let mut export = world.program.export_contacts(&OPS, &export).await.unwrap();
    world.import_contacts(&company, "email,age\nbert@example.com,40\n").await;
    assert!(export.next().await.unwrap().is_some());
    let error = export.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("age"), "{error}");
}

#[tokio::test]
async fn a_list_that_is_not_there_is_named() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    world.import_contacts(&company, "email\nanna@example.com\n").await;
    let format = TableFormat::Csv;
    let export = ExportContacts { company, list: "costumers".to_owned(), format };
    let error = world.program.export_contacts(&OPS, &export).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no list \"costumers\"; did you mean \"customers\"?");
}

#[tokio::test]
async fn partners_come_back_as_they_were() {
    let world = World::new().await;
    world.file("logos/a.png", png(640, 200));
    let long = "Very Long Name ".repeat(12);
    let rows = [
        format!("{}logos/a.png", partner_row("acme", "gold")),
        partner_row("beta", "Silver").replacen("Firm beta", "\"+One, \"\"Two\"\" & Söhne\"", 1),
        partner_row("gamma", "Silver").replace("Firm gamma", long.trim()),
        partner_row("delta", "Gold")
            .replace("https://delta.example", "https://bücher.example/ä?x=1#y"),
    ];
    let report = world.import_partners(&rows).await;
    assert_eq!((report.created, report.refused), (4, 0), "{:#?}", report.problems);
    for (format, name) in FORMATS {
        let text = world.exported_partners(format).await;
        assert!(text.contains("asset:") && text.contains("Main Street 1 | 1010 Vienna"), "{text}");
        for dry_run in [true, false] {
            let import = ImportPartners {
                vendor: world.vendor.clone(),
                file: world.file(name, &text),
                read_as: ReadAs::default(),
                dry_run,
            };
            let report = world.program.import_partners(&OPS, &import, &mut |_| {}).await.unwrap();
            assert_eq!((report.unchanged, report.refused), (4, 0), "{text}\n{report:#?}");
        }
    }
    let csv = world.exported_partners(TableFormat::Csv).await;
    assert!(csv.contains("'+One"), "{csv}");
    let hash = csv.split_once("asset:").unwrap().1[..64].to_owned();
    let none = csv.replace(&hash, &"0".repeat(64));
    let report = world.try_import_partners(&none).await.unwrap();
    assert_eq!((report.unchanged, report.refused), (3, 1));
    assert_eq!(report.problems[0].field, "logo");
}

#[tokio::test]
async fn only_the_company_itself_and_ops_export_contacts() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let (_, other) = world.partner("beta", "Gold").await;
    world.import_contacts(&company, "email\nanna@example.com\n").await;
    let format = TableFormat::Csv;
    let contacts =
        ExportContacts { company: company.clone(), list: "customers".to_owned(), format };
    let partners = ExportPartners { vendor: world.vendor.clone(), format };
    let stranger = world.program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    for (actor, contacts_kind, partners_kind) in [
        (OPS, None, None),
        (Actor::Company(company), None, Some(ErrorKind::NotFound)),
        (Actor::Company(other), Some(ErrorKind::NotFound), Some(ErrorKind::NotFound)),
        (Actor::Vendor(world.vendor.clone()), Some(ErrorKind::NotFound), None),
        (Actor::Vendor(stranger), Some(ErrorKind::NotFound), Some(ErrorKind::NotFound)),
    ] {
        let asked = world.program.export_contacts(&actor, &contacts).await;
        assert_eq!(asked.err().map(|error| error.kind()), contacts_kind, "{actor}");
        let asked = world.program.export_partners(&actor, &partners).await;
        assert_eq!(asked.err().map(|error| error.kind()), partners_kind, "{actor}");
    }
}

fn jsonl_row(cells: &[(String, String)]) -> String {
    let map: serde_json::Map<String, serde_json::Value> =
        cells.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    serde_json::Value::Object(map).to_string()
}

/// What is left of two names in other scripts may differ in nothing but a `_`.
#[tokio::test]
async fn fields_whose_names_are_nearly_one_come_back_as_two() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let csv = "email,ß e,ßé部,consent_basis\na@x.example,one,two,contract\n";
    let mut import = world.contacts(&company, csv);
    import.consent = None;
    let report = world.run_import(&import).await.unwrap();
    assert_eq!((report.created, report.refused), (1, 0), "{report:#?}");
    world.round_trip(&company).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever people have in their lists.
    #[test]
    fn every_list_comes_back_as_it_was(
        rows in prop::collection::vec(
            (
                "['=+@-]{0,2}[a-cÄ<>\" ]{0,4}(@x\\.example)?",
                "('{0,2}[=+@\t-])?[a-zé\"\n\r, ;']{0,6}",
                "\\PC{0,8}",
                "[a-zA-Z0-9 éß部]{1,6}",
                prop::sample::select(vec!["", "yes", "no"]),
                prop::sample::select(vec!["", "contract", "opt in"]),
            ),
            1..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let (_, company) = world.partner("acme", "Gold").await;
            let text: Vec<String> = rows
                .iter()
                .map(|(email, name, note, column, opted_out, basis)| {
                    let cells = [
                        ("email", email),
                        ("first_name", name),
                        ("Note", note),
                        ("company", name),
                        (column.as_str(), note),
                        ("opted_out", &(*opted_out).to_owned()),
                        ("consent_basis", &(*basis).to_owned()),
                    ];
                    jsonl_row(&cells.map(|(name, value)| (name.to_owned(), value.clone())))
                })
                .collect();
            let mut import = world.contacts_in(&company, "rows.jsonl", text.join("\n"));
            import.consent = None;
            // Two columns that may be one field are a fault of the whole file.
            if let Ok(report) = world.run_import(&import).await
                && report.taken > 0
            {
                world.round_trip(&company).await;
            }
        });
    }
}
