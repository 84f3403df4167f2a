//! Partners click, and click again.

use futures::{StreamExt, stream};

use crate::{
    lines::Recovery,
    plan::Plan,
    stage::{Shape, Stage},
};

/// A thousand launches of the same thing for the same partners, at once, through two portals.
pub async fn thousand_clicks(plan: Plan) -> Stage {
    const CLICKS: usize = 1_000;
    let wide = "100000/s, burst 100000".to_owned();
    let shape = Shape {
        contacts: 100,
        settings: vec![
            ("THROUGHLINE__API__LIMIT", wide.clone()),
            ("THROUGHLINE__API__ANONYMOUS_LIMIT", wide),
        ],
        ..Shape::default()
    };
    let mut stage = Stage::set_up(plan, shape).await;
    stage.start_scheduler();
    stage.start_worker();
    stage.start_worker();
    stage.fleet.start("portal");
    stage.fleet.wait_for_portal().await;
    let added =
        stage.fleet.ok(&["api-key", "add", "--name", "clicks", "--vendor", "Northwind Secure"]);
    let key = added["key"].as_str().expect("a key").to_owned();
    let api = format!("{}/api/v1", stage.fleet.public_url());
    let url = format!("{api}/launches");
    let client = reqwest::Client::new();
    let listed = client.get(format!("{api}/packages")).bearer_auth(&key).send().await;
    let listed: serde_json::Value =
        listed.expect("the portal answers").json().await.expect("a page of packages");
    let package = listed["items"][0]["package"].clone();
    stage.note("1,000 launches at once", 0, Recovery::None);
    let click = || {
        let request = client.post(&url).bearer_auth(&key).json(&serde_json::json!({
            "package": package,
            "partners": "all_eligible",
            "list": "customers",
        }));
        async move {
            let response = request.send().await.expect("the portal answers");
            let status = response.status().as_u16();
            (status, response.text().await.unwrap_or_default())
        }
    };
    let answers: Vec<(u16, String)> =
        stream::iter((0..CLICKS).map(|_| click())).buffer_unordered(CLICKS).collect().await;
    let launched = answers.iter().filter(|(status, _)| *status == 201).count();
    let answered = answers.iter().filter(|(status, _)| [200, 201].contains(status)).count();
    if let Some((status, text)) = answers.iter().find(|(status, _)| ![200, 201].contains(status)) {
        eprintln!("{}: a click was answered {status} {text}", stage.plan.name());
    }
    stage.check("clicks answered with the launch", answered as f64, CLICKS as f64, CLICKS as f64);
    // Partners may be shared out among the clicks that came first, each of which then launched something.
    let partners = stage.fleet.size.partners as f64;
    stage.check("clicks that launched anything", launched as f64, 1.0, partners);
    let activations = stage.fleet.store.activation_summaries(None).await.expect("the book answers");
    stage.check("activations", activations.len() as f64, partners, partners);
    stage.settle().await;
    stage
}
