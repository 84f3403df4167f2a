//! `import contacts`.

use domain::{EmailAddress, HashScope};
use program::{ErrorKind, ImportPhase, ImportProgress};
use proptest::prelude::*;

use crate::world::{OPS, World};

#[tokio::test]
async fn every_row_is_taken_or_named() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let csv = "\
E-Mail;First Name;Company;Consent basis;consent_at;opted-out;language;Job Title
anna@example.com;Anna;Firm A;double opt-in;2026-01-31;;DE_at;CEO
ANNA@Example.com ;Anna;Firm A;double opt-in;2026-01-31;;DE_at;CEO
not an address;Bert;;;;;;
;Nobody;;;;;;
carl@example.com;Carl;;maybe;;;;
dora@example.com;Dora;;;yesterday;;;
emil@example.com;Emil;;;;perhaps;;
fay@example.com;Fay;;;;yes;klingon;
\"gerd@example.com\";\"Ge
rd\";;;;no;;
short;row
";
    let report = world.import_contacts(&company, csv).await;
    assert_eq!((report.delimiter, report.rows), (Some(';'), 10));
    assert_eq!(
        (report.created, report.repeated, report.refused),
        (4, 1, 5),
        "{:#?}",
        report.problems
    );
    assert_eq!((report.taken, report.suppressed), (5, 1));
    let named: Vec<(u64, u64, &str, bool)> = report
        .problems
        .iter()
        .map(|problem| (problem.row, problem.line, problem.field.as_str(), problem.refused))
        .collect();
    let want = [
        (3, 4, "email", false),
        (4, 5, "email", true),
        (5, 6, "consent_basis", true),
        (6, 7, "consent_at", true),
        (7, 8, "opted_out", true),
        (8, 9, "language", false),
        (10, 12, "(row)", true),
    ];
    assert_eq!(named, want);
    assert!(report.problems.iter().all(|problem| !problem.value.contains("anna")));

    let again = world.import_contacts(&company, csv).await;
    assert_eq!((again.created, again.updated, again.unchanged, again.suppressed), (0, 0, 4, 0));
}

#[tokio::test]
async fn who_opted_out_is_suppressed_in_the_book_and_on_the_belt() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    world
        .import_contacts(&company, "email,opted_out\nfay@example.com,yes\ngerd@example.com,no\n")
        .await;
    let hash = |address: &str| {
        let address: EmailAddress = address.parse().unwrap();
        world.hash_key.hash(HashScope::Company(&company), &address)
    };
    let scope = HashScope::Company(&company);
    let found =
        world.store.find_suppression(scope, &hash("fay@example.com")).await.unwrap().unwrap();
    assert_eq!(found.reason, "opted_out");
    assert!(
        world.store.find_suppression(scope, &hash("gerd@example.com")).await.unwrap().is_none()
    );
    assert!(world.belt_says(hash("fay@example.com").as_str()));
    assert!(!world.belt_says(hash("gerd@example.com").as_str()));
}

#[tokio::test]
async fn nobody_is_mailed_without_a_basis_but_who_opted_out_is_kept() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let mut import =
        world.contacts(&company, "email,opted_out\na@example.com,\nb@example.com,yes\n");
    import.consent = None;
    let report = world.program.import_contacts(&OPS, &import, &mut |_| {}).await.unwrap();
    assert_eq!((report.created, report.refused), (1, 1));
    assert_eq!(report.problems[0].field, "consent_basis");

    import.consent = Some("because".to_owned());
    let error = world.program.import_contacts(&OPS, &import, &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("legitimate_interest"), "{error}");
}

#[tokio::test]
async fn a_missing_address_column_names_what_is_there() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let error = world.try_import_contacts(&company, "name,emial\nx,y\n").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(
        error.to_string().contains("name, emial") && error.to_string().contains("`emial`"),
        "{error}"
    );
    assert!(world.store.lists(&company).await.unwrap().is_empty(), "no list is made for it");
}

#[tokio::test]
async fn what_does_not_fit_a_job_is_refused() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let csv = format!("email,notes\na@example.com,{}\nb@example.com,ok\n", "x".repeat(2_100));
    let report = world.import_contacts(&company, csv).await;
    assert_eq!((report.created, report.refused), (1, 1));
    assert_eq!((report.problems[0].field.as_str(), report.problems[0].row), ("notes", 1));
}

#[tokio::test]
async fn a_big_file_comes_in_chunks_with_progress() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let mut csv = "email,first_name\n".to_owned();
    for n in 0..1_700 {
        csv.push_str(&format!("person{n}@example.com,Person {n}\n"));
    }
    let import = world.contacts(&company, &csv);
    let mut seen: Vec<ImportProgress> = Vec::new();
    let mut progress = |at| seen.push(at);
    let report = world.program.import_contacts(&OPS, &import, &mut progress).await.unwrap();
    assert_eq!(report.created, 1_700);
    for phase in [ImportPhase::Looking, ImportPhase::Writing] {
        let rows: Vec<u64> = seen.iter().filter(|at| at.phase == phase).map(|at| at.rows).collect();
        assert_eq!(rows, [500, 1_000, 1_500, 1_700]);
    }
    assert_eq!(seen.last().unwrap().bytes_read, csv.len() as u64);
    assert_eq!(seen.last().unwrap().bytes_total, csv.len() as u64);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let mut import = world
        .contacts(&company, "email,opted_out\na@example.com,yes\nb@example.com,\n,\nx,maybe\n");
    import.dry_run = true;
    let report = world.program.import_contacts(&OPS, &import, &mut |_| {}).await.unwrap();
    assert_eq!((report.taken, report.refused, report.rows), (2, 1, 3));
    assert!(world.store.lists(&company).await.unwrap().is_empty());
    assert!(
        world.store.suppressions(HashScope::Company(&company), None, 10).await.unwrap().is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever a file holds, every row is counted once, and the second time nothing changes.
    #[test]
    fn the_same_file_again_changes_nothing(
        rows in prop::collection::vec(
            ("[a-c ]{0,3}(@example.com)?", "[a-zäß\"\n,;]{0,8}", prop::sample::select(vec!["", "yes", "no", "?"])),
            1..40,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let (_, company) = world.partner("acme", "Gold").await;
            let mut csv = "email,first_name,opted_out\n".to_owned();
            for (email, name, opted_out) in &rows {
                csv.push_str(&format!("{email},\"{}\",{opted_out}\n", name.replace('"', "\"\"")));
            }
            let first = world.import_contacts(&company, &csv).await;
            assert_eq!(first.taken + first.refused, first.rows);
            assert_eq!(first.created + first.updated + first.unchanged + first.repeated, first.taken);
            let again = world.import_contacts(&company, &csv).await;
            assert_eq!((again.created, again.updated, again.suppressed), (0, 0, 0));
            assert_eq!((again.unchanged, again.refused), (first.created, first.refused));
        });
    }
}
