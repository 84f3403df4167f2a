//! Tables that other programs wrote, read as Python's `csv` reads them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use program::{ImportContacts, ReadAs};
use serde_json::Value;

use crate::world::World;

/// Runs a script; what it prints is JSON.
fn python(script: &str, arguments: &[&str]) -> Value {
    let output = Command::new("python3").args(["-c", script]).args(arguments).output();
    let output = output.expect("python3 can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The example tables that the source of the csv library carries.
fn tables_of_the_csv_library() -> Vec<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = |command: &mut Command| {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).expect("it writes UTF-8")
    };
    let version = run(Command::new("rustc").arg("-vV"));
    let platform = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    // Packages of other platforms were never fetched here, and nothing is fetched for this.
    let metadata = run(Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", platform])
        .current_dir(env!("CARGO_MANIFEST_DIR")));
    let metadata: Value = serde_json::from_str(&metadata).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let csv = packages.iter().find(|it| it["name"] == "csv").expect("csv is a dependency");
    let manifest = Path::new(csv["manifest_path"].as_str().unwrap());
    let folder = manifest.with_file_name("examples").join("data");
    [&folder, &folder.join("bench")]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("its examples are there"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "csv"))
        // One without a header, and one with comments and escapes of its own, are no tables of contacts.
        .filter(|path| {
            !["smallpop-no-headers", "strange"].iter().any(|it| path.ends_with(format!("{it}.csv")))
        })
        .collect()
}

const COUNT: &str = r"
import csv, json, sys
file, encoding, delimiter = sys.argv[1:]
with open(file, encoding=encoding, newline='') as lines:
    header, *rows = csv.reader(lines, delimiter=delimiter)
rows = [row for row in rows if any(cell.strip() for cell in row)]
print(json.dumps({'rows': len(rows), 'first': rows[0], 'last': rows[-1]}))
";

#[tokio::test]
async fn tables_of_the_csv_library_have_the_rows_that_python_finds() {
    let tables = tables_of_the_csv_library();
    assert!(tables.len() >= 5, "{tables:?}");
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    for table in tables {
        let name = table.file_name().unwrap().to_string_lossy().into_owned();
        // A colon stands in times and addresses: only a column that is known makes it believed.
        let map = if name.contains("colon") { "city=email" } else { "1=email" };
        let import = ImportContacts {
            file: table.clone(),
            read_as: ReadAs { maps: vec![map.parse().unwrap()], ..ReadAs::default() },
            dry_run: true,
            ..world.contacts(&company, "")
        };
        let report =
            world.run_import(&import).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let encoding = if name.contains("latin1") { "latin-1" } else { "utf-8" };
        let delimiter = if name.contains("colon") { ":" } else { "," };
        let theirs = python(COUNT, &[table.to_str().unwrap(), encoding, delimiter]);
        assert_eq!(report.rows, theirs["rows"].as_u64().unwrap(), "{name}: {:?}", report.notes);
        assert_eq!(report.delimiter.map(String::from).as_deref(), Some(delimiter), "{name}");
        let expected = if name.contains("latin1") { "windows-1252" } else { "UTF-8" };
        assert!(report.encoding.eq_ignore_ascii_case(expected), "{name}: {}", report.encoding);
    }
}

const WRITE: &str = r#"
import csv, json, sys
folder = sys.argv[1]
people = [['E-Mail', 'Vorname', 'Nachname', 'Firma', 'Notiz']]
for n in range(60):
    people.append([f'person.{n}@customer-{n % 7}.example', ['Zoë', 'José', 'Jürgen', "O'Brien"][n % 4], f'Größe {n}',
        f'Firma "{n}", Söhne; Töchter', ['=HYPERLINK("http://x.example";"y")', 'zwei\r\nZeilen', '', '\ttab\t'][n % 4]])
written = []
def write(name, encoding, **how):
    with open(f'{folder}/{name}', 'w', encoding=encoding, newline='') as file:
        csv.writer(file, **how).writerows(people)
    written.append(name)
write('excel.csv', 'utf-8')
write('excel-bom.csv', 'utf-8-sig')
write('excel-tab.tsv', 'utf-8', dialect='excel-tab')
write('unix.csv', 'utf-8', dialect='unix')
write('german-excel.csv', 'cp1252', delimiter=';')
write('latin-1.csv', 'latin-1', delimiter=';')
write('unicode-text.txt', 'utf-16', dialect='excel-tab')
write('utf-16-be.csv', 'utf-16-be')
write('pipes.csv', 'utf-8', delimiter='|', quoting=csv.QUOTE_ALL)
print(json.dumps(written))
"#;

#[tokio::test]
async fn what_python_writes_in_nine_ways_is_the_same_sixty_people() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let folder = tempfile::tempdir().unwrap();
    let written = python(WRITE, &[folder.path().to_str().unwrap()]);
    for (number, name) in written.as_array().unwrap().iter().enumerate() {
        let name = name.as_str().unwrap();
        let import =
            ImportContacts { file: folder.path().join(name), ..world.contacts(&company, "") };
        let report =
            world.run_import(&import).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let counts = (report.rows, report.created, report.unchanged, report.refused);
        let expected = if number == 0 { (60, 60, 0, 0) } else { (60, 0, 60, 0) };
        assert_eq!(
            counts,
            expected,
            "{name} as {}: {:?}",
            report.encoding,
            report.problems.first()
        );
    }
    let contact = world.contact(&company, "person.1@customer-1.example").await.unwrap();
    assert_eq!((contact.first_name.as_str(), contact.last_name.as_str()), ("José", "Größe 1"));
    assert_eq!(contact.fields["company"], "Firma \"1\", Söhne; Töchter");
}
