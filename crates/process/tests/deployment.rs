//! The container files say what the program understands: checked as files, without Docker.

use std::{collections::BTreeMap, path::PathBuf};

use process::Config;
use serde_yaml_ng::Value as Yaml;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What `make up` writes to `.env`.
fn environment_file() -> BTreeMap<String, String> {
    read(".env.example")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once('=').expect("NAME=value");
            (name.to_owned(), value.replace("generate", &"0123456789abcdef".repeat(4)))
        })
        .collect()
}

fn entries(yaml: &Yaml) -> BTreeMap<String, Yaml> {
    let mapping = yaml.as_mapping().unwrap_or_else(|| panic!("expected a mapping, got {yaml:?}"));
    let entry = |(key, value): (&Yaml, &Yaml)| {
        (key.as_str().expect("keys are text").to_owned(), value.clone())
    };
    mapping.iter().map(entry).collect()
}

fn words(yaml: &Yaml) -> Vec<String> {
    match yaml {
        Yaml::Sequence(list) => {
            list.iter().filter_map(|word| word.as_str().map(ToOwned::to_owned)).collect()
        }
        other => other.as_str().map(ToOwned::to_owned).into_iter().collect(),
    }
}

/// Puts the values of `.env` where `${NAME:?message}` stands; every name must be in it.
fn substitute(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut rest = text;
    let mut whole = String::new();
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) = after.split_once('}').expect("a closing brace");
        let (name, message) =
            inside.split_once(":?").expect("${NAME:?message}: a missing value is an error");
        assert_eq!(message, "see .env.example");
        whole += before;
        whole += values.get(name).unwrap_or_else(|| panic!("{name} is not in .env.example"));
        rest = after;
    }
    whole + rest
}

struct Service {
    name: String,
    parts: BTreeMap<String, Yaml>,
}

impl Service {
    fn environment(&self, values: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let Some(environment) = self.parts.get("environment") else { return Vec::new() };
        let text = |value: &Yaml| substitute(value.as_str().expect("a text"), values);
        entries(environment).into_iter().map(|(name, value)| (name, text(&value))).collect()
    }

    fn config(&self) -> Config {
        let variables = self.environment(&environment_file());
        Config::load(None, variables).unwrap_or_else(|error| panic!("{}:\n{error}", self.name))
    }

    fn command(&self) -> Vec<String> {
        self.parts.get("command").map(words).unwrap_or_default()
    }
}

fn services() -> BTreeMap<String, Service> {
    let text = read("docker-compose.yml");
    let mut file: Yaml = serde_yaml_ng::from_str(&text).expect("one document of YAML");
    file.apply_merge().expect("`<<` names a mapping or several");
    let file = entries(&file);
    entries(&file["services"])
        .into_iter()
        .map(|(name, service)| (name.clone(), Service { name, parts: entries(&service) }))
        .collect()
}

#[test]
fn the_fleet_is_all_there() {
    let services = services();
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["mail", "migrate", "portal", "postgres", "redis", "scheduler", "worker"]);
    for role in ["migrate", "portal", "scheduler", "worker"] {
        assert_eq!(
            services[role].command(),
            [role],
            "the command of the binary has the service's name"
        );
        assert!(services[role].parts.contains_key("build"));
    }
    let redis = services["redis"].command().join(" ");
    assert!(
        redis.contains("--appendonly yes") && redis.contains("--maxmemory-policy noeviction"),
        "{redis}"
    );
}

#[test]
fn every_variable_is_a_setting_and_all_of_them_fit_together() {
    let services = services();
    for name in ["migrate", "scheduler", "portal"] {
        let config = services[name].config();
        assert_eq!(
            config.book.url.to_string(),
            "postgres://throughline:[secret]@postgres:5432/throughline"
        );
    }
    for name in ["scheduler", "portal"] {
        let config = services[name].config();
        assert!(
            config.secrets.address_key().is_ok() && config.secrets.link_key().is_ok(),
            "{name}"
        );
        assert_eq!(config.redis.url.expose(), "redis://redis:6379", "{name}");
    }
    assert_eq!(services["portal"].config().portal.listen.to_string(), "0.0.0.0:8080");

    let worker = services["worker"].config();
    let scheduler = services["scheduler"].config();
    assert!(worker.secrets.link_key().is_ok());
    assert_eq!(worker.redis, scheduler.redis);
    assert_eq!(
        worker.relays, scheduler.relays,
        "the scheduler keeps the limits of the relays that workers use"
    );
    assert_eq!(worker.relays[0].address.to_string(), "mail:1025");
    assert_eq!(worker.portal.public_url, services["portal"].config().portal.public_url);
}

