//! Imports of files as other people and programs write them.

use domain::{CompanyId, EmailAddress, HashScope};
use program::{ErrorKind, ImportContacts, ImportPhase, ImportReport, ReadAs, TableFormat};
use proptest::prelude::*;
use store::Contact;

use crate::world::{OPS, World};

impl World {
    /// An import of a file of this name.
    pub fn contacts_in(
        &self,
        company: &CompanyId,
        name: &str,
        content: impl AsRef<[u8]>,
    ) -> ImportContacts {
        ImportContacts { file: self.file(name, content), ..self.contacts(company, "") }
    }

    pub async fn run_import(&self, import: &ImportContacts) -> program::Result<ImportReport> {
        self.program.import_contacts(&OPS, import, &mut |_| {}).await
    }

    pub async fn contact(&self, company: &CompanyId, address: &str) -> Option<Contact> {
        let list = self.store.find_list(company, "customers").await.unwrap()?;
        self.store.find_contact(&list.id, address).await.unwrap()
    }
}

fn read_as(maps: &[&str]) -> ReadAs {
    ReadAs { maps: maps.iter().map(|map| map.parse().unwrap()).collect(), ..ReadAs::default() }
}

#[tokio::test]
async fn columns_are_known_by_other_words_and_by_maps() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    for (header, maps) in [
        ("E-Mail;Vorname;Nachname;Firma;Stadt", &["Stadt=city"][..]),
        ("Email Address,First name,Last Name,Organisation,City", &[]),
        ("courriel\tPrénom\tNom\tSociété\tVille", &["ville=city"]),
        ("電子メール,名,姓,会社名,市", &["5=city"]),
        ("почта;имя;фамилия;компания;город", &["город=city"]),
        ("a|b|c|d|e", &["a=email", "b=first_name", "3=last_name", "D=company", "e=city"]),
    ] {
        let delimiter = header.chars().find(|c| ",;\t|".contains(*c)).unwrap();
        let row = ["anna@example.com", "Anna", "Meier", "Firm A", "Wien"];
        let row = row.join(&delimiter.to_string());
        let mut import = world.contacts_in(&company, "x.csv", format!("{header}\n{row}\n"));
        import.read_as = read_as(maps);
        let report = world.run_import(&import).await.unwrap();
        assert_eq!(
            (report.rows, report.refused, report.warnings),
            (1, 0, 0),
            "{header}: {report:?}"
        );
        let changed = report.created + report.updated;
        assert_eq!(changed, u64::from(header.starts_with("E-Mail")), "{header}: {report:?}");
        assert!(report.notes.iter().any(|note| note.contains("is email")), "{:?}", report.notes);
    }
    let anna = world.contact(&company, "anna@example.com").await.unwrap();
    assert_eq!((anna.first_name.as_str(), anna.last_name.as_str()), ("Anna", "Meier"));
    let fields: Vec<_> =
        anna.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(fields, ["city=Wien", "company=Firm A"]);
}

#[tokio::test]
async fn columns_can_be_left_out() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let wide: String = (0..300).map(|n| format!(",column {n}")).collect();
    let cells = ",some text".repeat(300);
    let csv = format!("email,notes{wide}\nanna@example.com,{}{cells}\n", "x".repeat(100_000));
    let mut import = world.contacts_in(&company, "wide.csv", &csv);
    let report = world.run_import(&import).await.unwrap();
    assert_eq!((report.refused, report.problems[0].field.as_str()), (1, "notes"));
    import.read_as = read_as(&["notes=-"]);
    let report = world.run_import(&import).await.unwrap();
    assert!(report.problems[0].expected.contains("at most 2048 bytes"), "{:?}", report.problems);
    import.read_as = ReadAs { only_known: true, ..read_as(&["column 7=seven"]) };
    let report = world.run_import(&import).await.unwrap();
    assert_eq!((report.created, report.refused), (1, 0), "{:?}", report.problems);
    let anna = world.contact(&company, "anna@example.com").await.unwrap();
    assert_eq!(anna.fields.into_iter().collect::<Vec<_>>(), [("seven".into(), "some text".into())]);
}

#[tokio::test]
async fn json_lines_say_the_same_as_csv() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let csv = "\
E-Mail,Vorname,opted_out,consent_basis,Score
anna@example.com,Anna,,double opt-in,1.50
bert@example.com,Bert,true,,7
not an address,Carl,false,,
dora@example.com,Dora,perhaps,,
";
    let jsonl = r#"
{"E-Mail": "anna@example.com", "Vorname": "Anna", "opted_out": null, "consent_basis": "double opt-in", "Score": 1.50}
{"E-Mail": "bert@example.com", "Vorname": "Bert", "opted_out": true, "Score": 7}
{"E-Mail": "not an address", "Vorname": "Carl", "opted_out": false}
{"E-Mail": "dora@example.com", "Vorname": "Dora", "opted_out": "perhaps"}
"#;
    let by_csv = world.run_import(&world.contacts_in(&company, "x.csv", csv)).await.unwrap();
    assert_eq!((by_csv.created, by_csv.refused, by_csv.suppressed), (3, 1, 1), "{by_csv:?}");
    for name in ["x.jsonl", "x.ndjson", "x.json"] {
        let import = world.contacts_in(&company, name, jsonl);
        let report = world.run_import(&import).await.unwrap();
        assert_eq!((report.format, report.delimiter), (TableFormat::Jsonl, None));
        assert_eq!((report.unchanged, report.refused, report.suppressed), (3, 1, 0), "{report:?}");
        let said = |report: &ImportReport| -> Vec<String> {
            let line = |problem: &program::RowProblem| problem.to_string().replace("line ", "");
            report.problems.iter().map(|p| line(p).split_once(')').unwrap().1.to_owned()).collect()
        };
        assert_eq!(said(&report), said(&by_csv));
    }
    let nested =
        "{\"email\": \"eve@example.com\", \"tags\": {\"a\": 1}}\n{\"email\": \"f@example.com\"}\n";
    let mut import = world.contacts_in(&company, "nested.txt", nested);
    import.read_as.format = Some(TableFormat::Jsonl);
    let report = world.run_import(&import).await.unwrap();
    assert_eq!((report.created, report.refused), (1, 1));
    let problem = &report.problems[0];
    assert_eq!((problem.row, problem.line, problem.field.as_str()), (1, 1, "tags"));
}

