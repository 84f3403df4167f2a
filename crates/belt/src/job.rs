//! What is put on the belt and what a worker gets in its hand.

use std::fmt;

use domain::{
    ActivationId, AddressHash, ClaimNumber, OnUnknown, PartnerId, RateSpec, SendId, UtcMillis,
    VendorId,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest payload in bytes.
pub const PAYLOAD_LIMIT: usize = 4 * 1024;

/// Lines of a packed job; the payload is the last.
const LINES: usize = 14;

/// One job to put on its partner's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The send it is for; a send is on the belt at most once.
    pub send: SendId,
    /// The lane: one per partner.
    pub lane: PartnerId,
    /// The partner's share among lanes that are ready; 0 is taken as 1.
    pub weight: u32,
    /// The partner's limit, if there is one.
    pub partner_limit: Option<RateSpec>,
    /// The partner's tier. What the belt was told of it ([`crate::Belt::set_limits`]) goes before `weight` and `partner_limit`; may
    /// be empty.
    pub tier: String,
    /// Where it goes: a mailbox provider, or a social network. What is held up at one stands in nobody's way at another. May be empty.
    pub provider: String,
    /// On whose account it goes out: the sending domain of a mail, the account of a post. May be empty.
    pub sender: String,
    /// The vendor, also a stop key.
    pub vendor: VendorId,
    /// The activation, also a stop key.
    pub activation: ActivationId,
    /// The package version, only as a stop key.
    pub version: String,
    /// The activation's revision: what was queued under an older one than the belt has been told
    /// does not go out.
    pub revision: u32,
    /// The address's hashes: everywhere, vendor, company.
    pub suppression: [AddressHash; 3],
    /// What stands for "nothing about this topic" (see [`AddressHash::about`]), if the job has one.
    pub topic: Option<AddressHash>,
    /// What to do if it is lost on the wire.
    pub on_unknown: OnUnknown,
    /// Campaign time after which it must not start.
    pub not_after: Option<UtcMillis>,
    /// When the send was first fed.
    pub first_fed_at: UtcMillis,
    /// The payload as JSON; the belt does not read it. At most [`PAYLOAD_LIMIT`] bytes.
    pub payload: String,
}

impl NewJob {
    /// The form it has in Redis; see `lua/job.lua`.
    pub(crate) fn pack(&self) -> Result<String> {
        let bad = |why| Err(Error::BadJob { send: self.send, why });
        if self.payload.len() > PAYLOAD_LIMIT {
            return bad("its payload has more than 4 KiB");
        }
        if self.version.contains(['\n', '\r']) {
            return bad("its version has a line break");
        }
        let name = |name: &str| name.contains(|c: char| c.is_whitespace() || c.is_control());
        if name(&self.provider) || name(&self.sender) {
            return bad("its provider or sender has a blank or control character");
        }
        if self.tier.contains(['\n', '\r']) {
            return bad("its tier has a line break");
        }
        let [everywhere, vendor_hash, company] = &self.suppression;
        let topic = self.topic.as_ref().map(|topic| format!(" {topic}")).unwrap_or_default();
        Ok(format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{everywhere}\n{vendor_hash}\n{company}{topic}\n{}\n{}\n{}\n{}",
            self.not_after.map(|at| at.get().to_string()).unwrap_or_default(),
            self.provider_name(),
            self.sender,
            self.lane,
            self.vendor,
            self.activation,
            self.version,
            match self.on_unknown {
                OnUnknown::Retry => 'r',
                OnUnknown::Hold => 'h',
            },
            self.first_fed_at.get(),
            self.revision,
            self.payload,
        ))
    }

    /// What its lane is set to: weight, interval, burst, limit.
    pub(crate) fn lane_settings(&self) -> String {
        let (interval, burst, text) = limit_parts(self.partner_limit.as_ref());
        format!("{}\n{interval}\n{burst}\n{text}\n{}", self.weight.max(1), self.tier)
    }

    /// Where it waits.
    pub fn line(&self) -> Line {
        Line {
            lane: self.lane.clone(),
            provider: self.provider_name().to_owned(),
            sender: self.sender.clone(),
        }
    }

    /// A name in the place of none, so that key names have no holes.
    fn provider_name(&self) -> &str {
        if self.provider.is_empty() { "-" } else { &self.provider }
    }
}

