//! Every operation with every key, on ids of one's own and on ids of others: who gets what stands in one table.

use domain::SendId;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Answer, Tenant, World};

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// This status; for 404 with no word about what is there.
    Status(u16),
    /// 200, with the tenant's rows.
    Shows,
    /// 200, without any of them.
    Hides,
}
use Want::{Hides, Shows, Status};

const OK: Want = Status(200);
const NONE: Want = Status(404);
const NOT_FOR: Want = Status(403);

/// On the ids of one tenant, with the keys of: ops, its vendor, another vendor, its company, another company.
/// Without a key, and with one that was revoked, everything but the description is 401.
///
/// What ends something stands last.
const EXPECTED: &[(&str, [Want; 5])] = &[
    ("getOpenApi", [OK, OK, OK, OK, OK]),
    ("listPackages", [Shows, Shows, Hides, Shows, Hides]),
    ("getPackage", [OK, OK, NONE, OK, NONE]),
    ("listVersions", [OK, OK, NONE, OK, NONE]),
    ("getVersion", [OK, OK, NONE, OK, NONE]),
    ("listPartners", [Shows, Shows, Hides, Shows, Hides]),
    ("getPartner", [OK, OK, NONE, OK, NONE]),
    ("listContactLists", [OK, NOT_FOR, NOT_FOR, OK, NONE]),
    ("launch", [OK, OK, NONE, OK, NONE]),
    ("listActivations", [Shows, Shows, Hides, Shows, Hides]),
    ("getActivation", [OK, OK, NONE, OK, NONE]),
    ("listEvents", [OK, OK, NONE, OK, NONE]),
    ("getResults", [OK, OK, NONE, OK, NONE]),
    ("getResultsTable", [OK, OK, NONE, OK, NONE]),
    ("listResultPersons", [OK, NONE, NONE, OK, NONE]),
    ("listInvitations", [Shows, Shows, NONE, NOT_FOR, NOT_FOR]),
    ("invite", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("resendInvitation", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("revokeInvitation", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("listJobs", [Shows, Shows, Hides, Shows, Hides]),
    ("getJob", [OK, OK, NONE, OK, NONE]),
    ("replayJob", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("dropJob", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("resolveJob", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("preview", [OK, OK, NONE, OK, NONE]),
    ("listSuppressions", [OK, NONE, NONE, OK, NONE]),
    ("suppress", [OK, NONE, NONE, OK, NONE]),
    ("pausePartner", [OK, OK, NONE, OK, NONE]),
    ("pausePackage", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("pauseVersion", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("pauseVendor", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("pauseAll", [OK, NOT_FOR, NOT_FOR, NOT_FOR, NOT_FOR]),
    // Ops resumes for everybody; who paused is told to nobody else.
    ("listPauses", [Shows, Shows, Hides, Shows, Hides]),
    ("resumePartner", [OK, OK, NONE, OK, NONE]),
    ("resumePackage", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("resumeVersion", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("resumeVendor", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("resumeAll", [OK, NOT_FOR, NOT_FOR, NOT_FOR, NOT_FOR]),
    ("pauseActivation", [OK, OK, NONE, OK, NONE]),
    ("resumeActivation", [OK, OK, NONE, OK, NONE]),
    ("cancelActivation", [OK, OK, NONE, OK, NONE]),
    ("cancelPartner", [OK, OK, NONE, OK, NONE]),
    ("cancelPackage", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("cancelVersion", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("cancelVendor", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
    ("cancelAll", [OK, NOT_FOR, NOT_FOR, NOT_FOR, NOT_FOR]),
    ("recallVersion", [OK, OK, NONE, NOT_FOR, NOT_FOR]),
];

/// The operations of the description: name, method, path.
fn operations() -> Vec<(String, Method, String)> {
    let document: Value = serde_json::from_str(&portal::openapi_json()).unwrap();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            found.push((name, method, path.clone()));
        }
    }
    found
}

/// A tenant, and its stuck jobs: for looking at, to be replayed, to be dropped, and one that is unknown.
struct Own {
    tenant: Tenant,
    jobs: Vec<SendId>,
}

fn path_of(operation: &str, path: &str, Own { tenant, jobs }: &Own) -> String {
    let job = match operation {
        "replayJob" => jobs[1],
        "dropJob" => jobs[2],
        "resolveJob" => jobs[3],
        _ => jobs[0],
    };
    path.replace("{job}", &job.to_string())
        .replace("{vendor}", tenant.vendor.as_str())
        .replace("{package}", tenant.package.as_str())
        .replace("{version}", tenant.version.as_str())
        .replace("{partner}", tenant.partner.as_str())
        .replace("{activation}", &tenant.activation.to_string())
        .replace("{invitation}", tenant.invitation.as_str())
}

fn query_of(operation: &str, tenant: &Tenant) -> String {
    match operation {
        "listSuppressions" => format!("?scope={}", tenant.company),
        "listInvitations" => format!("?vendor={}", tenant.vendor),
        _ => String::new(),
    }
}

fn body_of(operation: &str, tenant: &Tenant) -> Value {
    match operation {
        "launch" | "invite" => json!({ "package": tenant.package, "partners": [tenant.partner] }),
        "resendInvitation" | "replayJob" | "dropJob" => json!({}),
        "resolveJob" => json!({ "as": "sent" }),
        "preview" => json!({ "package": tenant.package, "partner": tenant.partner }),
        "suppress" => json!({
            "scope": tenant.company, "addresses": ["carl@example.com"], "reason": "manual",
        }),
        _ => Value::Null,
    }
}

async fn ask(
    world: &World,
    (operation, method, path): &(String, Method, String),
    key: Option<&str>,
    own: &Own,
) -> Answer {
    let tenant = &own.tenant;
    let bearer = key.map(|key| format!("Bearer {key}"));
    let mut headers: Vec<(&str, &str)> = Vec::new();
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let body = body_of(operation, tenant);
    let body = (!body.is_null()).then(|| body.to_string());
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let path = format!("{}{}", path_of(operation, path, own), query_of(operation, tenant));
    world.send(method.clone(), &path, &headers, body).await
}

/// Names of a tenant that nobody else may read.
fn names(tenant: &Tenant) -> [String; 8] {
    [
        tenant.vendor.to_string(),
        tenant.company.to_string(),
        tenant.partner.to_string(),
        tenant.package.to_string(),
        tenant.version.to_string(),
        tenant.activation.to_string(),
        tenant.invitation.to_string(),
        "Firm northwind".to_owned(),
    ]
}

fn check(what: &str, want: Want, answer: &Answer, tenant: &Tenant) {
    let status = match want {
        Status(status) => status,
        Shows | Hides => 200,
    };
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    match want {
        Shows => assert!(!answer.json()["items"].as_array().unwrap().is_empty(), "{what}"),
        Hides => {
            for name in names(tenant) {
                assert!(!answer.text.contains(&name), "{what} tells {name}: {}", answer.text);
            }
        }
        Status(404) => {
            // What was asked for may be repeated, and nothing else.
            answer.problem(404);
            assert!(
                !answer.text.contains("Firm") && !answer.text.contains("did you mean"),
                "{what}"
            );
        }
        Status(_) => {}
    }
}

#[tokio::test]
async fn every_operation_answers_every_key_as_the_table_says() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let jobs = world.stuck(&tenant).await;
    let own = Own { tenant, jobs };
    let tenant = &own.tenant;
    let stranger = world.tenant("contoso").await;
    let revoked = world.key(program::Actor::Ops, None).await;
    let id = revoked.rsplit_once('_').unwrap().0.parse().unwrap();
    world.program.revoke_api_key(&program::Actor::Ops, &id).await.unwrap();

    let operations = operations();
    let mut missing: Vec<&str> = operations.iter().map(|(name, ..)| name.as_str()).collect();
    missing.retain(|name| !EXPECTED.iter().any(|(known, _)| known == name));
    assert!(missing.is_empty(), "no line in the table for {missing:?}");

    for (name, wants) in EXPECTED {
        let operation = operations.iter().find(|(known, ..)| known == name);
        let operation = operation.unwrap_or_else(|| panic!("{name} is in the table alone"));
        let [ops, vendor, other_vendor, company, other_company] = *wants;
        let before = world.snapshot().await;
        for (who, want, key) in [
            ("another vendor", other_vendor, Some(&stranger.vendor_key)),
            ("another company", other_company, Some(&stranger.company_key)),
            ("a revoked key", Status(401), Some(&revoked)),
            ("no key", Status(401), None),
        ] {
            let want = if *name == "getOpenApi" { OK } else { want };
            let answer = ask(&world, operation, key.map(String::as_str), &own).await;
            check(&format!("{name} by {who}"), want, &answer, tenant);
        }
        assert_eq!(world.snapshot().await, before, "{name}: a stranger changed something");
        for (who, want, key) in [
            ("ops", ops, &world.ops_key),
            ("its vendor", vendor, &tenant.vendor_key),
            ("its company", company, &tenant.company_key),
        ] {
            let answer = ask(&world, operation, Some(key), &own).await;
            check(&format!("{name} by {who}"), want, &answer, tenant);
            // And as well on a tenant of their own for those who were strangers before.
            if matches!(want, Shows) {
                assert!(answer.text.contains(tenant.partner.as_str()) || *name == "listPackages");
            }
        }
    }
}

#[tokio::test]
async fn a_company_that_is_partner_of_two_sees_its_own_in_both_and_no_draft() {
    let world = World::start().await;
    let tenant = world.tenant("northwind").await;
    let (vendor, ..) = world.vendor("contoso").await;
    let sample = render::SamplePackage::named("product-launch").unwrap();
    let mut files = sample.files().clone();
    let manifest = String::from_utf8(files.get("package.toml").unwrap().to_vec()).unwrap();
    files.insert("package.toml", manifest.replace("product-launch", "secret-plan").into_bytes());
    let draft = world
        .program
        .publish_files(&program::Actor::Ops, &tenant.vendor, &files, program::PublishAs::Draft)
        .await
        .unwrap();
    let path = format!("/packages/{}", draft.package);
    assert_eq!(world.get(&path, &tenant.vendor_key).await.status, 200);
    for path in [path.clone(), format!("{path}/versions"), format!("/versions/{}", draft.version)] {
        world.get(&path, &tenant.company_key).await.problem(404);
    }
    let launch = json!({ "package": draft.package, "partners": [tenant.partner] });
    world.post("/launches", &tenant.company_key, &launch).await.problem(404);
    world.post("/launches", &tenant.vendor_key, &launch).await.problem(409);
    let listed = world.get("/packages", &tenant.company_key).await;
    assert!(!listed.text.contains("secret-plan"), "{}", listed.text);
    // What a foreign vendor's name in the query finds is nothing, not everything.
    world.get(&format!("/partners?vendor={vendor}"), &tenant.company_key).await.problem(404);
    world.get(&format!("/activations?vendor={vendor}"), &tenant.vendor_key).await.problem(404);
    let own = world.get(&format!("/partners?vendor={}", tenant.vendor), &tenant.company_key).await;
    assert_eq!(own.json()["items"].as_array().unwrap().len(), 1);
}
