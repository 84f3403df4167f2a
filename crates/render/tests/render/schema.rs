//! The schema that editors read is the one of this program, and the packages that come with it fit it.

use std::path::Path;

/// `package.toml` names it in its first line: `#:schema ../../config/package.schema.json`.
#[test]
fn the_schema_in_the_tree_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/package.schema.json");
    let text = std::fs::read_to_string(&path).expect("config/package.schema.json is there");
    let written: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert!(
        written == render::package_schema(),
        "write it anew: cargo run -p render --example package_schema > config/package.schema.json"
    );
}
