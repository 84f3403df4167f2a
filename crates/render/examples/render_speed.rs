//! How many messages a core makes from a prepared skeleton: `cargo run --release -p render --example render_speed`.

use std::{
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use render::{Compiled, MessageLinks, Sample, SamplePackage, SharedTemplates, publish};

fn main() -> Result<(), Box<dyn Error>> {
    let package = SamplePackage::named("product-launch").ok_or("no such package")?;
    let version = publish(package.files(), &SharedTemplates::embedded())
        .map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let sample = Sample::of(package.files()).ok_or("no sample")?;
    let started = Instant::now();
    let compiled = Compiled::from_blob(&version.blob)?;
    println!("compile   {:>8.1?}   blob {} bytes", started.elapsed(), version.blob.len());
    for step in compiled.steps() {
        let started = Instant::now();
        let skeleton = compiled.skeleton(&step.key, "en", &sample.shelf(), "https://m.example")?;
        let prepared = started.elapsed();
        let links = MessageLinks::all_to("https://m.example/u/AQEl3n0bqkK0Wv0r2cYw");
        let message = skeleton.message(&sample.people[0], &links)?;
        let started = Instant::now();
        let mut count = 0_u32;
        while started.elapsed() < Duration::from_millis(700) {
            for person in &sample.people {
                black_box(skeleton.message(person, &links)?);
                count += 1;
            }
        }
        println!(
            "{:<10}skeleton {prepared:>8.1?}   {:>7.0} messages/s   html {} bytes, text {} bytes",
            step.key.to_string(),
            f64::from(count) / started.elapsed().as_secs_f64(),
            message.html.len(),
            message.text.len(),
        );
    }
    Ok(())
}
