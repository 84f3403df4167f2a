//! The book on both engines, one behaviour per file.

/// Makes each named `async fn name(book: Book)` a test on SQLite and one on Postgres.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::builder::Book::on_sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::builder::Book::on_postgres().await).await;
            })+
        }
    };
}

mod builder;

mod activations_change_state;
mod api_keys_and_requests;
mod contacts_are_idempotent;
mod control_above_activations;
mod expansion_decides_everybody_once;
mod exports;
mod feed_spreads_over_lanes;
mod invitations;
mod launch_is_one_activation;
mod leases_fence;
mod lists_are_read_in_pages;
mod opening_and_migrating;
mod opens_and_clicks;
mod outcomes_in_any_order;
mod packages_and_partners;
mod preferences;
mod queued_sends_are_found_again;
mod results_add_up;
mod speed_of_statements;
mod stuck_jobs;
mod unsubscribing;
