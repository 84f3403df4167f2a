//! The JSON API of the real portal, held against its description by Schemathesis: it makes up requests that the
//! description allows and requests that it does not, and looks whether the answers are those that it promises.

mod schemathesis {
    use std::process::{Command, Stdio};

    use crate::fleet::{Fleet, Size, throughline};

    /// Requests made up for each operation and way of making them up.
    const EXAMPLES: &str = "25";

    /// The program, where `.ci/install api` puts it.
    fn program() -> std::path::PathBuf {
        let debug = throughline();
        let target = debug.ancestors().nth(2).expect("target/debug/throughline");
        let program = target.join("venv/bin/schemathesis");
        assert!(program.exists(), "{} is missing: run .ci/install api first", program.display());
        program
    }

    #[tokio::test]
    async fn answers_are_what_the_description_promises() {
        let wide = "100000/s, burst 100000".to_owned();
        let settings = vec![
            ("THROUGHLINE__API__LIMIT", wide.clone()),
            ("THROUGHLINE__API__ANONYMOUS_LIMIT", wide),
        ];
        let mut fleet = Fleet::set_up(Size { settings, ..Size::default() }).await;
        fleet.let_the_vendor_write();
        fleet.ok(&["invite", "--package", "product-launch", "--all-eligible"]);
        fleet.launch();
        let whose: [&[&str]; 3] =
            [&["--ops"], &["--vendor", "Northwind Secure"], &["--company", "p1"]];
        let portal = fleet.start("portal");
        fleet.wait_for_portal().await;
        for who in whose {
            let mut add = vec!["api-key", "add", "--name", "schemathesis"];
            add.extend(who);
            let added = fleet.ok(&add);
            let key = added["key"].as_str().expect("a key");
            let output = Command::new(program())
                .args(["run", &format!("{}/api/v1/openapi.json", fleet.public_url())])
                .args(["--header", &format!("Authorization: Bearer {key}")])
                .args(["--max-examples", EXAMPLES, "--generation-deterministic"])
                .args(["--warnings", "off", "--no-color"])
                .current_dir(fleet.folder())
                .stdin(Stdio::null())
                .output()
                .expect("it starts");
            let said = String::from_utf8_lossy(&output.stdout);
            let end: Vec<&str> = said.lines().filter(|line| line.len() < 1_000).collect();
            let end = end[end.len().saturating_sub(120)..].join("\n");
            assert!(
                output.status.success() && end.contains("No issues found"),
                "with a key of {who:?}: {}\n{end}\n{}\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr),
                fleet.log(portal)
            );
        }
    }
}
