//! The hostile cases of `tests/hostile`, each by its name.

#[path = "../hostile/cases.rs"]
mod cases;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a case; a panic is what was not as expected, too.
fn attempt(name: &str, failed: &mut Vec<String>, run: impl FnOnce() -> Result<(), String>) {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => {}
        Ok(Err(why)) => failed.push(format!("{name}: {why}")),
        Err(_) => failed.push(format!("{name}: it panicked")),
    }
}

fn assert_none(failed: &[String]) {
    assert!(failed.is_empty(), "{} failed:\n\n{}", failed.len(), failed.join("\n\n"));
}

#[test]
fn hostile_templates_are_refused_or_harmless() {
    let cases = cases::templates();
    assert!(cases.len() >= 100, "{}", cases.len());
    let mut failed = Vec::new();
    for case in &cases {
        attempt(&case.name, &mut failed, || case.run());
    }
    assert_none(&failed);
}

#[test]
fn hostile_inputs_are_refused_or_harmless() {
    let cases = cases::inputs();
    assert!(cases.len() >= 200, "{}", cases.len());
    let stage = cases::Stage::new();
    let mut failed = Vec::new();
    for case in &cases {
        for field in case.fields() {
            attempt(&format!("{} in {field}", case.name), &mut failed, || case.run(&stage, field));
        }
    }
    assert_none(&failed);
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let templates: Vec<String> = cases::templates().into_iter().map(|case| case.name).collect();
    let inputs: Vec<String> = cases::inputs().into_iter().map(|case| case.name).collect();
    for mut names in [templates, inputs] {
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
