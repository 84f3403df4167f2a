//! Walks through pages in a real Chromium: `e2e/browser/*.mjs`.

use std::{path::Path, process::Command};

use serde_json::{Map, Value};

/// Walks `browser/{script}.mjs` through the pages that these mails lead to, and leaves pictures under
/// `target/screenshots/{pictures}`. Aside, so that the relay of the test takes mail meanwhile.
pub async fn walk(script: &str, mails: &Map<String, Value>, pictures: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("../target/screenshots").join(pictures);
    let given = serde_json::json!({ "mails": mails, "out": out, "chromium": "/usr/bin/chromium" });
    let mut walk = Command::new("node");
    walk.arg(root.join(format!("browser/{script}.mjs"))).arg(given.to_string());
    let walk = tokio::task::spawn_blocking(move || walk.output()).await.expect("no panic");
    let walk = walk.expect("node is installed: run .ci/install browser");
    let said = [&walk.stdout, &walk.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(walk.status.success(), "{}", said.concat());
}
