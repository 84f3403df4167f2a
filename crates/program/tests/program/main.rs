//! What users may ask for, against a real book and a real Redis.

/// Makes each named `async fn name(stage: Stage)` of a module that has a `Stage` a test on SQLite and one on Postgres.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Stage::on(testkit::TestDatabase::sqlite()).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Stage::on(testkit::TestDatabase::postgres()).await).await;
            })+
        }
    };
}

mod api;
mod commands;
mod contacts;
mod control;
mod exports;
mod hostile_contacts;
mod invitations;
mod jobs;
mod launch;
mod messy_files;
mod packages;
mod partners;
mod peers;
mod preferences;
mod results;
mod status;
mod unsubscribe;
mod walls;
mod world;
