//! Looks at every template a step needs, and at every place a value stands in it.

mod calls;
mod lock;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    agreement::handlebars_agrees,
    diagnostic::{Findings, expected_name},
    html_place::Place,
    package::Package,
    parse::{self, Expression, Node, Span},
    vocabulary::{Kind, Vocabulary},
};

/// The most parts one message's templates may unfold to: what keeps partials that call partials that
/// call partials from filling the memory.
const MOST_UNFOLDED: u64 = 20_000;

/// A part of what a step sends, or a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The subject line of a mail.
    Subject,
    /// The plain text of a mail.
    Text,
    /// The HTML of a mail.
    Html,
    /// The text of a post.
    Post,
    /// What the picture of a post shows.
    Alt,
    /// A landing page.
    Page,
}

impl Part {
    /// Those of a mail.
    pub(crate) const MAIL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    /// Its file name without `.hbs`.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Subject => "subject.txt",
            Self::Text => "body.txt",
            Self::Html => "body.html",
            Self::Post => "post.txt",
            Self::Alt => "alt.txt",
            Self::Page => "page.html",
        }
    }

    const fn extension(self) -> &'static str {
        if self.is_html() { "html" } else { "txt" }
    }

    /// Whether it is HTML.
    pub(crate) const fn is_html(self) -> bool {
        matches!(self, Self::Html | Self::Page)
    }

    /// Whether it is part of a mail, which goes to one person.
    pub(crate) const fn is_mail(self) -> bool {
        matches!(self, Self::Subject | Self::Text | Self::Html)
    }
}

/// All templates by path; shared ones begin with `templates/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Library(pub(crate) BTreeMap<String, String>);

impl Library {
    /// The file that a part begins with: its layout, or the file in the folder `template` itself.
    pub(crate) fn entry(package: &Package, language: &str, template: &str, part: Part) -> String {
        match part {
            Part::Text | Part::Html => {
                format!("templates/email/layouts/{}.{}.hbs", package.layout, part.extension())
            }
            _ => own(language, template, part.file()),
        }
    }

    /// The file a partial's name stands for.
    pub(crate) fn partial(
        &self,
        language: &str,
        template: &str,
        part: Part,
        name: &str,
    ) -> Option<String> {
        match (name, part) {
            (_, Part::Post | Part::Alt) => None,
            ("content", Part::Text | Part::Html) => Some(own(language, template, part.file())),
            ("preheader", Part::Html) => Some(own(language, template, "preheader.html")),
            _ => {
                let extension = part.extension();
                [
                    format!("templates/email/partials/{language}/{name}.{extension}.hbs"),
                    format!("templates/email/partials/{name}.{extension}.hbs"),
                ]
                .into_iter()
                .find(|path| self.0.contains_key(path))
            }
        }
    }

    /// The names of the partials `part` may call.
    pub(crate) fn partial_names(&self, language: &str, part: Part) -> BTreeSet<&str> {
        if matches!(part, Part::Post | Part::Alt) {
            return BTreeSet::new();
        }
        let end = format!(".{}.hbs", part.extension());
        self.0
            .keys()
            .filter_map(|path| path.strip_prefix("templates/email/partials/")?.strip_suffix(&end))
            .map(|name| {
                name.strip_prefix(language).and_then(|n| n.strip_prefix('/')).unwrap_or(name)
            })
            .filter(|name| !name.contains('/'))
            .collect()
    }
}

/// The path of a file in a folder of templates.
pub(crate) fn own(language: &str, template: &str, file: &str) -> String {
    format!("{language}/{template}/{file}.hbs")
}

/// A template that was read without complaint, and the partials it calls by name.
type Tree = Option<Vec<Node>>;

/// Looks at templates, each file once, each partial once for every kind of arguments.
#[derive(Debug)]
pub(crate) struct Verifier<'a> {
    library: &'a Library,
    package: &'a Package,
    trees: BTreeMap<String, Tree>,
    /// Files that steps need.
    pub(crate) used: BTreeSet<String>,
    /// Where locks stand, by file and name.
    pub(crate) locks: BTreeMap<(String, String), Span>,
}

/// One part of one step in one language, on its way.
struct Walk<'v, 'a> {
    verifier: &'v mut Verifier<'a>,
    findings: &'v mut Findings,
    language: &'v str,
    template: &'v str,
    part: Part,
    /// The files that are being looked at, from the entry on.
    open: Vec<String>,
    /// Files, with the kinds of the arguments they were looked at with.
    seen: BTreeSet<(String, Vec<(String, Kind)>)>,
    /// How many parts each file unfolds to.
    weights: BTreeMap<String, u64>,
    /// How many blocks are open in the file that is looked at.
    blocks: usize,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(library: &'a Library, package: &'a Package) -> Self {
        Self {
            library,
            package,
            trees: BTreeMap::new(),
            used: BTreeSet::new(),
            locks: BTreeMap::new(),
        }
    }

