//! The book as the judge is given it: read with a statement of its own, not with the code that wrote it.

use domain::SendId;
use sqlx::{AnyConnection, Connection, Row, any::AnyRow};

use crate::lines::Send;

const SENDS: &str = "SELECT s.send_id, c.address, s.state, s.reason, s.attempts, s.duplicates \
                     FROM send s JOIN contact c ON c.contact_id = s.contact_id ORDER BY s.send_id";

/// Every send of the book at `url`.
///
/// # Errors
/// The database can't be read.
pub async fn sends(url: &str) -> anyhow::Result<Vec<Send>> {
    let mut connection = connect(url).await?;
    let rows = sqlx::query(SENDS).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.iter().map(|row| Ok(send(row)?)).collect()
}

/// How many clicks the book at `url` has, whoever clicked.
///
/// # Errors
/// The database can't be read.
pub async fn clicks(url: &str) -> anyhow::Result<usize> {
    let mut connection = connect(url).await?;
    let row = sqlx::query("SELECT COUNT(*) FROM event WHERE kind = 'clicked'");
    let count: i64 = row.fetch_one(&mut connection).await?.try_get(0)?;
    connection.close().await?;
    Ok(usize::try_from(count)?)
}

async fn connect(url: &str) -> sqlx::Result<AnyConnection> {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await
}

fn send(row: &AnyRow) -> sqlx::Result<Send> {
    Ok(Send {
        send: SendId::new(row.try_get(0)?).to_string(),
        rcpt: row.try_get(1)?,
        state: row.try_get(2)?,
        reason: row.try_get(3)?,
        attempts: row.try_get(4)?,
        duplicates: row.try_get(5)?,
    })
}
