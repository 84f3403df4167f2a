//! The fields of an invitation's form, and what is wrong with what was filled in.

use maud::{Markup, html};
use program::{ListChoice, PageSlot, Problem, ProfileField};
use render::{ImageValue, SlotKind};

use super::{problems_at, show::Parts};
use crate::{frame::name, words::plain};

impl Parts<'_> {
    /// All problems in one place, each leading to its field.
    pub(super) fn errors(&self) -> Markup {
        let problems = &self.shown.problems;
        if problems.is_empty() {
            return html! {};
        }
        let words = self.words();
        html! {
            div.errors role="alert" tabindex="-1" {
                h2 { (words.count("errors-heading", problems.len() as u64)) }
                ul {
                    @for problem in problems {
                        li {
                            a href={ "#" (field_id(&problem.place)) } { (self.label_of(&problem.place)) }
                            ": " (self.wrong(problem))
                        }
                    }
                }
            }
        }
    }

    fn label_of(&self, place: &str) -> String {
        let words = self.words();
        match place.split_once(' ') {
            Some(("slot", slot)) => {
                let known = self.page.slots.iter().find(|it| it.name == slot);
                known.map_or_else(|| slot.to_owned(), |it| plain(&it.label))
            }
            Some(("profile", field)) => {
                let known = ProfileField::ALL.into_iter().find(|it| it.as_str() == field);
                known.map_or_else(
                    || field.to_owned(),
                    |it| words.say(&format!("{}-label", it.as_str())),
                )
            }
            _ if place == "list" => words.say("list-label"),
            _ if place == "start" => words.say("when-heading"),
            _ => plain(place),
        }
    }

    /// What a field expects, in the words of the page. What a program would be told says more, in English.
    fn wrong(&self, problem: &Problem) -> String {
        let words = self.words();
        let given = &self.shown.given;
        let key = |place: &str| format!("wrong-{place}");
        let (kind, name) = problem.place.split_once(' ').unwrap_or((problem.place.as_str(), ""));
        match kind {
            "list" | "start" => words.say(&key(kind)),
            "profile" => words.say(&key(name)),
            "slot" => {
                let Some(slot) = self.page.slots.iter().find(|it| it.name == name) else {
                    return said(problem);
                };
                let is_empty = given.slots.get(name).is_none_or(|value| value.trim().is_empty());
                match slot.kind {
                    SlotKind::Image if slot.min_width > 1 || slot.min_height > 1 => {
                        let key = match (slot.min_width, slot.min_height) {
                            (_, 0 | 1) => "wrong-image-narrow",
                            (0 | 1, _) => "wrong-image-low",
                            _ => "wrong-image-small",
                        };
                        let least =
                            [slot.min_width, slot.min_height].map(|it| words.number(u64::from(it)));
                        words.say_with(key, &[("width", &least[0]), ("height", &least[1])])
                    }
                    SlotKind::Image => words.say("wrong-image"),
                    _ if is_empty => words.say("wrong-empty"),
                    SlotKind::Text | SlotKind::RichText => {
                        let most = words.number(u64::from(slot.max_length));
                        words.say_with("wrong-text", &[("most", &most)])
                    }
                    SlotKind::Url if !slot.hosts.is_empty() => {
                        words.say_with("wrong-url-hosts", &[("hosts", &slot.hosts.join(", "))])
                    }
                    kind => words.say(&key(&kind.to_string())),
                }
            }
            _ => said(problem),
        }
    }

    pub(super) fn lists(&self) -> Markup {
        let words = self.words();
        let given = &self.shown.given.list;
        html! {
            section aria-labelledby="to" {
                h2 #to { (words.say("to-heading")) }
                @match self.page.lists.as_slice() {
                    [only] => {
                        p { (name(&only.name)) ": " (words.count("contacts", only.contacts)) ". " (words.say("left-out")) }
                        input type="hidden" name="list" value=(only.name);
                    }
                    several => {
                        label for="list" { (words.say("list-label")) " " (words.say("required")) }
                        select #list name="list" required aria-describedby="list-note" {
                            option value="" { (words.say("list-choose")) }
                            @for ListChoice { name, contacts } in several {
                                option value=(name) selected[name == given] {
                                    (plain(name)) " – " (words.count("contacts", *contacts))
                                }
                            }
                        }
                        (self.problems("list"))
                        p.fine #list-note { (words.say("left-out")) }
                    }
                }
            }
        }
    }

    pub(super) fn start(&self) -> Markup {
        let words = self.words();
        html! {
            label for="start" { (words.say_with("start-label", &[("zone", &self.page.time_zone)])) }
            input #start type="datetime-local" name="start" value=(self.shown.given.start)
                aria-invalid=[self.invalid("start")] aria-describedby=[self.described("start")];
            (self.problems("start"))
        }
    }

    pub(super) fn profile(&self) -> Markup {
        let words = self.words();
        if self.page.missing.is_empty() {
            return html! {};
        }
        html! {
            section.needed aria-labelledby="profile" {
                h2 #profile { (words.say("profile-heading")) }
                p { (words.say("profile-why")) }
                @for field in &self.page.missing {
                    @let key = field.as_str();
                    @let place = format!("profile {key}");
                    @let id = field_id(&place);
                    @let given = self.shown.given.profile.get(key).map_or("", String::as_str);
                    label for=(id) { (words.say(&format!("{key}-label"))) " " (words.say("required")) }
                    p.fine id={ (id) "-hint" } { (words.say(&format!("{key}-hint"))) }
                    @match field {
                        ProfileField::PostalAddress => {
                            textarea id=(id) name={ "profile." (key) } rows="4" required dir="auto"
                                autocomplete="street-address" aria-invalid=[self.invalid(&place)]
                                aria-describedby={ (id) "-hint" } { (given) }
                        }
                        ProfileField::WebSite => {
                            input id=(id) name={ "profile." (key) } type="text" inputmode="url" required dir="ltr"
                                autocomplete="url" value=(given) aria-invalid=[self.invalid(&place)]
                                aria-describedby={ (id) "-hint" };
                        }
                        ProfileField::FromEmail => {
                            input id=(id) name={ "profile." (key) } type="email" required dir="ltr"
                                autocomplete="email" value=(given) aria-invalid=[self.invalid(&place)]
                                aria-describedby={ (id) "-hint" };
                        }
                    }
                    (self.problems(&place))
                }
            }
        }
    }

    pub(super) fn slots(&self) -> Markup {
        let words = self.words();
        let slots = &self.page.slots;
        if slots.is_empty() {
            return html! {};
        }
        let all_optional = slots.iter().all(|slot| !slot.required);
        html! {
            section aria-labelledby="slots" {
                h2 #slots { (words.say("slots-heading")) }
                @if all_optional { p { (words.say("slots-optional")) } }
                @for slot in slots { (self.slot(slot)) }
                div.act {
                    button.quiet type="submit" name="intent" value="preview" formnovalidate {
                        (words.say("slots-update"))
                    }
                }
            }
        }
    }

    fn slot(&self, slot: &PageSlot) -> Markup {
        let words = self.words();
        let place = format!("slot {}", slot.name);
        let id = field_id(&place);
        let field = format!("slot.{}", slot.name);
        let given = self.shown.given.slots.get(&slot.name).map_or("", String::as_str);
        let described = self.described(&place);
        html! {
            label for=(id) {
                (plain(&slot.label))
                @if slot.required { " " (words.say("required")) }
            }
            @match slot.kind {
                SlotKind::RichText => {
                    textarea id=(id) name=(field) rows="4" dir="auto" required[slot.required]
                        aria-invalid=[self.invalid(&place)] aria-describedby=[described] { (given) }
                }
                SlotKind::Text if slot.max_length > 120 => {
                    textarea id=(id) name=(field) rows="3" dir="auto" required[slot.required]
                        maxlength=(slot.max_length) placeholder=(slot.default)
                        aria-invalid=[self.invalid(&place)] aria-describedby=[described] { (given) }
                }
                SlotKind::Choice => {
                    select id=(id) name=(field) aria-invalid=[self.invalid(&place)] aria-describedby=[described] {
                        @if !slot.required { option value="" { "–" } }
                        @for (value, label) in &slot.choices {
                            option value=(value) selected[value == given || (given.is_empty() && *value == slot.default)] {
                                (plain(label))
                            }
                        }
                    }
                }
                SlotKind::Image => { (self.picture(slot, &id, given)) }
                kind => {
                    input id=(id) name=(field) value=(given) required[slot.required]
                        type=(if kind == SlotKind::Datetime { "datetime-local" } else { "text" })
                        inputmode=[(kind == SlotKind::Url).then_some("url")]
                        placeholder=[(!slot.default.is_empty()).then_some(&slot.default)]
                        dir="auto" aria-invalid=[self.invalid(&place)] aria-describedby=[described];
                }
            }
            (self.problems(&place))
        }
    }

    /// A file to choose, and what it shows. What was chosen before is kept by its name in the book.
    fn picture(&self, slot: &PageSlot, id: &str, given: &str) -> Markup {
        let words = self.words();
        let place = format!("slot {}", slot.name);
        let kept: Option<ImageValue> = given.parse().ok();
        let alt = kept.as_ref().map_or("", |it| it.alt.as_str());
        html! {
            @if let Some(kept) = &kept {
                input type="hidden" name={ "slot." (slot.name) } value=(given);
                img src={ (self.look.base) "/a/" (kept.hash) "." (kept.extension) } alt=(kept.alt)
                    width=(kept.width) height=(kept.height);
            }
            input id=(id) name={ "file." (slot.name) } type="file" accept="image/png,image/jpeg,image/svg+xml"
                required[slot.required && kept.is_none()]
                aria-invalid=[self.invalid(&place)] aria-describedby=[self.described(&place)];
            label for={ (id) "-alt" } { (words.say("picture-alt")) }
            input id={ (id) "-alt" } name={ "alt." (slot.name) } type="text" maxlength="300" dir="auto" value=(alt);
        }
    }

    fn is_wrong(&self, place: &str) -> bool {
        !problems_at(&self.shown.problems, place).is_empty()
    }

    /// Without a value the attribute would say that the field is right.
    fn invalid(&self, place: &str) -> Option<&'static str> {
        self.is_wrong(place).then_some("true")
    }

    fn described(&self, place: &str) -> Option<String> {
        self.is_wrong(place).then(|| format!("{}-problem", field_id(place)))
    }

    fn problems(&self, place: &str) -> Markup {
        let problems = problems_at(&self.shown.problems, place);
        html! {
            @if !problems.is_empty() {
                p.problem id={ (field_id(place)) "-problem" } {
                    @for problem in problems { (self.wrong(problem)) " " }
                }
            }
        }
    }
}

/// What a field of the form is called in the page.
fn field_id(place: &str) -> String {
    place.replace([' ', '.'], "-")
}

/// What is wrong where no field of the page is, without the place.
fn said(problem: &Problem) -> String {
    match (problem.message.as_str(), problem.expected.as_str()) {
        ("", expected) => plain(expected),
        (message, "") => plain(message),
        (message, expected) => plain(&format!("{message}; {expected}")),
    }
}