/// Where jobs wait in line: what one lane has for one provider and one sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// The lane.
    pub lane: PartnerId,
    /// The provider.
    pub provider: String,
    /// The sender; may be empty.
    pub sender: String,
}

impl Line {
    /// The name scripts have for it within its provider.
    pub(crate) fn name(&self) -> String {
        if self.sender.is_empty() {
            self.lane.to_string()
        } else {
            format!("{} {}", self.lane, self.sender)
        }
    }
}

/// A limit as scripts take it: microseconds between events (0: no limit), burst, canonical form.
pub(crate) fn limit_parts(limit: Option<&RateSpec>) -> (u128, u64, String) {
    limit.map_or((0, 1, String::new()), |limit| {
        (limit.interval().as_micros(), limit.burst(), limit.to_string())
    })
}

/// What a worker knows of a job beside its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMeta {
    /// The send.
    pub send: SendId,
    /// The number it was handed out under.
    pub claim: ClaimNumber,
    /// The lane it came from.
    pub lane: PartnerId,
    /// The vendor.
    pub vendor: VendorId,
    /// The activation.
    pub activation: ActivationId,
    /// The package version.
    pub version: String,
    /// Where it goes; `-` if the job did not say.
    pub provider: String,
    /// On whose account it goes out; may be empty.
    pub sender: String,
    /// The relay chosen for it; empty if no relays are configured.
    pub relay: String,
    /// What to do if it is lost on the wire.
    pub on_unknown: OnUnknown,
    /// Campaign time after which it must not start.
    pub not_after: Option<UtcMillis>,
    /// When the send was first fed.
    pub first_fed_at: UtcMillis,
    /// How often a process died, or a handler broke, holding it.
    pub deaths: u32,
    /// Whether it was handed out alone.
    pub alone: bool,
    /// The packed job as it lies in Redis, for naming it to the next epoch.
    pub(crate) packed: String,
}

impl ClaimedMeta {
    /// Reads one job of a claim's answer. `None` if it was not written by this program.
    pub(crate) fn unpack(
        send: &str,
        claim: &str,
        relay: &str,
        deaths: &str,
        alone: &str,
        packed: String,
    ) -> Option<Self> {
        let mut lines = packed.splitn(LINES, '\n');
        let not_after = match lines.next()? {
            "" => None,
            text => Some(UtcMillis::new(text.parse().ok()?)),
        };
        let provider = lines.next()?.to_owned();
        let sender = lines.next()?.to_owned();
        let lane = lines.next()?.parse().ok()?;
        let vendor = lines.next()?.parse().ok()?;
        let activation = lines.next()?.parse().ok()?;
        let version = lines.next()?.to_owned();
        let mut lines = lines.skip(3);
        let on_unknown = match lines.next()? {
            "h" => OnUnknown::Hold,
            _ => OnUnknown::Retry,
        };
        let first_fed_at = UtcMillis::new(lines.next()?.parse().ok()?);
        lines.nth(1)?;
        Some(Self {
            send: send.parse().ok()?,
            claim: claim.parse().ok()?,
            lane,
            vendor,
            activation,
            version,
            provider,
            sender,
            relay: relay.to_owned(),
            on_unknown,
            not_after,
            first_fed_at,
            deaths: deaths.parse().ok()?,
            alone: alone == "1",
            packed,
        })
    }

    /// The payload, as it was pushed.
    pub fn payload(&self) -> &str {
        self.packed.splitn(LINES, '\n').nth(LINES - 1).unwrap_or_default()
    }
}

/// The name of a worker process; unique for every start.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerName(String);

impl WorkerName {
    /// A name; white space in it becomes `-`.
    pub fn new(name: &str) -> Self {
        Self(name.split_whitespace().collect::<Vec<_>>().join("-"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