    /// Looks at everything a package has templates for, in every language.
    pub(crate) fn verify_all(&mut self, languages: &[String], findings: &mut Findings) {
        let package = self.package;
        let templates: BTreeSet<(&str, Part)> = package.templates().collect();
        for language in languages {
            for (template, part) in &templates {
                self.verify(language, template, *part, findings);
            }
        }
    }

    /// Looks at `part` of the folder `template` in `language`. A missing entry file is the caller's to report.
    pub(crate) fn verify(
        &mut self,
        language: &str,
        template: &str,
        part: Part,
        findings: &mut Findings,
    ) {
        let entry = Library::entry(self.package, language, template, part);
        let vocabulary = Vocabulary::of(self.package, part);
        let mut walk = Walk {
            verifier: self,
            findings,
            language,
            template,
            part,
            open: Vec::new(),
            seen: BTreeSet::new(),
            weights: BTreeMap::new(),
            blocks: 0,
        };
        if walk.verifier.library.0.contains_key(&entry) {
            walk.file(&entry, &vocabulary, &[]);
        }
    }

    fn tree(&mut self, path: &str, source: &str, findings: &mut Findings) -> Tree {
        if let Some(tree) = self.trees.get(path) {
            return tree.clone();
        }
        let tree = parse::parse(path, source, findings);
        let tree = tree.filter(|nodes| handlebars_agrees(path, source, nodes, findings));
        self.trees.insert(path.to_owned(), tree.clone());
        tree
    }
}

impl Walk<'_, '_> {
    /// Looks at one file; answers how many parts it unfolds to.
    fn file(&mut self, path: &str, vocabulary: &Vocabulary, arguments: &[(String, Kind)]) -> u64 {
        let library = self.verifier.library;
        let Some(source) = library.0.get(path) else { return 0 };
        self.verifier.used.insert(path.to_owned());
        let known = (path.to_owned(), arguments.to_vec());
        if !self.seen.insert(known) {
            return self.weights.get(path).copied().unwrap_or(1);
        }
        let Some(nodes) = self.verifier.tree(path, source, self.findings) else { return 1 };
        self.open.push(path.to_owned());
        let outside = std::mem::take(&mut self.blocks);
        let mut place = Place::Text;
        let weight = self.nodes(path, source, &nodes, vocabulary, &mut place);
        self.blocks = outside;
        self.open.pop();
        if self.part.is_html() && place != Place::Text {
            let end = source.len().saturating_sub(1);
            let message = "the template ends inside a tag, a comment or a style sheet";
            self.findings.error(path, source, &(end..end), message, "HTML that is closed");
        }
        self.weights.insert(path.to_owned(), weight);
        weight
    }

    fn nodes(
        &mut self,
        path: &str,
        source: &str,
        nodes: &[Node],
        vocabulary: &Vocabulary,
        place: &mut Place,
    ) -> u64 {
        let mut weight: u64 = 1;
        for node in nodes {
            weight = weight.saturating_add(self.node(path, source, node, vocabulary, place));
        }
        weight
    }

