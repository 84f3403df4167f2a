//! Packages are looked at before anything is installed.

use std::fs;

use crate::machine::{run, sample_package};

#[test]
fn a_folder_is_rendered_where_nothing_is_installed() {
    let nowhere = tempfile::tempdir().unwrap();
    let package = sample_package();
    let render = |more: &[&str]| {
        let mut arguments = vec!["render", "--dir", &package, "--out", "out"];
        arguments.extend(more);
        run(nowhere.path(), &arguments)
    };
    let rendered = render(&["--language", "de", "--slot", "offer=Drei Monate frei."]);
    assert_eq!(rendered.code, 0, "{}", rendered.stderr);
    let out = nowhere.path().join("out");
    let mail = fs::read_to_string(out.join("last-call.html")).unwrap();
    assert!(mail.contains("Drei Monate frei.") && mail.contains("Guten Tag Maya,"), "{mail}");
    assert!(mail.contains("between Bristol and Exeter"), "other slots are the sample's: {mail}");
    let pictures = fs::read_dir(out.join("assets")).unwrap().count();
    assert_eq!(pictures, 3, "the package's picture, the vendor's logo and the sample partner's");
    assert!(mail.contains("src=\"assets/"), "{mail}");
    let eml = fs::read_to_string(out.join("last-call.eml")).unwrap();
    assert!(eml.contains("List-Unsubscribe:") && !eml.contains("assets/"), "{eml}");
    let left: Vec<_> =
        fs::read_dir(nowhere.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["out"], "no book was made");
}

#[test]
fn what_does_not_fit_is_said_in_one_line() {
    let nowhere = tempfile::tempdir().unwrap();
    let package = sample_package();
    for (slot, expected) in [
        ("cta_url=http://x.example", "slot cta_url: it is no https link; expected "),
        ("ofer=x", "slot ofer: "),
        ("offer=@nowhere.png x", "can't read nowhere.png"),
    ] {
        let refused = run(nowhere.path(), &["render", "--dir", &package, "--slot", slot]);
        assert_ne!(refused.code, 0, "{slot}");
        assert!(refused.stderr.contains(expected), "{slot}: {}", refused.stderr);
    }
}

#[test]
fn shared_templates_of_an_installation_go_before_those_of_the_program() {
    let nowhere = tempfile::tempdir().unwrap();
    let package = sample_package();
    let partials = nowhere.path().join("ours/email/partials");
    fs::create_dir_all(&partials).unwrap();
    fs::write(partials.join("button.txt.hbs"), "OUR BUTTON {{label}}:\n{{url}}\n").unwrap();
    fs::write(nowhere.path().join("throughline.toml"), "[templates]\nfolder = \"ours\"\n").unwrap();
    let rendered = run(nowhere.path(), &["render", "--dir", &package, "--step", "announce"]);
    assert_eq!(rendered.code, 0, "{}", rendered.stderr);
    let text = fs::read_to_string(nowhere.path().join("preview/announce.txt")).unwrap();
    assert!(text.contains("OUR BUTTON Read the four-minute overview:"), "{text}");
    // A mistake in them is found where it stands.
    fs::write(partials.join("button.txt.hbs"), "{{labl}}").unwrap();
    let checked = run(nowhere.path(), &["package", "check", &package]);
    assert_eq!(checked.code, 2, "{}", checked.stdout);
    assert!(
        checked.stdout.contains("templates/email/partials/button.txt.hbs:1:"),
        "{}",
        checked.stdout
    );
    fs::remove_dir_all(nowhere.path().join("ours")).unwrap();
    let missing = run(nowhere.path(), &["package", "check", &package]);
    assert!(missing.stderr.contains("templates.folder"), "{}", missing.stderr);
}
