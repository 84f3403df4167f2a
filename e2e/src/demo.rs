//! The demo, its own sink and recipients included: what they know that they did is what the book says.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fleet::throughline;

fn run_demo(arguments: &[&str]) -> Value {
    let mut command = Command::new(throughline());
    command.args(["demo", "--exit", "--json"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the demo ended with {}\n{said}", output.status);
    serde_json::from_slice(&output.stdout).expect("the summary is JSON")
}

#[test]
fn what_recipients_did_is_in_the_book_as_what_it_was() {
    let summary = run_demo(&["--partners", "6", "--contacts-per-partner", "60"]);
    let came_back = &summary["came_back"];
    assert_eq!(summary["problems"], serde_json::json!([]), "{came_back}");
    assert_eq!(came_back["truth"], came_back["book"], "{came_back}");
    for what in [
        "opened_by_people",
        "opened_by_machines",
        "clicked_by_people",
        "clicked_by_machines",
        "unsubscribed",
    ] {
        assert!(came_back["truth"][what].as_u64() > Some(0), "nobody {what}: {came_back}");
    }
    for what in ["lost", "unexplained", "misjudged"] {
        assert_eq!(came_back[what], 0, "{came_back}");
    }
    assert!(came_back["answers"]["hidden_links"].as_u64() > Some(0), "{came_back}");
    // Those who left got nothing of the two steps that followed.
    let skipped = &summary["sends"]["by_reason"]["skipped"];
    let unsubscribed = came_back["truth"]["unsubscribed"].as_u64().expect("a number");
    assert!(skipped["suppressed_company"].as_u64() >= Some(2 * unsubscribed), "{skipped}");
}
