//! What a template may speak of, and of what kind each name is.

use std::collections::BTreeMap;

use crate::{
    package::{INVITATION, Package, SlotKind},
    verify::Part,
};

/// Of what kind a value is: it decides where it may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A link that was checked: `https`, or made here.
    Url,
    /// `#rrggbb`.
    Colour,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// Several texts.
    List,
    /// Something that is there or not, with values under it.
    Group,
    /// A text that differs from person to person.
    Person,
    /// The same with something else in its place where it is missing.
    PersonOr,
    /// A link that differs from person to person.
    PersonUrl,
    /// A text that was percent-encoded.
    Encoded,
    /// A partner's markup, which was taken apart and put together again.
    RichText,
    /// A moment, which only helpers can write.
    Moment,
}

impl Kind {
    /// Whether it can be written into text.
    pub(crate) const fn can_be_written(self) -> bool {
        !matches!(self, Self::List | Self::Group | Self::Flag | Self::Moment)
    }

    /// Whether it can decide a condition.
    pub(crate) const fn can_decide(self) -> bool {
        !matches!(self, Self::PersonOr | Self::PersonUrl | Self::Encoded)
    }

    /// Whether a helper can look at its value while a skeleton is made.
    pub(crate) const fn is_known_early(self) -> bool {
        !matches!(self, Self::Person | Self::PersonOr | Self::PersonUrl)
    }
}

/// The helpers a template may call in a tag.
pub(crate) const HELPERS: [&str; 9] =
    ["default", "eq", "percent", "date", "time", "datetime", "number", "plural", "link"];

/// Those that are nothing but themselves: a partial's argument can't have their names. The others
/// are a value where they stand alone in a tag.
const TAKEN: [&str; 11] = [
    "default", "eq", "percent", "if", "unless", "each", "lock", "this", "person", "slots", "assets",
];

/// The links that differ from message to message, under `links.`: every message must carry the first.
pub(crate) const LINKS: [&str; 4] = ["unsubscribe", "preferences", "view", INVITATION];

const FIXED: [(&str, Kind); 28] = [
    ("campaign.title", Kind::Text),
    ("direction", Kind::Text),
    ("language", Kind::Text),
    ("partner.address", Kind::List),
    ("partner.address_line", Kind::Text),
    ("partner.colour", Kind::Colour),
    ("partner.contact.email", Kind::Text),
    ("partner.contact.name", Kind::Text),
    ("partner.contact.phone", Kind::Text),
    ("partner.ink", Kind::Colour),
    ("partner.ink_on_dark", Kind::Colour),
    ("partner.logo", Kind::Group),
    ("partner.logo.height", Kind::Number),
    ("partner.logo.url", Kind::Url),
    ("partner.logo.width", Kind::Number),
    ("partner.name", Kind::Text),
    ("partner.on_colour", Kind::Colour),
    ("partner.tier", Kind::Text),
    ("partner.web_host", Kind::Text),
    ("partner.web_site", Kind::Url),
    ("sender.from_email", Kind::Text),
    ("sender.from_name", Kind::Text),
    ("sender.reply_to", Kind::Text),
    ("vendor.logo", Kind::Group),
    ("vendor.logo.height", Kind::Number),
    ("vendor.logo.url", Kind::Url),
    ("vendor.logo.width", Kind::Number),
    ("vendor.name", Kind::Text),
];

/// The names that hold at one place of a template.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    names: BTreeMap<String, Kind>,
    /// Set inside `each`, where names of the root need `@root.`.
    is_in_list: bool,
}

impl Vocabulary {
    /// The names of a part of a package's templates. A post or a page is for everybody: it knows no
    /// person.
    pub(crate) fn of(package: &Package, part: Part) -> Self {
        let mut names: BTreeMap<String, Kind> =
            FIXED.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        if part.is_mail() {
            for field in &package.person_fields {
                names.insert(format!("person.{field}"), Kind::Person);
            }
            // A campaign's recipients launch nothing.
            let known = LINKS.iter().filter(|it| **it != INVITATION || package.name == INVITATION);
            names.extend(known.map(|link| (format!("links.{link}"), Kind::PersonUrl)));
        }
        let mut picture = |name: String| {
            names.insert(format!("{name}.url"), Kind::Url);
            names.insert(format!("{name}.width"), Kind::Number);
            names.insert(format!("{name}.height"), Kind::Number);
            names.insert(format!("{name}.alt"), Kind::Text);
            names.insert(name, Kind::Group);
        };
        for name in package.assets.keys() {
            picture(format!("assets.{name}"));
        }
        for (name, _) in package.slots.iter().filter(|(_, slot)| slot.kind == SlotKind::Image) {
            picture(format!("slots.{name}"));
        }
        for (name, slot) in &package.slots {
            let name = format!("slots.{name}");
            let kind = match slot.kind {
                SlotKind::Text | SlotKind::Choice => Kind::Text,
                SlotKind::RichText => Kind::RichText,
                SlotKind::Url => Kind::Url,
                SlotKind::Image => Kind::Group,
                SlotKind::Colour => {
                    names.insert(format!("{name}_ink"), Kind::Colour);
                    Kind::Colour
                }
                SlotKind::Person => {
                    for part in ["name", "email", "phone"] {
                        names.insert(format!("{name}.{part}"), Kind::Text);
                    }
                    Kind::Group
                }
                SlotKind::Datetime => Kind::Moment,
            };
            names.insert(name, kind);
        }
        Self { names, is_in_list: false }
    }

    /// The same with the arguments of a partial.
    pub(crate) fn with(&self, arguments: &[(String, Kind)]) -> Self {
        let mut inner = self.clone();
        inner.names.extend(arguments.iter().cloned());
        inner
    }

    /// The names inside `each`.
    pub(crate) fn in_list(&self) -> Self {
        let root = self.names.iter().map(|(name, kind)| (format!("@root.{name}"), *kind));
        let own = [
            ("this", Kind::Text),
            ("@first", Kind::Flag),
            ("@last", Kind::Flag),
            ("@index", Kind::Number),
        ];
        let own = own.into_iter().map(|(name, kind)| (name.to_owned(), kind));
        Self { names: root.chain(own).collect(), is_in_list: true }
    }

    /// Whether this is inside `each`.
    pub(crate) const fn is_in_list(&self) -> bool {
        self.is_in_list
    }

    /// Of what kind `name` is.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        self.names.get(name).copied()
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.keys().map(String::as_str)
    }

    /// Whether a partial's argument may not have this name.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        TAKEN.contains(&name)
            || self.names.keys().any(|known| known.split('.').next() == Some(name))
    }
}
