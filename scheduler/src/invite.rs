//! Invite: from open invitations whose mail is due to jobs on lanes, like any other mail.
//!
//! The mail is a step of the package called `invitation`, in the invited partner's brand and with the vendor as
//! its sender. What it says of the campaign stands in its slots.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context;
use belt::{Belt, NewJob, Phase, Place};
use domain::{
    ActivationId, EmailAddress, HashKey, HashScope, OnUnknown, PartnerShelf, SendEmail, SendId,
    TrackedParts, UtcMillis, brand::BrandProfile, job, list_id::list_id, provider::Providers,
    tier::Tiers,
};
use jiff::tz::TimeZone;
use render::{Compiled, INVITATION, ImageValue, MessageLinks, SharedTemplates, Version};
use store::{Invitation, Partner, Store};

use crate::{
    Parts,
    packages::Packages,
    pass::{Pass, Passed},
    push::{Pusher, Shared, sending_domain},
};

/// Invitations a pass.
const BATCH: i64 = 200;
/// How long a mail may be queued before it is looked for.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// The most of a campaign's subjects that the mail shows.
const MOST_SUBJECTS: usize = 4;

/// The loop that mails invitations.
pub struct Invite {
    store: Store,
    belt: Belt,
    pusher: Arc<Pusher>,
    packages: Packages,
    hash_key: HashKey,
    tiers: Tiers,
    providers: Arc<Providers>,
    public_url: String,
    list_domain: String,
    version: Version,
    /// The belt's when all that was queued was last looked for.
    epoch: u32,
}

impl Invite {
    /// # Errors
    /// The package that invites can't be published: somebody's templates spoil it.
    pub fn new(
        parts: &Parts,
        pusher: Arc<Pusher>,
        packages: Packages,
        providers: Arc<Providers>,
    ) -> anyhow::Result<Self> {
        let version = invitation_package(&parts.templates)?;
        let config = &parts.config;
        Ok(Self {
            store: parts.store.clone(),
            belt: parts.belt.clone(),
            pusher,
            packages,
            hash_key: parts.hash_key.clone(),
            tiers: config.tiers.clone(),
            providers,
            public_url: config.portal.public_url.as_str().to_owned(),
            list_domain: config.sending.list_domain.clone(),
            version,
            epoch: 0,
        })
    }

    /// Mails that were queued before and are nowhere on the belt: its memory was lost, or a push.
    async fn lost(&self, before: UtcMillis) -> anyhow::Result<Vec<Invitation>> {
        let queued = self.store.queued_invitations(before, BATCH).await?;
        let mails: Vec<SendId> = queued.iter().map(|invitation| invitation.mail).collect();
        let places = self.belt.find(&mails).await?;
        let lost = queued.into_iter().zip(places);
        Ok(lost.filter(|(_, place)| matches!(place, Place::Nowhere)).map(|(it, _)| it).collect())
    }

