//! Stops and suppressions take effect before they are answered, also when Redis is away.

use std::time::Duration;

use belt::{NewJob, Stop};
use domain::ActivationId;

use crate::stage::{Stage, hash, job, jobs, sends};

#[tokio::test]
async fn after_the_answer_nothing_that_was_claimed_before_may_go() {
    let stage = Stage::open().await;
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(2).await;
    stage.belt.set_stop("version-1", Stop::Cancel).await.expect("answered");
    assert_eq!(worker.mark(&held[0]).await, "stopped");
    assert!(worker.claim(2).await.is_empty(), "what was not claimed ends at the claim");
    let ended = stage.outcomes().await;
    assert_eq!(ended.iter().map(|record| record.send.get()).collect::<Vec<_>>(), [3]);
}

/// Every level there is, at the gate and in the claim, for now and for good.
#[tokio::test]
async fn a_stop_at_any_level_binds_at_the_gate_and_in_the_claim() {
    use domain::Scope;
    let vendor = crate::stage::vendor(1);
    let partner = crate::stage::partner(1);
    let activation = ActivationId::new(1).to_string();
    for key in [Scope::ALL, vendor.as_str(), partner.as_str(), "version-1", &activation] {
        for (stop, refusal) in [(Stop::Pause, "paused"), (Stop::Cancel, "stopped")] {
            let stage = Stage::open().await;
            stage.push(&jobs(1..4, 1)).await;
            let mut worker = stage.worker("a").await;
            let held = worker.claim(2).await;
            stage.belt.set_stop(key, stop).await.expect("answered");
            assert_eq!(worker.mark(&held[0]).await, refusal, "{key}");
            assert!(worker.claim(2).await.is_empty(), "{key}: what was not claimed ends there");
            stage.belt.clear_stop(key).await.expect("answered");
            assert!(worker.mark(&held[1]).await.starts_with("go"), "{key}: lifted");
        }
    }
}

#[tokio::test]
async fn stops_at_several_levels_add_up_and_a_cancel_stands_above_a_pause() {
    let stage = Stage::open().await;
    let partner = crate::stage::partner(1);
    let stops = [("all".to_owned(), Stop::Pause), (partner.to_string(), Stop::Pause)];
    stage.belt.set_stops(&stops).await.expect("answered");
    let there = stage.belt.stops().await.expect("answered");
    assert_eq!(there, stops.into_iter().collect());
    stage.push(&jobs(1..3, 1)).await;
    let mut worker = stage.worker("a").await;
    stage.belt.clear_stop("all").await.expect("answered");
    assert!(worker.claim(1).await.is_empty(), "the partner is paused by itself");
    stage.belt.set_stop("version-1", Stop::Cancel).await.expect("answered");
    stage.push(&[job(3, 1)]).await;
    assert!(worker.claim(1).await.is_empty());
    let ended = stage.outcomes().await;
    let last = ended.iter().find(|record| record.send.get() == 3).expect("it ended");
    assert_eq!(last.outcome.label(), "permanent", "nothing of what is cancelled comes back");
}

#[tokio::test]
async fn a_lifted_stop_lets_jobs_go_again() {
    let stage = Stage::open().await;
    stage.belt.set_stop(crate::stage::partner(1).as_str(), Stop::Pause).await.expect("answered");
    stage.push(&[job(1, 1), job(2, 2)]).await;
    let mut worker = stage.worker("a").await;
    assert_eq!(sends(&worker.claim(5).await), [2], "the other partner's go");
    stage.belt.clear_stop(crate::stage::partner(1).as_str()).await.expect("answered");
    stage.push(&[job(1, 1)]).await;
    assert_eq!(sends(&worker.claim(5).await), [1]);
}

#[tokio::test]
async fn what_was_queued_before_a_change_goes_back_to_the_book() {
    let stage = Stage::open().await;
    let revised = |send, revision| NewJob { revision, ..job(send, 1) };
    stage.push(&[revised(1, 0), revised(2, 0), revised(3, 0)]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(1).await;
    let key = belt::revision_key(ActivationId::new(1));
    stage.belt.set_stop(&key, Stop::OlderThan(1)).await.expect("answered");
    assert_eq!(
        worker.mark(&held[0]).await,
        "revised",
        "claimed before, not to be written any more"
    );
    worker.complete(&held[0], belt::Refusal::Revised.outcome()).await;
    assert!(worker.claim(5).await.is_empty(), "what was not claimed goes back at the claim");
    let mut back: Vec<_> = stage.outcomes().await.iter().map(|record| record.send.get()).collect();
    back.sort_unstable();
    assert_eq!(back, [1, 2, 3]);
    let other = NewJob { activation: ActivationId::new(2), ..revised(5, 0) };
    stage.push(&[revised(4, 1), other]).await;
    assert_eq!(
        sends(&worker.claim(5).await),
        [4, 5],
        "the new revision goes, and other activations"
    );
}

#[tokio::test]
async fn suppressions_are_kept_for_two_hours() {
    let mut stage = Stage::open().await;
    stage.belt.suppress(&[hash(1, 2)]).await.expect("answered");
    stage.pass(Duration::from_secs(7_199)).await;
    stage.belt.suppress(&[hash(2, 1)]).await.expect("answered");
    stage.push(&jobs(1..4, 1)).await;
    let mut worker = stage.worker("a").await;
    assert_eq!(sends(&worker.claim(5).await), [3]);
    // Past two hours the book has been asked by feed; the belt forgets.
    stage.pass(Duration::from_secs(2)).await;
    stage.belt.sweep().await.expect("swept");
    stage.push(&jobs(1..3, 1)).await;
    assert_eq!(sends(&worker.claim(5).await), [1]);
}

#[tokio::test]
async fn a_topic_is_stopped_by_itself_and_lets_go_again() {
    let stage = Stage::open().await;
    let about = |send, topic: &str| NewJob {
        topic: Some(hash(send, 3).about(&crate::stage::partner(1), topic)),
        ..job(send, 1)
    };
    stage.push(&[about(1, "tips"), about(2, "events"), about(3, "tips")]).await;
    let mut worker = stage.worker("a").await;
    let held = worker.claim(1).await;
    let refused: Vec<_> = [(1, "tips"), (2, "tips"), (3, "tips")]
        .map(|(send, topic)| about(send, topic).topic.expect("it has one"))
        .into();
    stage.belt.suppress(&refused).await.expect("answered");
    assert_eq!(worker.mark(&held[0]).await, "suppressed");
    assert_eq!(sends(&worker.claim(5).await), [2], "what is about something else goes");
    stage.belt.lift(&refused).await.expect("answered");
    stage.push(&[about(4, "tips"), about(1, "tips")]).await;
    assert_eq!(sends(&worker.claim(5).await), [4], "the other is in hand still");
    assert!(worker.mark(&held[0]).await.starts_with("go"), "and may go again");
}

#[tokio::test]
async fn with_redis_away_the_error_says_so() {
    let mut stage = Stage::live().await;
    stage.redis.stop();
    let error = stage.belt.set_stop("version-1", Stop::Cancel).await.expect_err("Redis is away");
    assert!(error.is_unreachable(), "{error:?}");
    let error = stage.belt.suppress(&[hash(1, 1)]).await.expect_err("Redis is away");
    assert!(error.is_unreachable(), "{error:?}");
    stage.redis.restart();
    let error = testkit::wait::wait_for("the new server", Duration::from_secs(5), || async {
        stage.belt.set_stop("version-1", Stop::Cancel).await.err().filter(belt::Error::is_closed)
    })
    .await;
    assert!(error.is_unreachable(), "closed: it takes effect when the leader loads it");
}
