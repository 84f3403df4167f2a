//! Partners asked to launch a package by a link in a mail.

use domain::{
    ActivationId, InvitationId, Outcome, PackageId, PartnerId, SendId, UtcMillis, VendorId,
};
use sqlx::any::AnyRow;

use crate::{
    engine::{Store, WriteTx},
    error::{Result, StoreError},
    ids::HotTable,
    row::Read,
};

/// How long a mail that the relay put off waits before it is tried again.
const AGAIN_AFTER_MS: i64 = 60_000;
/// How often a mail is tried before it is given up.
const MOST_ATTEMPTS: u32 = 10;

word! {
    /// Where an invitation stands.
    InvitationState ("the state of an invitation: open, launched, declined or revoked") {
        /// Its link launches, until it expires.
        Open = "open",
        /// Its link has launched; it shows what became of that.
        Launched = "launched",
        /// The partner said no.
        Declined = "declined",
        /// The vendor took it back.
        Revoked = "revoked",
    }
}

word! {
    /// Where the mail of an invitation stands.
    InvitationMail ("the state of an invitation's mail: due, queued, sent or failed") {
        /// It waits to be handed to the belt.
        Due = "due",
        /// The belt has it.
        Queued = "queued",
        /// A relay took it.
        Sent = "sent",
        /// No relay will.
        Failed = "failed",
    }
}

/// A partner that was invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Who invites.
    pub vendor: VendorId,
    /// Who is invited.
    pub partner: PartnerId,
    /// The vendor's key for it.
    pub partner_key: String,
    /// Its company's name.
    pub company_name: String,
    /// To launch what.
    pub package: PackageId,
    /// The package's name (slug).
    pub package_slug: String,
    /// Where it stands.
    pub state: InvitationState,
    /// What it launched.
    pub activation: Option<ActivationId>,
    /// When its link stops launching.
    pub expires_at: UtcMillis,
    /// The number that its link is sealed over; the latest mail's.
    pub mail: SendId,
    /// Where that mail stands.
    pub mail_state: InvitationMail,
    /// When that is or was: due, queued, sent or given up.
    pub mail_at: UtcMillis,
    /// Why it failed or waits; may be empty.
    pub mail_reason: String,
    /// How often it was tried.
    pub mail_attempts: u32,
    /// When it was first handed to the belt.
    pub first_fed_at: Option<UtcMillis>,
    /// Who asked for it.
    pub who: String,
    /// When.
    pub created_at: UtcMillis,
    /// When it last changed, but for its mail.
    pub updated_at: UtcMillis,
}

/// What a request for invitations made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedPartner {
    /// The invitation: the new one, or the open one that answered.
    pub invitation: Invitation,
    /// Whether this request made it.
    pub is_new: bool,
}

/// Whom to invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRequest {
    /// Who invites.
    pub vendor: VendorId,
    /// To launch what.
    pub package: PackageId,
    /// Whom.
    pub partners: Vec<PartnerId>,
    /// When the links stop launching.
    pub expires_at: UtcMillis,
    /// Who asks.
    pub who: String,
    /// When.
    pub now: UtcMillis,
}

