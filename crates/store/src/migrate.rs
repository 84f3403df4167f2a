//! Bringing the book's schema up to date. The rules are in `migrations/README.md`.

use domain::{ContentHash, UtcMillis};
use sqlx::{Any, Transaction};

use crate::{
    engine::Store,
    error::{Result, StoreError},
    row::Read,
};

struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "0001_book", text: include_str!("../migrations/0001_book.sql") },
    Migration {
        version: 2,
        name: "0002_packages_in_depth",
        text: include_str!("../migrations/0002_packages_in_depth.sql"),
    },
    Migration {
        version: 3,
        name: "0003_engagement",
        text: include_str!("../migrations/0003_engagement.sql"),
    },
    Migration {
        version: 4,
        name: "0004_results",
        text: include_str!("../migrations/0004_results.sql"),
    },
    Migration { version: 5, name: "0005_api", text: include_str!("../migrations/0005_api.sql") },
    Migration {
        version: 6,
        name: "0006_invitations",
        text: include_str!("../migrations/0006_invitations.sql"),
    },
    Migration {
        version: 7,
        name: "0007_topics",
        text: include_str!("../migrations/0007_topics.sql"),
    },
    Migration {
        version: 8,
        name: "0008_control",
        text: include_str!("../migrations/0008_control.sql"),
    },
    Migration {
        version: 9,
        name: "0009_feed_by_provider",
        text: include_str!("../migrations/0009_feed_by_provider.sql"),
    },
];

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The steps that were applied now.
    pub applied: Vec<&'static str>,
    /// The version of the schema now.
    pub version: i64,
}

impl Store {
    /// Applies the migrations the book does not have yet, all in one transaction. Several processes
    /// may call it at once; one does it.
    ///
    /// # Errors
    /// [`StoreError::SchemaDiffers`] when a migration was changed after the book got it.
    pub async fn migrate(&self, now: UtcMillis) -> Result<Migrated> {
        // Creating the table is a step of its own: on Postgres two processes that create it at once
        // meet in the catalogue, where one fails and finds it there when it looks again.
        let mut tx = self.begin_plain().await?;
        let created = sqlx::raw_sql(sql!("schema_version/create.sql")).execute(&mut *tx).await;
        match created {
            Ok(_) => tx.commit().await?,
            Err(error) => {
                tx.rollback().await?;
                tracing::debug!(error = %error, "another process created schema_version");
            }
        }
        let mut tx = self.begin_plain().await?;
        // Row 0 is the lock: whoever updates it goes on alone.
        sqlx::query(sql!("schema_version/lock.sql")).bind(now.get()).execute(&mut *tx).await?;
        let have = applied(&mut tx).await?;
        let mut names = Vec::new();
        for migration in MIGRATIONS {
            let hash = ContentHash::of(migration.text.as_bytes());
            match have.iter().find(|(version, _)| *version == migration.version) {
                Some((_, known)) if known == hash.as_str() => {}
                Some(_) => return Err(StoreError::SchemaDiffers { version: migration.version }),
                None => {
                    sqlx::raw_sql(migration.text).execute(&mut *tx).await?;
                    sqlx::query(sql!("schema_version/add.sql"))
                        .bind(migration.version)
                        .bind(migration.name)
                        .bind(hash.as_str())
                        .bind(now.get())
                        .execute(&mut *tx)
                        .await?;
                    names.push(migration.name);
                }
            }
        }
        tx.commit().await?;
        let version = have.iter().map(|(version, _)| *version).max().unwrap_or(0).max(newest());
        Ok(Migrated { applied: names, version })
    }

    /// Checks that the book has every migration this program knows. A newer book is fine: by the
    /// rules of migrations it still has everything an older program needs.
    ///
    /// # Errors
    /// [`StoreError::SchemaOld`].
    pub async fn require_schema(&self) -> Result<()> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("schema_version/newest.sql")).fetch_one(&mut *connection).await;
        // A book that was never migrated has no such table.
        let have = match row {
            Ok(row) => row.int("version")?,
            Err(sqlx::Error::Database(_)) => 0,
            Err(error) => return Err(error.into()),
        };
        if have < newest() {
            return Err(StoreError::SchemaOld { have, need: newest() });
        }
        if have > newest() {
            tracing::warn!(have, known = newest(), "the book is newer than this program");
        }
        Ok(())
    }
}

fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

async fn applied(tx: &mut Transaction<'static, Any>) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query(sql!("schema_version/list.sql")).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| Ok((row.int("version")?, row.text("hash")?))).collect()
}
