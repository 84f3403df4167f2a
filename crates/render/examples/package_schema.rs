//! Writes the JSON Schema of `package.toml`: `cargo run -p render --example package_schema > config/package.schema.json`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&render::package_schema())?);
    Ok(())
}