fn invitation(row: &AnyRow) -> Result<Invitation> {
    Ok(Invitation {
        id: row.parsed("invitation_id")?,
        vendor: row.parsed("vendor_id")?,
        partner: row.parsed("partner_id")?,
        partner_key: row.text("partner_key")?,
        company_name: row.text("company_name")?,
        package: row.parsed("package_id")?,
        package_slug: row.text("slug")?,
        state: row.parsed("state")?,
        activation: row.opt_int("activation_id")?.map(ActivationId::new),
        expires_at: row.time("expires_at")?,
        mail: SendId::new(row.int("mail_id")?),
        mail_state: row.parsed("mail_state")?,
        mail_at: row.time("mail_at")?,
        mail_reason: row.text("mail_reason")?,
        mail_attempts: row.small("mail_attempts")?,
        first_fed_at: row.opt_time("first_fed_at")?,
        who: row.text("who")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Store {
    /// Invites partners to launch a package, all or none. One that has an open invitation to it is answered with
    /// that; if its link has expired, it is mailed again. Answers in the order given.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn invite(&self, request: &InviteRequest) -> Result<Vec<InvitedPartner>> {
        let mut tx = self.begin_write().await?;
        let mut done = Vec::with_capacity(request.partners.len());
        for partner in &request.partners {
            done.push(tx.invite_one(request, partner).await?);
        }
        let new = done.iter().filter(|invited| invited.is_new).count();
        if new > 0 {
            let (who, now) = (&request.who, request.now);
            tx.write_audit(now, who, "invite", request.package.as_str(), &new.to_string()).await?;
        }
        tx.commit().await?;
        Ok(done)
    }

    /// The invitation of this id.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn invitation(&self, id: &InvitationId) -> Result<Option<Invitation>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("invitation/get.sql"))
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(invitation).transpose()
    }

    /// The invitation whose latest mail has this number: an earlier mail's is nobody's.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn invitation_by_mail(&self, mail: SendId) -> Result<Option<Invitation>> {
        let mut connection = self.read().await?;
        let row = sqlx::query(sql!("invitation/get_by_mail.sql"))
            .bind(mail.get())
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(invitation).transpose()
    }

    /// A page of a vendor's invitations, oldest first, behind the id `after`; none at the end.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn invitations(
        &self,
        vendor: &VendorId,
        after: Option<&InvitationId>,
        limit: i64,
    ) -> Result<Vec<Invitation>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("invitation/page.sql"))
            .bind(vendor.as_str())
            .bind(after.map_or("", InvitationId::as_str))
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(invitation).collect()
    }

    /// Mails an open invitation once more, with another link: the earlier one opens nothing any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none of this id that is open.
    pub async fn mail_invitation_again(
        &self,
        id: &InvitationId,
        expires_at: UtcMillis,
        who: &str,
        now: UtcMillis,
    ) -> Result<Invitation> {
        let mut tx = self.begin_write().await?;
        let again = tx.mail_again(id, expires_at, now).await?;
        tx.write_audit(now, who, "resend invitation", id.as_str(), "").await?;
        tx.commit().await?;
        Ok(again)
    }

    /// Ends an open invitation; answers whether it was open.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn end_invitation(
        &self,
        id: &InvitationId,
        to: InvitationState,
        activation: Option<ActivationId>,
        who: &str,
        now: UtcMillis,
    ) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query(sql!("invitation/end.sql"))
            .bind(id.as_str())
            .bind(to.as_str())
            .bind(activation.map(ActivationId::get))
            .bind(now.get())
            .execute(tx.connection())
            .await?;
        let was_open = changed.rows_affected() > 0;
        if was_open {
            let detail = activation.map(|id| id.to_string()).unwrap_or_default();
            tx.write_audit(now, who, &format!("invitation {to}"), id.as_str(), &detail).await?;
        }
        tx.commit().await?;
        Ok(was_open)
    }

    /// Notes that something was done with an invitation's link that changed nothing about it.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn note_invitation(
        &self,
        id: &InvitationId,
        what: &str,
        who: &str,
        now: UtcMillis,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        tx.write_audit(now, who, what, id.as_str(), "").await?;
        tx.commit().await
    }

    /// Mails no more invitations to a partner, from now on.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn refuse_invitations(
        &self,
        partner: &PartnerId,
        who: &str,
        now: UtcMillis,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query(sql!("partner/refuse_invitations.sql"))
            .bind(partner.as_str())
            .bind(now.get())
            .execute(tx.connection())
            .await?;
        tx.write_audit(now, who, "refuse invitations", partner.as_str(), "").await?;
        tx.commit().await
    }

    /// The vendor's partners that want no invitations.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn partners_without_invitations(&self, vendor: &VendorId) -> Result<Vec<PartnerId>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(sql!("partner/no_invitations.sql"))
            .bind(vendor.as_str())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(|row| row.parsed("partner_id")).collect()
    }

    /// Open invitations whose mail is due at `now`, the longest due first.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn due_invitations(&self, now: UtcMillis, limit: i64) -> Result<Vec<Invitation>> {
        self.invitations_at(sql!("invitation/due.sql"), now, limit).await
    }

    /// Open invitations whose mail was queued at `before` or earlier and has not been heard of since.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn queued_invitations(
        &self,
        before: UtcMillis,
        limit: i64,
    ) -> Result<Vec<Invitation>> {
        self.invitations_at(sql!("invitation/queued.sql"), before, limit).await
    }

    async fn invitations_at(
        &self,
        text: &'static str,
        at: UtcMillis,
        limit: i64,
    ) -> Result<Vec<Invitation>> {
        let mut connection = self.read().await?;
        let rows = sqlx::query(text).bind(at.get()).bind(limit).fetch_all(&mut *connection).await?;
        rows.iter().map(invitation).collect()
    }

    /// Marks mails as handed to the belt; answers with those that were still to go.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn queue_invitations(&self, mails: &[SendId], now: UtcMillis) -> Result<Vec<SendId>> {
        let mut tx = self.begin_write().await?;
        let mut queued = Vec::with_capacity(mails.len());
        for mail in mails {
            let changed = sqlx::query(sql!("invitation/queue.sql"))
                .bind(mail.get())
                .bind(now.get())
                .execute(tx.connection())
                .await?;
            if changed.rows_affected() > 0 {
                queued.push(*mail);
            }
        }
        tx.commit().await?;
        Ok(queued)
    }

    /// Gives up the mail of an invitation that can't be made or must not be sent.
    ///
    /// # Errors
    /// When the book fails.
    pub async fn give_up_invitation_mail(
        &self,
        mail: SendId,
        reason: &str,
        now: UtcMillis,
    ) -> Result<()> {
        let mut tx = self.begin_write().await?;
        tx.mark_invitation_mail(mail, InvitationMail::Failed, now, reason, 0).await?;
        tx.commit().await
    }
}

