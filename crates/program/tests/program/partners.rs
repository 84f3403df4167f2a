//! `import partners`.

use program::{ErrorKind, ImportPartners, LaunchFor, ReadAs};
use proptest::prelude::*;

use crate::world::{OPS, PARTNER_COLUMNS, World, partner_row, png};

#[tokio::test]
async fn good_rows_are_kept_beside_bad_ones_and_every_fault_is_named() {
    let world = World::new().await;
    let with = |column: &str, value: &str| {
        let at = PARTNER_COLUMNS.split(',').position(|name| name == column).unwrap();
        let row = partner_row(&format!("x-{}", column.replace('_', "-")), "Gold");
        let mut cells: Vec<String> = row.split(',').map(str::to_owned).collect();
        cells[at] = value.to_owned();
        cells.join(",")
    };
    let bad = [
        ("tier", "Gould", "did you mean Gold?"),
        ("colour", "red", "#1a2b3c"),
        ("web_site", "javascript:alert(1)", "https://"),
        ("from_email", "mail at x", "an address"),
        ("reply_to", "nobody@", "an address"),
        ("time_zone", "Europe/Wien", "IANA"),
        ("locale", "german", "de-AT"),
        ("postal_address", "a | b | c | d | e | f | g", "postal address"),
        ("logo", "none.png", "a file that is there"),
        ("partner_key", "a/b", "letters"),
        ("company_name", "", "1 to 200"),
    ];
    let mut rows = vec![partner_row("acme-01", "gold")];
    rows.extend(bad.iter().map(|(column, value, _)| with(column, value)));
    rows.push(partner_row("acme-02", "Silver"));
    rows.push(partner_row("acme-01", "Silver"));
    let report = world.import_partners(&rows).await;
    assert_eq!(
        (report.created, report.refused, report.rows),
        (2, 12, 14),
        "{:#?}",
        report.problems
    );
    for (at, (column, _, want)) in bad.iter().enumerate() {
        let problem = report.problems.iter().find(|problem| problem.row == at as u64 + 2).unwrap();
        assert_eq!((problem.field.as_str(), problem.line), (*column, at as u64 + 3), "{problem}");
        assert!(problem.expected.contains(want), "{problem}");
    }
    let twice = report.problems.last().unwrap();
    assert_eq!((twice.row, twice.field.as_str()), (14, "partner_key"));
    let kept = world.store.partners(&world.vendor).await.unwrap();
    let kept: Vec<_> =
        kept.iter().map(|row| (row.partner_key.as_str(), row.tier.as_str())).collect();
    assert_eq!(kept, [("acme-01", "Gold"), ("acme-02", "Silver")]);
}

#[tokio::test]
async fn a_logo_becomes_an_asset_and_a_changed_one_a_revision() {
    let world = World::new().await;
    world.file("logos/a.png", png(640, 200));
    let row = format!("{}logos/a.png", partner_row("acme", "Gold"));
    let report = world.import_partners(std::slice::from_ref(&row)).await;
    assert_eq!(report.created, 1, "{:?}", report.problems);
    let partner = world.program.find_partner(&OPS, None, "acme").await.unwrap();
    let (brand, _) = world.store.partner_brand(&partner.partner).await.unwrap().unwrap();
    let logo = brand.logo.unwrap();
    assert_eq!((logo.width, logo.height, logo.extension.as_str()), (640, 200, "png"));
    let asset = world.program.asset(&logo.hash).await.unwrap();
    assert_eq!(asset.content_type, "image/png");
    assert!(asset.bytes.starts_with(b"\x89PNG\r\n\x1a\n"));

    assert_eq!(world.import_partners(std::slice::from_ref(&row)).await.unchanged, 1);
    world.file("logos/a.png", png(600, 200));
    assert_eq!(world.import_partners(&[row]).await.updated, 1);
    assert_eq!(world.store.partner(&partner.partner).await.unwrap().unwrap().revision_number, 2);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_writes_nothing() {
    let world = World::new().await;
    world.partner("acme", "Gold").await;
    let rows = [partner_row("acme", "Silver"), partner_row("new", "Gold"), partner_row("bad", "x")];
    let file = world.file("dry.csv", format!("{PARTNER_COLUMNS}\n{}\n", rows.join("\n")));
    let read_as = ReadAs::default();
    let import = ImportPartners { vendor: world.vendor.clone(), file, read_as, dry_run: true };
    let report = world.program.import_partners(&OPS, &import, &mut |_| {}).await.unwrap();
    assert_eq!((report.created, report.updated, report.refused, report.taken), (1, 1, 1, 2));
    let kept = world.store.partners(&world.vendor).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].tier, "Gold");
}

