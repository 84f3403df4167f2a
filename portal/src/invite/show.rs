//! The page behind an invitation's link.

use axum::{http::StatusCode, response::Response};
use domain::{ActivationState, SendState};
use maud::{Markup, html};
use program::{
    InvitationPage, InvitationProgress, InvitationStands, InvitedLaunch, PageStep, Previewed,
    Problem,
};
use render::SlotKind;

use crate::{
    frame::{Page, name},
    page::Look,
    results::section,
    words::{Words, plain},
};

/// What is shown besides how things stand.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What was filled in.
    pub given: InvitedLaunch,
    /// What of it does not fit.
    pub problems: Vec<Problem>,
    /// Whether a fresh link is on its way, if one was asked for.
    pub renewed: Option<bool>,
}

/// What the page is made of.
pub(super) struct Parts<'a> {
    pub page: &'a InvitationPage,
    pub token: &'a str,
    pub look: &'a Look,
    pub shown: &'a Shown,
}

impl Parts<'_> {
    pub(super) fn words(&self) -> &Words {
        &self.look.words
    }

    fn answer(&self, title: String, body: Markup, status: StatusCode) -> Response {
        let Look { base, words } = self.look;
        Page { words, base, title, body, is_live: true }.answer(status)
    }

    pub(super) fn address(&self) -> String {
        format!("{}/i/{}", self.look.base, self.token)
    }

    /// An open invitation: look, choose, launch.
    pub fn launch(&self, previews: &[Option<Previewed>], status: StatusCode) -> Response {
        let words = self.words();
        let page = self.page;
        let names = [
            ("vendor", page.vendor_name.as_str()),
            ("partner", page.partner_name.as_str()),
            ("campaign", page.title.as_str()),
        ];
        let expires = words.date(page.expires_at);
        let has_picture = page.slots.iter().any(|slot| slot.kind == SlotKind::Image);
        let body = html! {
            (self.errors())
            p.lead { (words.say_with("prepared-by", &names)) }
            p { (plain(&page.description)) }
            form.launch method="post" action=(self.address()) enctype=[has_picture.then_some("multipart/form-data")] {
                // The button on top is the one that a key press in a field means.
                div.act {
                    button.main type="submit" name="intent" value="launch" { (self.launch_label()) }
                    p.fine { (words.say_with("launch-note", &[("date", &expires)])) }
                }
                (self.profile())
                section aria-labelledby="previews" {
                    h2 #previews { (words.say("preview-heading")) }
                    @for (n, step) in page.steps.iter().enumerate() {
                        (self.mail(n, step, previews.get(n).and_then(Option::as_ref)))
                    }
                }
                (self.lists())
                section aria-labelledby="when" {
                    h2 #when { (words.say("when-heading")) }
                    (self.start())
                }
                (self.slots())
                div.act {
                    button.main type="submit" name="intent" value="launch" { (self.launch_label()) }
                    button.quiet type="submit" name="intent" value="decline" formnovalidate {
                        (words.say("decline"))
                    }
                }
            }
        };
        self.answer(words.say_with("launch-title", &names), body, status)
    }

    fn launch_label(&self) -> String {
        let words = self.words();
        match self.page.lists.as_slice() {
            [only] => words.count("launch-now", only.contacts),
            _ => words.say("launch"),
        }
    }

    fn mail(&self, n: usize, step: &PageStep, preview: Option<&Previewed>) -> Markup {
        let words = self.words();
        let of = words.number(self.page.steps.len() as u64);
        let number = words.number(n as u64 + 1);
        let now = self.page.steps.first().and_then(|first| first.due_at);
        let when = match step.due_at {
            None => words.say("sent-by-event"),
            Some(at) if n == 0 && Some(at) == now => words.say("sent-at-once"),
            Some(at) => words.say_with("sent-about", &[("date", &words.date(at))]),
        };
        let id = format!("mail-{}", n + 1);
        html! {
            article.mail aria-labelledby={ (id) "-title" } {
                p.fine { (words.say_with("mail-of", &[("n", &number), ("of", &of)])) " · " (when) }
                @if let Some(preview) = preview {
                    h3 id={ (id) "-title" } { (name(&preview.subject)) }
                    // Which view is shown is a choice of radio buttons: it needs no script.
                    div.views {
                        input type="radio" name={ (id) "-view" } id={ (id) "-phone" } checked;
                        label for={ (id) "-phone" } { (words.say("as-phone")) }
                        input type="radio" name={ (id) "-view" } id={ (id) "-desktop" };
                        label for={ (id) "-desktop" } { (words.say("as-desktop")) }
                        input type="radio" name={ (id) "-view" } id={ (id) "-text" };
                        label for={ (id) "-text" } { (words.say("as-text")) }
                        iframe sandbox="" loading="lazy" referrerpolicy="no-referrer"
                            title=(words.say_with("preview-frame", &[("subject", &preview.subject)]))
                            src={ (self.address()) "/mail/" (step.key.as_str()) (self.query()) } {}
                        pre tabindex="0" dir="auto" { (preview.text) }
                    }
                } @else {
                    h3 id={ (id) "-title" } { (step.key.as_str()) }
                    p { (words.say("preview-missing")) }
                }
            }
        }
    }

    /// What was filled in, for the frames: they are asked for by GET.
    fn query(&self) -> String {
        let filled = self.shown.given.slots.iter().filter(|(_, value)| !value.trim().is_empty());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (slot, value) in filled {
            query.append_pair(&format!("slot.{slot}"), value);
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    /// What became of a launch.
    pub fn progress(&self, seen: &InvitationProgress) -> Response {
        let words = self.words();
        let title = words.say_with("running-title", &[("campaign", self.page.title.as_str())]);
        let button = |intent: &str, key: &str, class: &str| {
            html! {
                button class=(class) type="submit" name="intent" value=(intent) { (words.say(key)) }
            }
        };
        let body = html! {
            div #progress hx-ext="sse" sse-connect={ (self.address()) "/events" } sse-swap="progress" sse-close="over" {
                (figures(seen, &self.page.vendor_name, self.look))
            }
            form.act method="post" action=(self.address()) {
                @match seen.status.state {
                    ActivationState::Scheduled | ActivationState::Running => {
                        (button("pause", "pause", "quiet"))
                        (button("stop", "stop", "quiet danger"))
                    }
                    ActivationState::Paused => {
                        (button("resume", "resume", "main"))
                        (button("stop", "stop", "quiet danger"))
                    }
                    ActivationState::Completed | ActivationState::Cancelled | ActivationState::Recalled => {}
                }
            }
            p { a href=(self.address()) { (words.say("refresh")) } }
        };
        self.answer(title, body, StatusCode::OK)
    }

    /// A link that launches nothing.
    pub fn closed(&self, stands: &InvitationStands) -> Response {
        let words = self.words();
        let names = [
            ("vendor", self.page.vendor_name.as_str()),
            ("partner", self.page.partner_name.as_str()),
        ];
        let (title, text) = match (stands, self.shown.renewed) {
            (_, Some(true)) => ("renewed-title", "renewed"),
            (_, Some(false)) => ("expired-title", "renew-wait"),
            (InvitationStands::Expired, None) => ("expired-title", "expired"),
            (InvitationStands::Declined, None) => ("declined-title", "declined"),
            (InvitationStands::Revoked, None) => ("revoked-title", "revoked"),
            (InvitationStands::Withdrawn, None) => ("withdrawn-title", "ask-vendor"),
            (_, None) => ("may-not-title", "ask-vendor"),
        };
        let may_renew = *stands == InvitationStands::Expired && self.shown.renewed.is_none();
        let body = html! {
            p { (words.say_with(text, &names)) }
            @if may_renew {
                form method="post" action=(self.address()) {
                    button.main type="submit" name="intent" value="renew" { (words.say("renew")) }
                }
            }
        };
        self.answer(words.say(title), body, StatusCode::OK)
    }
}