#[tokio::test]
async fn the_last_row_of_an_address_counts_however_far_apart_they_are() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let mut csv = "email,first_name,opted_out\n".to_owned();
    for n in 0..1_300 {
        let (name, opted_out) = match n {
            3 => ("First", "yes"),
            700 => ("Second", ""),
            1_250 => ("Last", ""),
            _ => ("", ""),
        };
        let who = if name.is_empty() { format!("p{n}") } else { "Anna.Meier".to_owned() };
        csv.push_str(&format!("{who}@example.com,{name},{opted_out}\n"));
    }
    let first = world.import_contacts(&company, &csv).await;
    assert_eq!((first.created, first.repeated, first.suppressed), (1_298, 2, 1));
    assert_eq!(first.taken, 1_300);
    let anna = world.contact(&company, "anna.meier@example.com").await.unwrap();
    assert_eq!(anna.first_name, "Last");
    let again = world.import_contacts(&company, &csv).await;
    assert_eq!((again.created, again.updated, again.unchanged), (0, 0, 1_298), "{again:?}");
    assert_eq!((again.repeated, again.suppressed), (2, 0));

    let hash = world.hash_key.hash(
        HashScope::Company(&company),
        &"anna.meier@example.com".parse::<EmailAddress>().unwrap(),
    );
    let scope = HashScope::Company(&company);
    assert!(world.store.find_suppression(scope, &hash).await.unwrap().is_some());
}

#[tokio::test]
async fn a_bad_last_row_leaves_the_good_one_before_it() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let csv = "email,first_name,opted_out\nanna@example.com,Good,\nanna@example.com,Bad,perhaps\n";
    let report = world.import_contacts(&company, csv).await;
    assert_eq!((report.created, report.repeated, report.refused), (1, 0, 1));
    assert_eq!(world.contact(&company, "anna@example.com").await.unwrap().first_name, "Good");
}

#[tokio::test]
async fn a_file_that_changes_under_the_import_is_said() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let import = world.contacts(&company, "email\nanna@example.com\n");
    let mut append = |at: program::ImportProgress| {
        if at.phase == ImportPhase::Looking {
            std::fs::write(&import.file, "email\nanna@example.com\nbert@example.com\n").unwrap();
        }
    };
    let error = world.program.import_contacts(&OPS, &import, &mut append).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("changed while it was read"), "{error}");
}

#[tokio::test]
async fn an_encoding_can_be_named() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    // Two letters, which Windows-1252 has too: nobody can know.
    let mut import =
        world.contacts_in(&company, "x.csv", b"email,first_name\na@example.com,\xAF\xBF\n");
    import.read_as.encoding = Some("windows-1250".to_owned());
    let report = world.run_import(&import).await.unwrap();
    assert_eq!((report.created, report.encoding.as_str()), (1, "windows-1250"));
    assert_eq!(world.contact(&company, "a@example.com").await.unwrap().first_name, "Żż");
    import.read_as.encoding = Some("utf-9".to_owned());
    let error = world.run_import(&import).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// A dry run says what the import then says, whatever the book holds, and writes nothing.
    #[test]
    fn a_dry_run_says_what_will_be(
        before in prop::collection::vec(("[ab]{1,2}", "[xy]?", prop::sample::select(vec!["", "yes"])), 0..10),
        rows in prop::collection::vec(
            ("[ab]{1,2}(@x\\.example)?", "[xy]?", prop::sample::select(vec!["", "yes", "no", "?"])),
            0..20,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let (_, company) = world.partner("acme", "Gold").await;
            let mut csv = "email,first_name,opted_out\n".to_owned();
            for (local, name, opted_out) in &before {
                csv.push_str(&format!("{local}@x.example,{name},{opted_out}\n"));
            }
            world.import_contacts(&company, &csv).await;
            let mut csv = "email,first_name,opted_out\n".to_owned();
            for (email, name, opted_out) in &rows {
                csv.push_str(&format!("{email},{name},{opted_out}\n"));
            }
            let mut import = world.contacts(&company, &csv);
            import.dry_run = true;
            let foretold = world.run_import(&import).await.unwrap();
            assert_eq!(world.run_import(&import).await.unwrap(), foretold, "it wrote something");
            import.dry_run = false;
            let done = world.run_import(&import).await.unwrap();
            assert_eq!(done.created + done.updated + done.unchanged + done.repeated, done.taken);
            assert_eq!(ImportReport { dry_run: false, ..foretold }, done);
        });
    }
}