    fn node(
        &mut self,
        path: &str,
        source: &str,
        node: &Node,
        vocabulary: &Vocabulary,
        place: &mut Place,
    ) -> u64 {
        match node {
            Node::Text(span) => {
                if self.part.is_html()
                    && let Err((at, message)) = place.read(&source[span.clone()])
                {
                    let at = span.start + at;
                    self.findings.error(path, source, &(at..at), message, "plain HTML for mail");
                }
                1
            }
            Node::Value(value) => {
                if let Some(kind) = self.expression(path, source, value, vocabulary) {
                    self.written(path, source, value.span(), kind, place);
                }
                1
            }
            Node::If { condition, then, otherwise } => {
                if let Some(kind) = self.expression(path, source, condition, vocabulary)
                    && !kind.can_decide()
                {
                    let message = "this value can't decide a condition";
                    self.findings.error(
                        path,
                        source,
                        condition.span(),
                        message,
                        "a name that may be missing",
                    );
                }
                let mut other = place.clone();
                self.blocks += 1;
                let one = self.nodes(path, source, then, vocabulary, place);
                let two = self.nodes(path, source, otherwise, vocabulary, &mut other);
                self.blocks -= 1;
                if self.part.is_html() && *place != other {
                    let message = "the branches end in different places of the HTML";
                    let expected = "both branches to open and close the same tags and quotes";
                    self.findings.error(path, source, condition.span(), message, expected);
                }
                one.saturating_add(two)
            }
            Node::Each { list, body, otherwise, span } => {
                if vocabulary.is_in_list() {
                    self.findings.error(
                        path,
                        source,
                        span,
                        "`each` stands inside `each`",
                        "one level of lists",
                    );
                    return 1;
                }
                if let Some(kind) = self.expression(path, source, list, vocabulary)
                    && kind != Kind::List
                {
                    self.findings.error(
                        path,
                        source,
                        list.span(),
                        "this is no list",
                        "perhaps `partner.address`",
                    );
                }
                let before = place.clone();
                let inner = vocabulary.in_list();
                self.blocks += 1;
                let one = self.nodes(path, source, body, &inner, place);
                let two = self.nodes(path, source, otherwise, vocabulary, &mut before.clone());
                self.blocks -= 1;
                if self.part.is_html() && *place != before {
                    let message =
                        "the body of `each` ends in another place of the HTML than it begins";
                    self.findings.error(
                        path,
                        source,
                        span,
                        message,
                        "the body to close what it opens",
                    );
                }
                one.saturating_mul(crate::brand::MOST_ADDRESS_LINES as u64).saturating_add(two)
            }
            Node::Lock { name, body, span } => {
                self.lock(path, source, name, body, span, place);
                1
            }
            Node::Partial { name, arguments, span } => {
                self.partial(path, source, name, arguments, span, vocabulary, place)
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call of a partial has this many sides")]
    fn partial(
        &mut self,
        path: &str,
        source: &str,
        name: &str,
        arguments: &[(String, Expression)],
        span: &Span,
        vocabulary: &Vocabulary,
        place: &Place,
    ) -> u64 {
        if vocabulary.is_in_list() {
            self.findings.error(
                path,
                source,
                span,
                "a partial is called inside `each`",
                "no partials there",
            );
            return 1;
        }
        if self.part.is_html() && *place != Place::Text {
            self.findings.error(
                path,
                source,
                span,
                "a partial is called inside a tag",
                "partials between tags",
            );
            return 1;
        }
        let mut kinds = Vec::new();
        for (argument, value) in arguments {
            if vocabulary.is_taken(argument) {
                let message = format!("`{argument}` has a meaning already");
                self.findings.error(
                    path,
                    source,
                    value.span(),
                    message,
                    "another name for the argument",
                );
            }
            let kind = self.expression(path, source, value, vocabulary).unwrap_or(Kind::Text);
            kinds.push((argument.clone(), kind));
        }
        kinds.sort();
        let library = self.verifier.library;
        let Some(file) = library.partial(self.language, self.template, self.part, name) else {
            let known = library.partial_names(self.language, self.part);
            let expected = expected_name(name, known);
            self.findings.error(
                path,
                source,
                span,
                format!("there is no partial `{name}`"),
                expected,
            );
            return 1;
        };
        if let Some(at) = self.open.iter().position(|open| *open == file) {
            let circle: Vec<_> =
                self.open[at..].iter().map(String::as_str).chain([file.as_str()]).collect();
            let message = format!("partials call each other in a circle: {}", circle.join(" → "));
            self.findings.error(path, source, span, message, "partials that end");
            return 1;
        }
        if self.open.len() >= parse::MOST_DEPTH {
            self.findings.error(
                path,
                source,
                span,
                "partials are nested too deep",
                "at most 32 levels",
            );
            return 1;
        }
        let weight = self.file(&file, &vocabulary.with(&kinds), &kinds);
        if weight > MOST_UNFOLDED {
            let message = "partials that call partials unfold to too much";
            self.findings.error(path, source, span, message, "at most 20000 parts in a message");
            return 1;
        }
        weight.saturating_add(1)
    }

    /// Whether a value of `kind` may be written where it stands.
    fn written(&mut self, path: &str, source: &str, span: &Span, kind: Kind, place: &mut Place) {
        if !kind.can_be_written() {
            let message = "this can't be written as text";
            let expected = match kind {
                Kind::List => "`{{#each …}}`",
                Kind::Moment => "`{{date …}}`, `{{time …}}` or `{{datetime …}}`",
                _ => "`{{#if …}}`, or a value under it",
            };
            self.findings.error(path, source, span, message, expected);
        } else if self.part.is_html()
            && let Err((message, expected)) = place.put(kind)
        {
            self.findings.error(path, source, span, message, expected);
        }
    }
}