#[test]
fn workers_can_be_scaled_and_never_see_the_book() {
    let services = services();
    let worker = &services["worker"];
    for fixed in ["container_name", "ports", "hostname"] {
        assert!(!worker.parts.contains_key(fixed), "{fixed} exists once, workers are many");
    }
    let values = environment_file();
    for (name, value) in worker.environment(&values) {
        assert!(!name.contains("BOOK") && !name.contains("ADDRESS_KEY"), "{name}");
        assert!(!value.contains("postgres"), "{name}");
    }
    // A drain that is cut short can double what is on the wire.
    let grace =
        worker.parts["stop_grace_period"].as_str().and_then(|text| text.strip_suffix('m')).unwrap();
    let grace = std::time::Duration::from_secs(60 * grace.parse::<u64>().unwrap());
    assert!(grace > worker.config().worker.drain_time_limit.get());
}

#[test]
fn services_wait_for_what_they_need_and_say_how_they_are() {
    let services = services();
    for (name, service) in &services {
        assert!(
            name == "migrate" || service.parts.contains_key("healthcheck"),
            "{name} has no healthcheck"
        );
        let Some(needed) = service.parts.get("depends_on") else { continue };
        for (other, how) in entries(needed) {
            let condition = entries(&how)["condition"].as_str().unwrap().to_owned();
            assert!(services.contains_key(&other), "{name} waits for {other}");
            let expected = if other == "migrate" {
                "service_completed_successfully"
            } else {
                "service_healthy"
            };
            assert_eq!(condition, expected, "{name} waits for {other}");
        }
    }
    for role in ["scheduler", "portal"] {
        let needed = entries(&services[role].parts["depends_on"]);
        assert!(needed.contains_key("migrate") && needed.contains_key("redis"), "{role}");
    }
    // What is asked is where it is served.
    for role in ["scheduler", "worker", "portal"] {
        let config = services[role].config();
        let listen = if role == "portal" { config.portal.listen } else { config.health.listen };
        let asked = words(&entries(&services[role].parts["healthcheck"])["test"]).pop().unwrap();
        assert_eq!(asked, format!("http://127.0.0.1:{}/readyz", listen.port()), "{role}");
    }
}

#[test]
fn only_loopback_is_published() {
    for (name, service) in services() {
        for port in service.parts.get("ports").map(words).unwrap_or_default() {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn the_example_holds_no_secret_and_nothing_unused() {
    let compose = read("docker-compose.yml");
    for (name, value) in environment_file() {
        assert!(compose.contains(&format!("${{{name}:?")), "{name} is used nowhere");
        let secret = ["KEY", "PASSWORD"].iter().any(|word| name.contains(word));
        let example = read(".env.example");
        assert_eq!(secret, example.contains(&format!("{name}=generate\n")), "{name}={value}");
    }
    assert!(read(".gitignore").lines().any(|line| line == ".env"));
    assert!(read(".dockerignore").lines().any(|line| line == ".env"));
}

#[test]
fn the_image_is_small_and_not_root() {
    let dockerfile = read("Dockerfile");
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    let lines: Vec<&str> = dockerfile.lines().collect();
    assert!(
        lines.contains(&format!("FROM rust:{rust}-bookworm AS build").as_str()),
        "built with {rust}"
    );
    let last = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(lines[last], "FROM debian:bookworm-slim");
    let user = lines.iter().rposition(|line| line.starts_with("USER ")).expect("a USER");
    let entry =
        lines.iter().rposition(|line| line.starts_with("ENTRYPOINT ")).expect("an ENTRYPOINT");
    assert!(last < user && user < entry && lines[user] == "USER throughline");
    assert_eq!(lines[entry], "ENTRYPOINT [\"throughline\"]");
}