/// The part of the page that changes by itself.
pub(super) fn figures(seen: &InvitationProgress, vendor_name: &str, look: &Look) -> Markup {
    let words = &look.words;
    let InvitationProgress { status: seen, results } = seen;
    let counts = &seen.counts;
    let sent = counts.of(SendState::Sent);
    let skipped = counts.of(SendState::Skipped);
    let failed = counts.of(SendState::Failed);
    let ended =
        sent + skipped + failed + counts.of(SendState::Held) + counts.of(SendState::Cancelled);
    let waiting = counts.total.saturating_sub(ended);
    let percent = (ended * 100).checked_div(counts.total).unwrap_or(0);
    let state = format!("state-{}", seen.state.as_str());
    let row = |key: &str, number: u64| {
        html! { div { dt { (words.say(key)) } dd { (words.number(number)) } } }
    };
    html! {
        p.lead role="status" { (words.say_with(&state, &[("vendor", vendor_name)])) }
        @let shown = format!("{}%", words.number(percent));
        progress max="100" value=(percent) aria-label=(words.say_with("progress-label", &[("percent", &shown)])) {}
        dl.figures {
            @if let Some(audience) = seen.audience { (row("count-audience", audience)) }
            (row("count-sent", sent))
            (row("count-waiting", waiting))
            (row("count-skipped", skipped))
            (row("count-failed", failed))
        }
        (section(results, words))
    }
}
