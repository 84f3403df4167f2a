//! Who must not be mailed.

use program::{SuppressBecause, SuppressIn, Suppressed, SuppressionLine};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    launches::named,
    packages::{in_effect, when, words},
    problem::{Kind, Problem},
    route::{Answer, Call},
    shape::member,
};

/// Addresses that must not be mailed, where, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Suppress)]
pub(super) struct Suppress {
    /// `everywhere` (a key of ops), a vendor (its own key) or a company (its own key).
    #[schema(schema_with = member::scope)]
    scope: String,
    #[schema(schema_with = addresses)]
    addresses: Vec<String>,
    #[schema(schema_with = reason)]
    reason: Reason,
}

/// At most 1,000 addresses.
fn addresses() -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{
        ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
    };
    let address = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(254));
    let list = ArrayBuilder::new().items(address).min_items(Some(1)).max_items(Some(1_000));
    Schema::Array(list.build())
}

fn reason() -> utoipa::openapi::schema::Schema {
    words(&["unsubscribed", "complained", "manual"])
}

/// Why.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Unsubscribed,
    Complained,
    Manual,
}

impl From<Reason> for SuppressBecause {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unsubscribed => Self::Unsubscribed,
            Reason::Complained => Self::Complained,
            Reason::Manual => Self::Manual,
        }
    }
}

/// What suppressing did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppressed)]
pub(super) struct SuppressedOut {
    /// Addresses that were not suppressed there before.
    added: u64,
    /// Those that were; they keep the reason they came with.
    already: u64,
    #[schema(schema_with = in_effect)]
    in_effect: &'static str,
}

impl From<Suppressed> for SuppressedOut {
    fn from(done: Suppressed) -> Self {
        Self { added: done.added, already: done.already, in_effect: when(done.belt) }
    }
}

/// A suppression. The address itself is not kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(super) struct SuppressionOut {
    /// The keyed hash of the address in this scope.
    #[schema(schema_with = member::hash)]
    address_hash: String,
    /// `unsubscribed`, `complained`, `hard_bounce`, `manual` …
    reason: String,
    /// Where it came from.
    source: String,
    #[schema(format = DateTime)]
    at: String,
}

impl From<SuppressionLine> for SuppressionOut {
    fn from(line: SuppressionLine) -> Self {
        Self {
            address_hash: line.address_hash.to_string(),
            reason: line.reason,
            source: line.source,
            at: line.at.to_string(),
        }
    }
}

/// A page of suppressions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuppressionPage {
    items: Vec<SuppressionOut>,
    /// Give this as `cursor` to read on; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A body that does.
pub(super) fn example() -> Value {
    json!({
        "scope": "com_01j00000000000000000000000",
        "addresses": ["anna@example.com"],
        "reason": "manual",
    })
}

fn scope(text: &str) -> Result<SuppressIn, Problem> {
    match text.get(..4) {
        _ if text == "everywhere" => Ok(SuppressIn::Everywhere),
        Some("ven_") => named(text, "vendor").map(SuppressIn::Vendor),
        Some("com_") => named(text, "company").map(SuppressIn::Company),
        _ => Err(Problem::new(Kind::NotFound, "there is no such scope")),
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let scope = scope(call.text("scope").unwrap_or_default())?;
    let page = call.page()?;
    let found = call.api.program.list_suppressions(&call.actor, &scope, &page).await?;
    Answer::ok(&SuppressionPage {
        items: found.items.into_iter().map(SuppressionOut::from).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    })
}

pub(super) async fn add(mut call: Call) -> Result<Answer, Problem> {
    let asked: Suppress = call.body()?;
    let scope = scope(&asked.scope)?;
    let program = &call.api.program;
    let done = program.suppress(&call.actor, &scope, &asked.addresses, asked.reason.into()).await?;
    Answer::ok(&SuppressedOut::from(done))
}
