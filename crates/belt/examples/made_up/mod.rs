//! The jobs that are measured: 600 bytes of payload, lanes in turn.

use belt::NewJob;
use domain::{ActivationId, AddressHash, OnUnknown, PartnerId, SendId, UtcMillis};

/// Bytes of what stands for the merge fields.
pub const BODY: usize = 600;

const PROVIDERS: [&str; 5] = ["gmail", "microsoft", "yahoo", "apple", "other"];

pub type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// Job `n` of those that lie on so many lanes and go to so many providers.
pub fn job(n: usize, lanes: usize, providers: usize) -> AnyResult<NewJob> {
    let lane: PartnerId = format!("par_01j0000000000000000{:07}", n % lanes).parse()?;
    let hash = format!("{n:032x}").parse::<AddressHash>()?;
    Ok(NewJob {
        send: SendId::new(i64::try_from(n)?),
        lane,
        weight: 1,
        partner_limit: None,
        tier: "Gold".to_owned(),
        provider: PROVIDERS[n / lanes % providers].to_owned(),
        sender: format!("partner-{}.example", n % lanes),
        vendor: "ven_01j00000000000000000000001".parse()?,
        activation: ActivationId::new(1),
        version: "c".repeat(64),
        revision: 0,
        suppression: [hash.clone(), hash.clone(), hash],
        topic: None,
        on_unknown: OnUnknown::Retry,
        not_after: None,
        first_fed_at: UtcMillis::new(0),
        payload: format!("{{\"v\":1,\"fields\":\"{}\"}}", "x".repeat(BODY)),
    })
}
