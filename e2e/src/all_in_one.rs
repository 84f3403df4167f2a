//! `throughline all` on one machine, and more workers started by hand against its Redis.

use std::{
    fs::File,
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

use testkit::{ScriptedRelay, relay::Phase, wait::wait_for};

use crate::fleet::{PATIENCE, Process, sample_package, throughline};

fn with_config(config: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(throughline());
    command.arg("--config").arg(config).args(args).stdin(Stdio::null());
    command
}

fn ok(config: &Path, args: &[&str]) -> serde_json::Value {
    let output = with_config(config, args).arg("--json").output().expect("the binary starts");
    assert!(
        output.status.success(),
        "throughline {args:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null)
}

fn spawn(mut command: Command, log: &Path) -> Child {
    let file = File::create(log).expect("the temporary folder is writable");
    let other = file.try_clone().expect("a file handle");
    command.stdout(other).stderr(file).spawn().expect("the binary starts")
}

/// Hands, and so connections, of each worker.
const HANDS: usize = 4;

#[tokio::test]
async fn work_spreads_over_workers_that_join_by_hand() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let relay = ScriptedRelay::start().await;
    let given = folder.path().join("given.toml");
    let mut file = File::create(&given).expect("the temporary folder is writable");
    writeln!(
        file,
        "[portal]\nlisten = \"127.0.0.1:0\"\n\n[worker]\nhands = {HANDS}\n\n\
         [[relay]]\nname = \"main\"\naddress = \"{}\"\nmax_connections = {HANDS}",
        relay.address()
    )
    .expect("the temporary folder is writable");
    drop(file);
    let data = folder.path().join("data");
    let mut all = with_config(&given, &["all", "--workers", "2", "--data"]);
    all.arg(&data);
    let all_log = folder.path().join("all.log");
    let mut all = Process { name: "all".to_owned(), child: spawn(all, &all_log), log: all_log };
    let config = data.join("throughline.toml");
    wait_for("the fleet to run", PATIENCE, || async {
        let said = std::fs::read_to_string(&all.log).ok()?;
        said.contains("Runs, with everything in").then_some(())
    })
    .await;

    // A second machine's worth: the same configuration, other processes.
    let _by_hand = ["hand-1", "hand-2"].map(|name| {
        let log = folder.path().join(format!("{name}.log"));
        let child = spawn(with_config(&config, &["worker"]), &log);
        Process { name: name.to_owned(), child, log }
    });

    let partners = folder.path().join("partners.csv");
    std::fs::write(
        &partners,
        "partner_key,company_name,tier,from_name,from_email,reply_to,locale,time_zone,colour,\
         web_site,postal_address,contact_name,contact_email,contact_phone,logo\n\
         acme,Acme Ltd,Gold,Acme,news@acme.example,hello@acme.example,en,Europe/Vienna,#0a4d8c,\
         https://acme.example,1 Market Street | 1010 Vienna,Pat Smith,pat@acme.example,,\n",
    )
    .expect("the temporary folder is writable");
    let contacts = folder.path().join("contacts.csv");
    let mut text = String::from("email,first_name,last_name,consent_basis,consent_source\n");
    for n in 0..400 {
        text.push_str(&format!("person{n}@customer.example,Anna,Meier,opt_in,web form\n"));
    }
    std::fs::write(&contacts, text).expect("the temporary folder is writable");
    let path = |path: &Path| path.display().to_string();
    ok(&config, &["vendor", "add", "Northwind Secure"]);
    ok(&config, &["import", "partners", &path(&partners)]);
    ok(
        &config,
        &["import", "contacts", "--company", "acme", "--list", "customers", &path(&contacts)],
    );
    ok(&config, &["package", "publish", &sample_package().display().to_string()]);
    relay.hold(Phase::Dot);
    ok(&config, &["launch", "--package", "product-launch", "--all-eligible"]);

    // No worker has more hands than these, so all four are at it at the same time.
    relay.wait_until_holding(4 * HANDS).await;
    relay.release();
    relay.wait_until_accepted(400).await;

    let pid = all.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().expect("kill runs").success());
    let ended =
        tokio::task::spawn_blocking(move || all.child.wait()).await.expect("it can be awaited");
    assert!(ended.expect("a child can be waited for").success());
    assert_eq!(relay.accepted().len(), 400, "each once");
}
