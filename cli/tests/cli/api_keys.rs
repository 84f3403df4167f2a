//! Keys of the API, from the command line.

use crate::machine::{Machine, PARTNERS, run};

#[test]
fn a_key_is_shown_once_listed_without_its_secret_and_revoked() {
    let machine = Machine::new();
    machine.ok(&["migrate"]);
    machine.ok(&["vendor", "add", "Northwind"]);
    let partners = machine.file("partners.csv", PARTNERS);
    machine.ok(&["import", "partners", partners.to_str().unwrap()]);
    let add = |arguments: &[&str]| {
        let added = machine.ok(&[&["api-key", "add", "--json"], arguments].concat()).json();
        (added["key"].as_str().unwrap().to_owned(), added["acts_for"].as_str().unwrap().to_owned())
    };
    let (ops, for_ops) = add(&["--name", "all", "--ops"]);
    let (vendor, for_vendor) =
        add(&["--name", "of the vendor", "--vendor", "Northwind", "--expires", "2999-01-01"]);
    let (company, for_company) = add(&["--name", "crm", "--company", "acme"]);
    assert_eq!(for_ops, "ops");
    assert!(for_vendor.starts_with("ven_") && for_company.starts_with("com_"));
    let listed = machine.ok(&["api-key", "list"]).stdout;
    let secrets = [&ops, &vendor, &company].map(|key| key.rsplit_once('_').unwrap());
    for (id, secret) in secrets {
        assert!(id.starts_with("tlk_") && secret.len() == 64);
        assert!(listed.contains(id) && !listed.contains(secret), "{listed}");
    }
    assert!(listed.contains("2999-01-01T00:00:00Z"), "{listed}");
    let said = machine.ok(&["api-key", "revoke", secrets[0].0]).stdout;
    assert!(said.contains("is revoked; every portal refuses it within 5 s"), "{said}");
    assert!(machine.ok(&["api-key", "revoke", secrets[0].0]).stdout.contains("was revoked before"));
    assert_eq!(machine.run(&["api-key", "revoke", "tlk_01j00000000000000000000000"]).code, 4);
    // A whole key is no id: it does not belong on a command line.
    assert_eq!(machine.run(&["api-key", "revoke", &company]).code, 2);
    for wrong in [
        &["--name", "x"][..],
        &["--name", "x", "--ops", "--company", "acme"],
        &["--name", "", "--ops"],
        &["--name", "x", "--ops", "--expires", "2001-01-01"],
    ] {
        assert_eq!(machine.run(&[&["api-key", "add"], wrong].concat()).code, 2, "{wrong:?}");
    }
    let stranger = machine.run(&["api-key", "add", "--name", "x", "--vendor", "Northwint"]);
    assert_eq!((stranger.code, stranger.stderr.contains("did you mean \"Northwind\"?")), (4, true));
}

#[test]
fn the_description_needs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(folder.path(), &["openapi"]);
    assert_eq!((printed.code, printed.json()["openapi"].as_str()), (0, Some("3.1.0")));
}
