//! From nothing to a launched activation, in both forms of answer.

use crate::machine::{Machine, PARTNERS, sample_package};

#[test]
fn from_nothing_to_a_launch_and_back() {
    let mut machine = Machine::new();
    let package = sample_package();
    assert!(machine.ok(&["migrate"]).stdout.contains("schema is version"));
    assert!(machine.ok(&["migrate"]).stdout.contains("already"));
    let added = machine.ok(&["vendor", "add", "Northwind Secure", "--json"]).json();
    assert_eq!(added["is_new"], true);
    assert!(
        machine.ok(&["vendor", "add", "northwind secure"]).stdout.contains("was there already")
    );

    machine.file("partners.csv", PARTNERS);
    let report = machine.ok(&["--json", "import", "partners", "partners.csv"]).json();
    assert_eq!((&report["created"], &report["refused"]), (&2.into(), &0.into()));
    let again = machine.ok(&["import", "partners", "partners.csv"]);
    assert!(again.stdout.contains("2 rows, 2 taken: 2 unchanged"), "{}", again.stdout);

    machine.file(
        "contacts.csv",
        "email,first_name\nanna@example.com,Anna\nno address,Bert\n,Nobody\n",
    );
    let import = [
        "import",
        "contacts",
        "--company",
        "acme",
        "--list",
        "customers",
        "--consent",
        "opt_in",
        "contacts.csv",
    ];
    let refused = machine.run(&import);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stdout.contains("row 3 (line 4), email: expected an address"),
        "{}",
        refused.stdout
    );
    assert!(
        refused.stdout.contains("3 rows, 2 taken: 2 new, 1 refused, 1 kept with a remark"),
        "{}",
        refused.stdout
    );

    assert!(machine.ok(&["package", "check", &package]).stdout.contains("the package is good"));
    let published = machine.ok(&["--json", "package", "publish", &package]).json();
    assert_eq!(
        (&published["slug"], &published["is_new"]),
        (&"product-launch".into(), &true.into())
    );
    machine.ok(&[
        "render",
        "--package",
        "product-launch",
        "--partner",
        "beta",
        "--field",
        "first_name=Zoë",
        "--out",
        "out",
    ]);
    for file in ["announce.html", "deep-dive.txt", "last-call.eml"] {
        let text = std::fs::read_to_string(machine.path("out").join(file)).unwrap();
        assert!(text.contains("Side Street 2"), "{file}");
    }

    let launched =
        machine.ok(&["launch", "--package", "product-launch", "--all-eligible", "--json"]).json();
    assert_eq!(launched["activations"].as_array().unwrap().len(), 1);
    assert_eq!(launched["refused"][0]["partner_key"], "beta");
    let activation = launched["activations"][0]["activation"].as_str().unwrap().to_owned();
    let second = machine.ok(&["launch", "--package", "product-launch", "--partner", "acme"]);
    assert!(
        second.stdout.contains(&activation) && second.stdout.contains("was launched before"),
        "{}",
        second.stdout
    );
    let none = machine.run(&["launch", "--package", "product-launch", "--partner", "beta"]);
    assert_eq!(none.code, 2);
    assert!(none.stdout.contains("no contact list"), "{}", none.stdout);

    let status = machine.ok(&["status", "--json"]).json();
    assert_eq!(status["activations"][0]["activation"], activation.as_str());
    assert_eq!(status["belt"]["state"], "reachable");
    let one = machine.ok(&["status", &activation]).stdout;
    assert!(
        one.contains("product-launch for Acme Ltd (acme, Gold)") && one.contains("nothing is due"),
        "{one}"
    );
    assert_eq!(machine.ok(&["events", &activation]).stdout, "");

    // The belt has no leader here, so it is closed: what it must know, it learns from the book.
    for (command, after) in [("pause", "paused"), ("resume", "scheduled"), ("cancel", "cancelled")]
    {
        let done = machine.ok(&[command, &activation, "--json"]).json();
        assert_eq!((&done["after"], &done["changed"]), (&after.into(), &true.into()));
    }
    machine.redis.stop();
    let again = machine.ok(&["cancel", &activation]);
    assert!(
        again.stdout.contains("was cancelled already; takes effect before anything is sent"),
        "{}",
        again.stdout
    );
    let status = machine.ok(&["status", "--json"]).json();
    assert_eq!(status["belt"]["state"], "unreachable");
}