    /// The mail as a job, and what it needs on the shelf; or why it can't be sent.
    async fn job(
        &self,
        invitation: &Invitation,
        now: UtcMillis,
    ) -> anyhow::Result<Result<(NewJob, Shared), &'static str>> {
        let partner = self.store.partner(&invitation.partner).await?;
        let brand = self.store.partner_brand(&invitation.partner).await?;
        let sender = self.store.vendor_sender(&invitation.vendor).await?;
        let (Some(partner), Some((brand, partner_sender)), Some(sender)) = (partner, brand, sender)
        else {
            return Ok(Err("no_sender"));
        };
        let Ok(address) = brand.contact_person.email.parse::<EmailAddress>() else {
            return Ok(Err("bad_address"));
        };
        let hashes = [
            HashScope::Everywhere,
            HashScope::Vendor(&invitation.vendor),
            HashScope::Company(&partner.company_id),
        ]
        .map(|scope| self.hash_key.hash(scope, &address));
        let known_bad = self.store.find_suppression(HashScope::Everywhere, &hashes[0]).await?;
        if known_bad.is_some() {
            return Ok(Err("suppressed_everywhere"));
        }
        let Some(slots) = self.slots(invitation, &partner, &brand, &partner_sender).await? else {
            return Ok(Err("no_package"));
        };
        let vendor = self.store.find_vendor(invitation.vendor.as_str()).await?;
        let shelf = PartnerShelf {
            v: job::VERSION,
            vendor_name: vendor.map(|vendor| vendor.name).unwrap_or_default(),
            tier: partner.tier.clone(),
            // The partner's looks; the address that the law wants is the sender's.
            brand: BrandProfile {
                postal_address: sender.postal_address,
                web_site: sender.web_site,
                ..brand.clone()
            },
            sender: domain::SenderIdentity {
                from_name: sender.from_name,
                from_email: sender.from_email,
                reply_to: sender.reply_to,
            },
            slots,
            list_id: list_id("invitations", &partner.id, &self.list_domain),
        };
        let shared = Shared::of(&shelf)?;
        let first_fed_at = invitation.first_fed_at.unwrap_or(now);
        let payload = SendEmail {
            v: job::VERSION,
            send: invitation.mail,
            // No activation's: those count from 1.
            activation: ActivationId::new(0),
            vendor: invitation.vendor.clone(),
            partner: partner.id.clone(),
            step: INVITATION.parse().context("the step has a name")?,
            occurrence: 0,
            version: self.version.hash.clone(),
            profile: shared.hash.clone(),
            address: address.into(),
            name: brand.contact_person.name.clone(),
            language: brand.locale.clone(),
            fields: BTreeMap::new(),
            first_fed_at,
            attempts: invitation.mail_attempts,
            track: TrackedParts::default(),
        };
        let tier = self.tiers.find(&partner.tier);
        let job = NewJob {
            send: invitation.mail,
            lane: partner.id.clone(),
            weight: tier.map_or(1, |tier| tier.weight),
            partner_limit: tier.map(|tier| tier.partner_limit),
            tier: tier.map(|tier| tier.name.clone()).unwrap_or_default(),
            provider: self.providers.of_address(&payload.address).to_owned(),
            sender: sending_domain(&shelf.sender),
            vendor: invitation.vendor.clone(),
            activation: ActivationId::new(0),
            version: INVITATION.to_owned(),
            revision: 0,
            suppression: hashes,
            topic: None,
            // The link is the same, and launches once.
            on_unknown: OnUnknown::Retry,
            not_after: None,
            first_fed_at,
            payload: serde_json::to_string(&payload)?,
        };
        Ok(Ok((job, shared)))
    }

    /// What the mail says of the campaign; `None` if there is nothing to launch any more.
    async fn slots(
        &self,
        invitation: &Invitation,
        partner: &Partner,
        brand: &BrandProfile,
        sender: &domain::SenderIdentity,
    ) -> anyhow::Result<Option<BTreeMap<String, String>>> {
        let Some(version) = self.store.latest_published(&invitation.package).await? else {
            return Ok(None);
        };
        let compiled = self.packages.compiled(&version.hash).await?;
        let package = compiled.package();
        let lists = self.store.lists(&partner.company_id).await?;
        // Which of several it will be is chosen on the page; the longest is what it may be.
        let people = lists.iter().map(|size| size.contacts).max().unwrap_or(0);
        // A zone that nobody knows came in before today's checks, or with other tables of zones.
        let zone = TimeZone::get(&brand.time_zone).unwrap_or(TimeZone::UTC);
        let zone_name = zone.iana_name().unwrap_or("UTC").to_owned();
        let until = jiff::Timestamp::from_millisecond(invitation.expires_at.get())?
            .to_zoned(zone)
            .strftime("%Y-%m-%dT%H:%M");
        let title = package.title.for_language(&brand.locale);
        let mut slots = BTreeMap::from([
            ("campaign".to_owned(), title.to_owned()),
            ("mails".to_owned(), package.clock_steps().count().to_string()),
            ("people".to_owned(), people.to_string()),
            ("until".to_owned(), format!("{until}[{zone_name}]")),
        ]);
        if let Some(picture) = picture(package, &brand.locale) {
            slots.insert("picture".to_owned(), picture);
        }
        for (n, subject) in self.subjects(&compiled, partner, brand, sender).into_iter().enumerate()
        {
            slots.insert(format!("mail_{}", n + 1), subject);
        }
        Ok(Some(slots))
    }

    /// The subjects of the campaign's first mails, as the partner's contacts would read them.
    fn subjects(
        &self,
        compiled: &Compiled,
        partner: &Partner,
        brand: &BrandProfile,
        sender: &domain::SenderIdentity,
    ) -> Vec<String> {
        let (mut brand, mut sender) = (brand.clone(), sender.clone());
        render::make_up(&mut brand, &mut sender);
        let shelf = PartnerShelf {
            v: job::VERSION,
            vendor_name: compiled.package().vendor.clone(),
            tier: partner.tier.clone(),
            sender,
            slots: BTreeMap::new(),
            list_id: String::new(),
            brand,
        };
        let language = compiled.language_of([&shelf.brand.locale]);
        let subject = |step: &render::Step| {
            let skeleton = compiled.skeleton_of(&step.key, 0, language, &shelf, &self.public_url);
            let links = MessageLinks::all_to("");
            // One that can't be made before its slots are filled is left out.
            Some(skeleton.ok()?.message(&BTreeMap::new(), &links).ok()?.subject)
        };
        compiled.package().clock_steps().filter_map(subject).take(MOST_SUBJECTS).collect()
    }
}