#[tokio::test]
async fn a_file_that_is_no_such_table_is_refused_as_a_whole() {
    let world = World::new().await;
    let error = world.try_import_partners("partner,company\nx,y\n").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    let said = error.to_string();
    for column in ["partner_key", "tier"] {
        assert!(said.contains(&format!("`{column}`")), "{said}");
    }
    let import = ImportPartners {
        vendor: world.vendor.clone(),
        file: "/nowhere/partners.csv".into(),
        read_as: ReadAs::default(),
        dry_run: false,
    };
    let error = world.program.import_partners(&OPS, &import, &mut |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/partners.csv"), "{error}");
}

#[tokio::test]
async fn a_column_that_is_not_known_is_said_with_the_nearest() {
    let world = World::new().await;
    let csv =
        format!("{}\n{}\n", PARTNER_COLUMNS.replace("colour", "colur"), partner_row("a", "Gold"));
    let report = world.try_import_partners(&csv).await.unwrap();
    assert_eq!(report.created, 1);
    assert!(
        report.notes.iter().any(|n| n.contains("`colur`") && n.contains("`colour`")),
        "{report:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever good and bad rows a file mixes, it means the same the second time: nothing changes.
    #[test]
    fn the_same_file_again_changes_nothing(
        rows in prop::collection::vec((0u8..30, prop::sample::select(vec!["Gold", "silver", "x"]), "[a-zA-Zäé\"]{0,12}"), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let rows: Vec<String> = rows
                .iter()
                .map(|(key, tier, name)| {
                    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
                    let key = format!("p{key}");
                    partner_row(&key, tier).replacen(&format!("Firm {key}"), &quoted, 1)
                })
                .collect();
            let first = world.import_partners(&rows).await;
            let again = world.import_partners(&rows).await;
            assert_eq!(first.taken + first.refused, first.rows);
            assert_eq!((again.created, again.updated), (0, 0));
            assert_eq!((again.unchanged, again.refused), (first.created, first.refused));
        });
    }
}

#[tokio::test]
async fn region_and_type_decide_who_may_launch() {
    let world = World::new().await;
    let csv = format!(
        "{PARTNER_COLUMNS},country,type\n{},at,MSP\n{},DE,reseller\n{},FR,msp\n{},,\n",
        partner_row("vienna", "Gold"),
        partner_row("berlin", "Gold"),
        partner_row("paris", "Gold"),
        partner_row("unknown", "Gold"),
    );
    let report = world.try_import_partners(&csv).await.unwrap();
    assert_eq!((report.created, report.refused), (4, 0), "{:?}", report.problems);
    let again = world.try_import_partners(&csv).await.unwrap();
    assert_eq!(again.unchanged, 4);
    let bad = csv.replace("at,MSP", "Austria,MSP");
    let report = world.try_import_partners(&bad).await.unwrap();
    assert_eq!(report.refused, 1);
    assert!(report.problems[0].to_string().contains("ISO 3166-1"), "{}", report.problems[0]);

    world
        .publish(|manifest| {
            manifest.push_str(
                "\n[eligibility]\nregions = [\"AT\", \"DE\"]\npartner_types = [\"msp\"]\n",
            );
        })
        .await;
    for key in ["vienna", "berlin", "paris", "unknown"] {
        let found = world.program.find_partner(&OPS, Some(&world.vendor), key).await.unwrap();
        world.import_contacts(&found.company, "email\nanna@example.com\n").await;
    }
    let launched = world.launch(LaunchFor::AllEligible).await;
    let keys: Vec<&str> = launched.activations.iter().map(|a| a.partner_key.as_str()).collect();
    assert_eq!(keys, ["vienna"]);
    let why = |key: &str| {
        launched.refused.iter().find(|r| r.partner_key == key).unwrap().reason.to_string()
    };
    assert_eq!(why("berlin"), "its type is reseller; the package is for msp");
    assert_eq!(why("paris"), "its region is FR; the package is for AT, DE");
    assert_eq!(why("unknown"), "its region is not known; the package is for AT, DE");
}
