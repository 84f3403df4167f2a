//! Builds again when an embedded template changes; the macro that embeds them can't tell.

fn main() {
    println!("cargo::rerun-if-changed=../../templates");
    println!("cargo::rerun-if-changed=../../campaigns");
}
