//! Far more clicks than any campaign has, while mail goes out.

use std::collections::BTreeSet;

use e2e::fleet::Fleet;
use futures::{StreamExt, stream};
use mail_parser::MessageParser;
use testkit::wait::wait_for;

use crate::{
    book,
    lines::Recovery,
    plan::Plan,
    stage::{PATIENCE, Shape, Stage},
};

/// Clicks that are under way at the same time.
const AT_ONCE: usize = 128;

/// Every click is answered, and in the book in the end or counted as lost; the mail takes no harm.
pub async fn clicks(plan: Plan) -> Stage {
    let clicks = plan.pick(20_000, 100_000);
    let contacts = plan.pick(600, 2_000);
    let mut stage =
        Stage::set_up(plan, Shape { contacts, keeps_mail: true, ..Shape::default() }).await;
    stage.start_scheduler();
    stage.start_worker();
    stage.start_worker();
    stage.fleet.start("portal");
    stage.fleet.wait_for_portal().await;
    stage.fleet.launch();
    stage.wait_for_share(0.1).await;
    let links: Vec<String> = links(&stage.fleet).into_iter().collect();
    stage.note(&format!("{clicks} clicks"), 0, Recovery::None);
    let policy = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().redirect(policy).build().expect("a client");
    let click = |n: usize| {
        let click = client.get(&links[n % links.len()]).send();
        async move { usize::from(click.await.is_ok_and(|answer| answer.status() == 302)) }
    };
    let clicked = stream::iter((0..clicks).map(click)).buffer_unordered(AT_ONCE);
    let answered = clicked.fold(0, async |sum, one| sum + one).await;
    stage.check("clicks answered", answered as f64, clicks as f64, clicks as f64);
    stage.settle().await;
    let known =
        wait_for("every click to be in the book or counted as lost", 3 * PATIENCE, || async {
            let recorded = book::clicks(stage.fleet.book_url()).await.ok()?;
            let known = recorded + lost(&stage.fleet).await?;
            (known >= answered).then_some(known)
        })
        .await;
    let what = "clicks in the book or counted as lost";
    stage.check(what, known as f64, clicks as f64, clicks as f64);
    stage
}

/// The links that are followed, in what the relay has taken so far.
fn links(fleet: &Fleet) -> BTreeSet<String> {
    let start = format!("{}/c/", fleet.public_url());
    let link = |data: &[u8]| {
        let html = MessageParser::default().parse(data)?.body_html(0)?.into_owned();
        html.split('"').find(|part| part.starts_with(&start)).map(str::to_owned)
    };
    fleet.relay.accepted().iter().filter_map(|taken| link(&taken.data)).collect()
}

/// What the portal could not keep, and what was cut from the stream.
async fn lost(fleet: &Fleet) -> Option<usize> {
    let metrics = reqwest::get(format!("{}/metrics", fleet.public_url())).await.ok()?;
    let metrics = metrics.text().await.ok()?;
    let at_the_portal = metrics
        .lines()
        .filter(|line| line.starts_with("throughline_portal_tracks_lost_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .sum::<usize>();
    let cut = fleet.redis.cli(&["GET", "tl:{0}:cut"]);
    Some(at_the_portal + cut.trim().parse::<usize>().unwrap_or(0))
}
