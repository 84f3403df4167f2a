//! From rendered parts to a message.

use domain::UtcMillis;
use lettre::{
    Message,
    message::{MultiPart, SinglePart, header::ContentType},
};
use sha2::{Digest, Sha256};

use super::{
    body,
    error::{BuildError, BuildErrorReason},
    header,
    outgoing::Outgoing,
};

/// What a message is made of: rendered text, already co-branded. Names and subject are any Unicode
/// without control characters.
#[derive(Debug, Clone, Copy, Default)]
pub struct MailParts<'a> {
    /// The name in From; may be empty.
    pub from_name: &'a str,
    /// The address in From.
    pub from_email: &'a str,
    /// Where answers go; empty for no Reply-To header.
    pub reply_to: &'a str,
    /// The name in To; may be empty.
    pub to_name: &'a str,
    /// The recipient.
    pub to_email: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The plain text part.
    pub text: &'a str,
    /// The HTML part.
    pub html: &'a str,
    /// The Message-ID without angle brackets: the same for every attempt at one send.
    pub message_id: &'a str,
    /// The Date: the same for every attempt at one send. Whole seconds are shown.
    pub date: UtcMillis,
    /// The one-click URL; empty for neither of the List-Unsubscribe headers.
    pub list_unsubscribe_url: &'a str,
    /// The name before the list's identifier; may be empty.
    pub list_id_name: &'a str,
    /// The list's identifier; empty for no List-ID header.
    pub list_id: &'a str,
    /// Where bounces go; empty for the address in From.
    pub envelope_from: &'a str,
}

/// Builds the message. The same parts give the same bytes, so that a message sent again after an
/// unknown end is the same message to everyone who compares.
///
/// # Errors
/// [`BuildError`] with the field at fault; nothing is repaired or stripped silently.
pub fn build(parts: &MailParts<'_>) -> Result<Outgoing, BuildError> {
    let from = header::address("from_email", parts.from_email)?;
    let to = header::address("to_email", parts.to_email)?;
    let envelope_from = match parts.envelope_from {
        "" => from.clone(),
        other => header::address("envelope_from", other)?,
    };
    if parts.text.is_empty() && parts.html.is_empty() {
        return Err(BuildError { field: "text", reason: BuildErrorReason::Empty("text or html") });
    }

    let mut message = Message::builder()
        .raw_header(header::mailbox("From", "from_name", parts.from_name, &from)?)
        .raw_header(header::mailbox("To", "to_name", parts.to_name, &to)?)
        .raw_header(header::subject("subject", parts.subject)?)
        .raw_header(header::message_id("message_id", parts.message_id)?)
        .date(header::date("date", parts.date)?);
    if !parts.reply_to.is_empty() {
        let reply_to = header::address("reply_to", parts.reply_to)?;
        message = message.raw_header(header::mailbox("Reply-To", "reply_to", "", &reply_to)?);
    }
    if !parts.list_unsubscribe_url.is_empty() {
        let url = header::list_unsubscribe("list_unsubscribe_url", parts.list_unsubscribe_url)?;
        message = message.raw_header(url).raw_header(header::list_unsubscribe_post());
    }
    if !parts.list_id.is_empty() {
        message = message.raw_header(header::list_id(parts.list_id_name, parts.list_id)?);
    }

    let alternative = MultiPart::alternative()
        .boundary(boundary(parts.message_id))
        .singlepart(part(ContentType::TEXT_PLAIN, parts.text))
        .singlepart(part(ContentType::TEXT_HTML, parts.html));
    let message = message.multipart(alternative).map_err(|_| BuildError {
        field: "message",
        reason: BuildErrorReason::Form("one From and one recipient"),
    })?;
    Outgoing::new(parts.message_id, &envelope_from, &to, message.formatted())
}

fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(content_type).body(body::encode(text))
}

/// A boundary that stays the same for one message. `=_` can stand in neither a quoted-printable nor
/// a base64 body (RFC 2045, section 6.7), so no text can hold it.
fn boundary(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    let hex: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("=_{hex}")
}
