//! What mail a recipient wants: less of it, none, or some again.

use domain::{ActivationId, AddressHash, HashScope, SendId, UtcMillis};

use crate::{
    bulk::{Rows, Value},
    engine::{Store, WriteTx},
    error::Result,
    row::Read,
    send::{SendDetail, find_send},
    suppression::{reason, scope_id, topic_id, word},
};

/// What a recipient has chosen so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// The send whose link asked.
    pub detail: SendDetail,
    /// What the partner's mail has been about.
    pub topics: Vec<TopicChoice>,
    /// Why no mail of the partner's company goes to the address, if none does; see [`reason`].
    pub company_refused: Option<String>,
    /// Why no mail of any of the vendor's partners does.
    pub vendor_refused: Option<String>,
}

/// A topic of a partner's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicChoice {
    /// Its stable name.
    pub topic: String,
    /// Its name for people, as JSON: a text, or one for each language.
    pub name: String,
    /// The recipient wants no mail about it.
    pub is_refused: bool,
}

/// What a recipient chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Mail about some topics. Those in neither list stay as they are. Whoever wanted no mail at all has
    /// taken that back with it.
    Topics {
        /// The partner's mail about these is wanted.
        wanted: Vec<String>,
        /// About these it is not.
        refused: Vec<String>,
    },
    /// No mail of the partner's company.
    NothingOfCompany,
    /// No mail of any of the vendor's partners.
    NothingOfVendor,
}

/// What a wish changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WishDone {
    /// The send whose link asked.
    pub detail: SendDetail,
    /// What the belt must let nothing go to now.
    pub suppressed: Vec<AddressHash>,
    /// What it may let mail go to again.
    pub lifted: Vec<AddressHash>,
}

impl Store {
    /// What the recipient of a send has chosen. `None`: no such send.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn preferences(&self, send: SendId) -> Result<Option<Preferences>> {
        let Some(detail) = self.send(send).await? else { return Ok(None) };
        let company = HashScope::Company(&detail.company);
        let vendor = HashScope::Vendor(&detail.vendor);
        let company_refused = self.find_suppression(company, &detail.hash_company).await?;
        let vendor_refused = self.find_suppression(vendor, &detail.hash_vendor).await?;
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("package_version/topics_of_partner.sql"))
            .bind(detail.partner.as_str())
            .bind(detail.hash_company.as_str())
            .fetch_all(&mut *connection)
            .await?;
        let topics = rows.iter().map(|row| {
            Ok(TopicChoice {
                topic: row.text("topic")?,
                name: row.text("topic_name")?,
                is_refused: row.flag("is_refused")?,
            })
        });
        Ok(Some(Preferences {
            topics: topics.collect::<Result<_>>()?,
            company_refused: company_refused.map(|found| found.reason),
            vendor_refused: vendor_refused.map(|found| found.reason),
            detail,
        }))
    }

    /// Does what the recipient of a send wishes, in one transaction: suppressions, what is still due, and, if
    /// less mail is wanted than before, the event. What was suppressed for another reason than the recipient's
    /// word stays so. `None`: no such send.
    ///
    /// # Errors
    /// When the book fails; then the recipient must be told to try again.
    pub async fn set_preferences(
        &self,
        send: SendId,
        wish: &Wish,
        source: &str,
        now: UtcMillis,
    ) -> Result<Option<WishDone>> {
        // What happens to a send happens in campaign time; who must not be mailed is known by the clock.
        let at = UtcMillis::new(now.get().saturating_add(self.campaign_offset().await?));
        let mut tx = self.begin_write().await?;
        // First, as the counts ask for: the step is read under it.
        let ids = tx.take_event_ids(1).await?;
        let Some(detail) = find_send(tx.connection(), send).await? else { return Ok(None) };
        let mut done = WishDone { detail, suppressed: Vec::new(), lifted: Vec::new() };
        let detail = done.detail.clone();
        let company = HashScope::Company(&detail.company);
        let vendor = HashScope::Vendor(&detail.vendor);
        let unsubscribed = reason::UNSUBSCRIBED;
        let mut skipped: Vec<ActivationId> = Vec::new();
        let mut refused_now = Vec::new();
        match wish {
            Wish::NothingOfCompany => {
                let hashes = std::slice::from_ref(&detail.hash_company);
                let new =
                    tx.insert_suppressions(company, hashes, unsubscribed, source, now).await?;
                done.suppressed.extend_from_slice(hashes);
                skipped = tx.skip_company(&detail).await?;
                refused_now.extend((new > 0).then(|| "company".to_owned()));
            }
            Wish::NothingOfVendor => {
                let hashes = std::slice::from_ref(&detail.hash_vendor);
                let new = tx.insert_suppressions(vendor, hashes, unsubscribed, source, now).await?;
                done.suppressed.extend_from_slice(hashes);
                // What is due is decided again when it is fed: there may be thousands of activations.
                refused_now.extend((new > 0).then(|| "vendor".to_owned()));
            }
            Wish::Topics { wanted, refused } => {
                for (scope, hash) in
                    [(company, &detail.hash_company), (vendor, &detail.hash_vendor)]
                {
                    if tx.lift(word(scope), scope_id(scope), hash).await? {
                        done.lifted.push(hash.clone());
                    }
                }
                for topic in wanted {
                    let id = topic_id(&detail.partner, topic);
                    if tx.lift("topic", &id, &detail.hash_company).await? {
                        done.lifted.push(detail.hash_company.about(&detail.partner, topic));
                    }
                }
                for topic in refused {
                    done.suppressed.push(detail.hash_company.about(&detail.partner, topic));
                    if tx.refuse_topic(&detail, topic, source, now).await? {
                        refused_now.push(topic.clone());
                    }
                    skipped.extend(tx.skip_topic(&detail, topic).await?);
                }
            }
        }
        if !refused_now.is_empty() {
            let about = serde_json::json!({ "refused": refused_now }).to_string();
            tx.write_unsubscribed(ids[0], &detail, &about, at).await?;
        }
        if !done.lifted.is_empty() {
            let subject = send.to_string();
            tx.write_audit(now, source, "wants mail again", &subject, "").await?;
        }
        tx.complete_of(&skipped, at).await?;
        tx.commit().await?;
        Ok(Some(done))
    }
}

impl WriteTx {
    async fn lift(&mut self, scope: &str, scope_id: &str, hash: &AddressHash) -> Result<bool> {
        let done = sqlx::query(sql!("suppression/lift.sql"))
            .bind(scope)
            .bind(scope_id)
            .bind(hash.as_str())
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Answers whether the topic was wanted before.
    async fn refuse_topic(
        &mut self,
        detail: &SendDetail,
        topic: &str,
        source: &str,
        now: UtcMillis,
    ) -> Result<bool> {
        let mut rows = Rows::new(6, 1);
        rows.push([
            "topic".into(),
            topic_id(&detail.partner, topic).into(),
            detail.hash_company.as_str().into(),
            reason::UNSUBSCRIBED.into(),
            source.into(),
            Value::Int(now.get()),
        ]);
        let engine = self.engine;
        let new = rows.execute(engine, self.connection(), sql!("suppression/add_many.sql")).await?;
        Ok(new > 0)
    }

    async fn skip_topic(&mut self, detail: &SendDetail, topic: &str) -> Result<Vec<ActivationId>> {
        let skipped = sqlx::query(sql!("send/skip_topic.sql"))
            .bind(detail.partner.as_str())
            .bind(topic)
            .bind(detail.person.get())
            .fetch_all(self.connection())
            .await?;
        crate::activation::activation_ids(&skipped)
    }
}