/// The package's picture, if it has one beside the vendor's logo, as a slot takes it.
fn picture(package: &render::Package, locale: &str) -> Option<String> {
    let (_, asset) = package.assets.iter().find(|(name, _)| *name == "hero")?;
    let picture = asset.picture.as_ref()?;
    let value = ImageValue {
        hash: picture.hash.clone(),
        extension: picture.extension.clone(),
        width: picture.width,
        height: picture.height,
        alt: asset.alt.for_language(locale).to_owned(),
    };
    Some(value.to_string())
}

/// The package that invites, as the shared templates have it.
fn invitation_package(templates: &SharedTemplates) -> anyhow::Result<Version> {
    render::publish(&templates.package(INVITATION), templates).map_err(|found| {
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the package that invites partners has errors: {}", found.join("; "))
    })
}

impl Pass for Invite {
    async fn pass(&mut self, fence: u64) -> anyhow::Result<Passed> {
        let Phase::Open { epoch } = self.belt.phase().await? else {
            return Ok(Passed { rows: 0, more: false });
        };
        let now = self.belt.redis_time().await?;
        let mut due = self.store.due_invitations(now, BATCH).await?;
        let more = i64::try_from(due.len()) == Ok(BATCH);
        // A belt that was opened anew holds only what workers had in hand.
        let before = if epoch == self.epoch { now.minus(LOST_AFTER) } else { now };
        let lost = self.lost(before).await?;
        let more = more || i64::try_from(lost.len()) == Ok(BATCH);
        due.extend(lost);
        if due.is_empty() {
            self.epoch = epoch;
            return Ok(Passed { rows: 0, more: false });
        }
        let mut ready = Vec::with_capacity(due.len());
        let mut trouble = None;
        for invitation in &due {
            match self.job(invitation, now).await {
                Ok(Ok(job)) => ready.push(job),
                Ok(Err(reason)) => {
                    self.store.give_up_invitation_mail(invitation.mail, reason, now).await?;
                }
                Err(error) => {
                    // Where the book answers, what can't be read is one invitation's, and stops no other.
                    self.store.healthy().await?;
                    let id = &invitation.id;
                    trouble
                        .get_or_insert(error.context(format!("invitation {id} can't be mailed")));
                }
            }
        }
        // Marked before it is pushed: what is lost in between is looked for later.
        let mails: Vec<SendId> = ready.iter().map(|(job, _)| job.send).collect();
        let queued = self.store.queue_invitations(&mails, now).await?;
        ready.retain(|(job, _)| queued.contains(&job.send));
        let pushed = self.pusher.push_ready(&self.version, ready, fence).await?;
        match trouble {
            None => Ok(Passed { rows: pushed, more }),
            // It stays due and is tried again; who watches is told.
            Some(error) => Err(error),
        }
    }
}