impl WriteTx {
    async fn invite_one(
        &mut self,
        request: &InviteRequest,
        partner: &PartnerId,
    ) -> Result<InvitedPartner> {
        if let Some(known) = self.open_invitation(partner, &request.package).await? {
            if known.expires_at > request.now {
                return Ok(InvitedPartner { invitation: known, is_new: false });
            }
            let again = self.mail_again(&known.id, request.expires_at, request.now).await?;
            return Ok(InvitedPartner { invitation: again, is_new: true });
        }
        let id = InvitationId::from_ulid(self.ids.ulid(request.now));
        let mail = self.take_ids(HotTable::Send, 1).await?;
        let added = sqlx::query(sql!("invitation/add.sql"))
            .bind(id.as_str())
            .bind(request.vendor.as_str())
            .bind(partner.as_str())
            .bind(request.package.as_str())
            .bind(request.expires_at.get())
            .bind(mail[0])
            .bind(request.now.get())
            .bind(request.who.as_str())
            .execute(self.connection())
            .await?;
        // On Postgres somebody may have been faster; then theirs is the open one.
        let invitation = self
            .open_invitation(partner, &request.package)
            .await?
            .ok_or_else(|| StoreError::not_found("partner", partner))?;
        Ok(InvitedPartner { invitation, is_new: added.rows_affected() > 0 })
    }

    async fn mail_again(
        &mut self,
        id: &InvitationId,
        expires_at: UtcMillis,
        now: UtcMillis,
    ) -> Result<Invitation> {
        let mail = self.take_ids(HotTable::Send, 1).await?;
        let changed = sqlx::query(sql!("invitation/mail_again.sql"))
            .bind(id.as_str())
            .bind(mail[0])
            .bind(expires_at.get())
            .bind(now.get())
            .execute(self.connection())
            .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::not_found("open invitation", id));
        }
        let row = sqlx::query(sql!("invitation/get.sql"))
            .bind(id.as_str())
            .fetch_one(self.connection())
            .await?;
        invitation(&row)
    }

    async fn open_invitation(
        &mut self,
        partner: &PartnerId,
        package: &PackageId,
    ) -> Result<Option<Invitation>> {
        let row = sqlx::query(sql!("invitation/get_open.sql"))
            .bind(partner.as_str())
            .bind(package.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(invitation).transpose()
    }

    /// Records how the mail of an invitation ended, if the number is one's; answers whether it is. The mail is
    /// tried again after anything but an end: its link is the same, so a second one does no harm.
    pub(crate) async fn record_invitation_mail(
        &mut self,
        mail: SendId,
        outcome: &Outcome,
        at: UtcMillis,
    ) -> Result<bool> {
        let row = sqlx::query(sql!("invitation/get_by_mail.sql"))
            .bind(mail.get())
            .fetch_optional(self.connection())
            .await?;
        let Some(known) = row.as_ref().map(invitation).transpose()? else { return Ok(false) };
        let later = |after_ms: u64| {
            let after_ms = i64::try_from(after_ms).unwrap_or(AGAIN_AFTER_MS).max(1);
            UtcMillis::new(at.get().saturating_add(after_ms))
        };
        let tried = known.mail_attempts + 1;
        let (state, at, reason, attempts) = match outcome {
            Outcome::Done(_) => (InvitationMail::Sent, at, String::new(), 1),
            Outcome::Permanent { reason, .. } => {
                (InvitationMail::Failed, at, reason.as_str().to_owned(), 1)
            }
            Outcome::NotNow { after_ms, .. } => {
                (InvitationMail::Due, later(*after_ms), known.mail_reason.clone(), 0)
            }
            Outcome::Transient { .. } | Outcome::Unknown(_) if tried >= MOST_ATTEMPTS => {
                (InvitationMail::Failed, at, "gave_up".to_owned(), 1)
            }
            Outcome::Transient { after_ms, .. } => {
                (InvitationMail::Due, later(*after_ms), "deferred".to_owned(), 1)
            }
            Outcome::Unknown(_) => (
                InvitationMail::Due,
                later(AGAIN_AFTER_MS.unsigned_abs()),
                "connection_lost".to_owned(),
                1,
            ),
        };
        self.mark_invitation_mail(mail, state, at, &reason, attempts).await?;
        Ok(true)
    }

    async fn mark_invitation_mail(
        &mut self,
        mail: SendId,
        state: InvitationMail,
        at: UtcMillis,
        reason: &str,
        attempts: i64,
    ) -> Result<()> {
        sqlx::query(sql!("invitation/mailed.sql"))
            .bind(mail.get())
            .bind(state.as_str())
            .bind(at.get())
            .bind(reason)
            .bind(attempts)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
