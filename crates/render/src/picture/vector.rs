//! Drawings (svg), drawn as png.
//!
//! Only what logos and headers are made of is let in, and as much of it as is drawn in a moment: no
//! scripts, letters (there are no fonts here), pictures, filters, patterns or dashes, and no more
//! elements, points and painted area than [`draw`] counts.

use std::collections::{BTreeMap, BTreeSet};

use resvg::{
    tiny_skia::{PathSegment, Pixmap, Point, Transform},
    usvg::{
        self, Group, Node, Options, Paint, Tree,
        roxmltree::{self, Document, ParsingOptions},
    },
};

use super::{Limits, Picture, PictureError};

const SVG: &str = "http://www.w3.org/2000/svg";

/// The elements a drawing may have.
const ELEMENTS: [&str; 20] = [
    "circle",
    "clipPath",
    "defs",
    "desc",
    "ellipse",
    "g",
    "line",
    "linearGradient",
    "mask",
    "metadata",
    "path",
    "polygon",
    "polyline",
    "radialGradient",
    "rect",
    "stop",
    "style",
    "svg",
    "symbol",
    "title",
];

/// The most elements, with what `use` repeats written out.
const MOST_ELEMENTS: u64 = 4_000;
/// The most nodes of any kind in the file.
const MOST_NODES: u32 = 20_000;
const MOST_DEPTH: usize = 64;
/// The most bytes of style sheets: each rule is held against each element.
const MOST_STYLE: usize = 16 * 1024;
/// The longest side that is drawn, in pixels.
const MOST_DRAWN: f32 = 2_400.0;
/// The most that is painted, in pixels, each shape with the box around it.
const MOST_PAINTED: f64 = 12.0e6;
/// How much longer a pixel of a gradient takes.
const GRADIENT: f64 = 4.0;
/// A drawing that takes too long is drawn smaller, but not narrower than this, in pixels.
const LEAST_DRAWN: f32 = 300.0;
/// The most edges, each as often as it is met by a line of pixels.
const MOST_EDGES: f64 = 2.4e6;

/// Whether a file begins as svg does.
pub(super) fn is_svg(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4_096)];
    let is_markup =
        String::from_utf8_lossy(head).trim_start_matches('\u{FEFF}').trim_start().starts_with('<');
    is_markup && memchr::memmem::find(head, b"<svg").is_some()
}

/// Draws a drawing.
pub(super) fn draw(bytes: &[u8], limits: &Limits) -> Result<Picture, PictureError> {
    let text = std::str::from_utf8(bytes).map_err(|_| PictureError::Unknown)?;
    let text = text.trim_start_matches('\u{FEFF}');
    if let Some(at) = text.find("<!ENTITY") {
        let line = text[..at].matches('\n').count() as u32 + 1;
        let what = "an entity is declared".to_owned();
        return Err(PictureError::Drawing {
            line,
            what,
            expected: "the text itself where it is used",
        });
    }
    // Without entities a document type says nothing; many programs write one.
    let options =
        ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(PictureError::Xml)?;
    look(&document)?;
    let options = Options { resources_dir: None, ..Options::default() };
    let tree = Tree::from_xmltree(&document, &options).map_err(PictureError::Svg)?;
    let (own_width, own_height) = (tree.size().width(), tree.size().height());
    let wanted = limits.drawn_width.map_or(own_width * 2.0, |width| width as f32);
    let mut scale = (wanted / own_width).min(MOST_DRAWN / own_width.max(own_height));
    let (width, height) = loop {
        let size = |side: f32| (side * scale).round().clamp(1.0, MOST_DRAWN) as u32;
        let (width, height) = (size(own_width), size(own_height));
        limits.check((width, height))?;
        match count(&tree, scale, (width, height)) {
            Ok(()) => break (width, height),
            Err(error) if own_width * scale * 0.75 < LEAST_DRAWN => return Err(error),
            Err(_) => scale *= 0.75,
        }
    };
    let too_large =
        PictureError::TooLarge { width, height, side: limits.side, pixels: limits.pixels };
    let mut canvas = Pixmap::new(width, height).ok_or(too_large)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut canvas.as_mut());
    let pixels = canvas.take_demultiplied();
    let image = image::RgbaImage::from_raw(width, height, pixels).ok_or(PictureError::Unknown)?;
    super::png(&image::DynamicImage::ImageRgba8(image))
}

/// Looks at every element before anything is made of it.
fn look(document: &Document<'_>) -> Result<(), PictureError> {
    let refuse = |node: &roxmltree::Node<'_, '_>, what: String, expected| {
        let line = document.text_pos_at(node.range().start).row;
        Err(PictureError::Drawing { line, what, expected })
    };
    let root = document.root_element();
    if !root.has_tag_name((SVG, "svg")) {
        let what = format!("the drawing begins with `{}`", root.tag_name().name());
        return refuse(&root, what, "`<svg xmlns=\"http://www.w3.org/2000/svg\">`");
    }
    let mut style = 0;
    let mut depths: BTreeMap<u32, usize> = BTreeMap::new();
    for node in root.descendants().filter(roxmltree::Node::is_element) {
        let depth = node
            .parent()
            .and_then(|parent| depths.get(&parent.id().get()))
            .map_or(0, |depth| depth + 1);
        depths.insert(node.id().get(), depth);
        if depth > MOST_DEPTH {
            return refuse(&node, "elements are nested too deep".to_owned(), "at most 64 levels");
        }
        // What drawing programs note for themselves is in other namespaces, and is not drawn.
        if node.tag_name().namespace() != Some(SVG) {
            continue;
        }
        let name = node.tag_name().name();
        match name {
            "use" if target(&node).is_none() => {
                let what = "`<use>` names no part of the drawing".to_owned();
                return refuse(&node, what, "the id of an element: `href=\"#…\"`");
            }
            "use" => {}
            "text" | "tspan" | "textPath" => {
                let what = format!("`<{name}>` has letters, and there are no fonts here");
                return refuse(&node, what, "letters turned into paths");
            }
            name if ELEMENTS.contains(&name) => {}
            _ => {
                let what = format!("`<{name}>` has no place in a drawing for mail");
                return refuse(&node, what, "shapes, groups, gradients, clips and masks");
            }
        }
        let dashes = ["stroke-dasharray", "filter"];
        let is_dashed = |text: &str| dashes.iter().any(|name| text.contains(name));
        let in_style = node.attribute("style").is_some_and(is_dashed)
            || (name == "style" && node.text().is_some_and(is_dashed));
        if in_style
            || dashes.iter().any(|dash| node.attribute(*dash).is_some_and(|it| it != "none"))
        {
            let what = "dashes or filters are asked for".to_owned();
            return refuse(&node, what, "dashes as paths, and no filters");
        }
        if name == "style" {
            style += node.children().filter_map(|text| text.text()).map(str::len).sum::<usize>();
        }
        if style > MOST_STYLE {
            return refuse(&node, "the style sheets are too long".to_owned(), "at most 16 KiB");
        }
    }
    let ids: BTreeMap<&str, roxmltree::Node<'_, '_>> =
        root.descendants().filter_map(|node| Some((node.attribute("id")?, node))).collect();
    let mut weights = Weights { ids, known: BTreeMap::new(), open: BTreeSet::new() };
    match weights.of(root) {
        Some(0..=MOST_ELEMENTS) => Ok(()),
        Some(_) => refuse(
            &root,
            "the drawing has too many elements".to_owned(),
            "at most 4000, repeated ones counted",
        ),
        None => refuse(&root, "`<use>` leads back to itself".to_owned(), "elements that end"),
    }
}

fn target<'a>(node: &roxmltree::Node<'a, '_>) -> Option<&'a str> {
    let link = node
        .attribute("href")
        .or_else(|| node.attribute(("http://www.w3.org/1999/xlink", "href")))?;
    link.strip_prefix('#')
}

/// How many elements each element unfolds to.
struct Weights<'a, 'i> {
    ids: BTreeMap<&'a str, roxmltree::Node<'a, 'i>>,
    known: BTreeMap<u32, u64>,
    open: BTreeSet<u32>,
}

impl<'a, 'i> Weights<'a, 'i> {
    /// `None` if it never ends. Depth is bounded by that of the file, times the links on the way.
    fn of(&mut self, node: roxmltree::Node<'a, 'i>) -> Option<u64> {
        if let Some(weight) = self.known.get(&node.id().get()) {
            return Some(*weight);
        }
        if self.open.len() > MOST_DEPTH * 8 || !self.open.insert(node.id().get()) {
            return None;
        }
        let mut weight: u64 = 1;
        for child in node.children().filter(roxmltree::Node::is_element) {
            weight = weight.saturating_add(self.of(child)?);
        }
        if node.tag_name().name() == "use"
            && let Some(repeated) = target(&node).and_then(|id| self.ids.get(id)).copied()
        {
            weight = weight.saturating_add(self.of(repeated)?);
        }
        self.open.remove(&node.id().get());
        self.known.insert(node.id().get(), weight);
        Some(weight)
    }
}

/// Counts what drawing will cost.
fn count(tree: &Tree, scale: f32, (width, height): (u32, u32)) -> Result<(), PictureError> {
    let mut work = Work {
        scale: f64::from(scale),
        width: f64::from(width),
        height: f64::from(height),
        painted: 0.0,
        edges: 0.0,
    };
    work.group(tree.root());
    if work.painted > MOST_PAINTED || work.edges > MOST_EDGES {
        return Err(PictureError::Drawing {
            line: 1,
            what: "the drawing takes too long to draw".to_owned(),
            expected: "fewer and smaller shapes and layers, or a png",
        });
    }
    Ok(())
}

struct Work {
    scale: f64,
    width: f64,
    height: f64,
    painted: f64,
    edges: f64,
}

impl Work {
    fn group(&mut self, group: &Group) {
        if group.should_isolate() {
            // A layer as large as the canvas, and one for its clip or mask.
            let layers = 1.0
                + f64::from(u8::from(group.clip_path().is_some()))
                + f64::from(u8::from(group.mask().is_some()));
            self.painted += layers * self.width * self.height;
        }
        for node in group.children() {
            match node {
                Node::Group(inner) => self.group(inner),
                Node::Path(path) => self.path(path),
                Node::Image(_) | Node::Text(_) => {}
            }
            node.subroots(|root| {
                self.painted += self.width * self.height;
                self.group(root);
            });
        }
    }

    fn path(&mut self, path: &usvg::Path) {
        let around = path.abs_stroke_bounding_box();
        let side = |length: f32, most: f64| (f64::from(length) * self.scale).min(most).max(1.0);
        let (wide, high) = (side(around.width(), self.width), side(around.height(), self.height));
        let paints = path.fill().map(|fill| fill.paint()).into_iter();
        for paint in paints.chain(path.stroke().map(|stroke| stroke.paint())) {
            let weight = if matches!(paint, Paint::Color(_)) { 1.0 } else { GRADIENT };
            self.painted += weight * wide * high;
        }
        // A stroke has two sides and joins; a curve is a handful of edges.
        let (lines, thick) = match path.stroke() {
            Some(stroke) => (8.0, f64::from(stroke.width().get()) * self.scale),
            None => (4.0, 0.0),
        };
        let transform = path.abs_transform();
        let mut last = 0.0;
        for segment in path.data().segments() {
            let points = match segment {
                PathSegment::MoveTo(to) => {
                    last = self.line_of(transform, to);
                    continue;
                }
                PathSegment::LineTo(to) => vec![to],
                PathSegment::QuadTo(one, to) => vec![one, to],
                PathSegment::CubicTo(one, two, to) => vec![one, two, to],
                PathSegment::Close => continue,
            };
            let mut met = 1.0 + thick.min(self.height);
            for point in points {
                let line = self.line_of(transform, point);
                met += (line - last).abs();
                last = line;
            }
            self.edges += met * lines;
        }
    }

    /// The line of pixels a point is on, within the canvas.
    fn line_of(&self, transform: Transform, point: Point) -> f64 {
        let y = transform.ky * point.x + transform.sy * point.y + transform.ty;
        (f64::from(y) * self.scale).clamp(0.0, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::prepare;

    fn svg(inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/x.dtd\">\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"100\" height=\"50\">{inside}</svg>"
        )
    }

    #[test]
    fn a_drawing_becomes_pixels() {
        let drawing = svg(
            "<defs><g id=\"a\"><rect width=\"50\" height=\"50\" fill=\"#ff0000\"/></g></defs><use xlink:href=\"#a\"/>",
        );
        let picture = prepare(drawing.as_bytes(), &Limits::default()).unwrap();
        assert_eq!((picture.width, picture.height, picture.extension), (200, 100, "png"));
        let pixels = image::load_from_memory(&picture.bytes).unwrap().to_rgba8();
        assert_eq!(pixels.get_pixel(20, 50).0, [255, 0, 0, 255]);
        assert_eq!(pixels.get_pixel(180, 50).0[3], 0, "nothing is drawn there");
        let wide = Limits { drawn_width: Some(1_040), ..Limits::default() };
        let picture = prepare(drawing.as_bytes(), &wide).unwrap();
        assert_eq!((picture.width, picture.height), (1_040, 520));
    }

    #[test]
    fn what_has_no_place_in_a_drawing_is_named_with_its_line() {
        for (inside, why) in [
            (
                "\n<script>alert(1)</script>",
                "line 4: `<script>` has no place in a drawing for mail",
            ),
            ("<foreignObject/>", "line 3: `<foreignObject>` has no place"),
            ("<image href=\"http://evil.test/x.png\"/>", "`<image>` has no place"),
            ("<image href=\"file:///etc/passwd\"/>", "`<image>` has no place"),
            ("<text>Acme</text>", "`<text>` has letters, and there are no fonts here"),
            ("<filter id=\"f\"/>", "`<filter>` has no place"),
            ("<pattern id=\"p\"/>", "`<pattern>` has no place"),
            ("<animate/>", "`<animate>` has no place"),
            ("<use href=\"http://evil.test/x.svg#a\"/>", "`<use>` names no part of the drawing"),
            ("<path d=\"M0 0H9\" stroke-dasharray=\"0.0001\"/>", "dashes or filters are asked for"),
            (
                "<path d=\"M0 0H9\" style=\"stroke-dasharray:0.0001\"/>",
                "dashes or filters are asked for",
            ),
            ("<g id=\"a\"><use href=\"#a\"/></g>", "`<use>` leads back to itself"),
            (
                "<g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"><use href=\"#a\"/></g>",
                "`<use>` leads back to itself",
            ),
        ] {
            let error =
                prepare(svg(inside).as_bytes(), &Limits::default()).unwrap_err().to_string();
            assert!(error.contains(why), "{inside}\n{error}");
        }
        for (bad, why) in [
            ("<svg xmlns=\"http://www.w3.org/2000/svg\"><g></svg>", "the drawing is no svg"),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><svg>&a;</svg>", "an entity is declared"),
            ("<html><svg/></html>", "the drawing begins with `html`"),
            (
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\"/>",
                "the drawing can't be read",
            ),
        ] {
            let error = prepare(bad.as_bytes(), &Limits::default()).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}\n{error}");
        }
    }

    #[test]
    fn bombs_are_refused_before_they_are_drawn() {
        let levels: String = (0..20)
            .map(|n| {
                format!("<g id=\"l{n}\"><use href=\"#l{0}\"/><use href=\"#l{0}\"/></g>", n + 1)
            })
            .collect();
        let doubling =
            svg(&format!("<defs>{levels}<g id=\"l20\"><rect/></g></defs><use href=\"#l0\"/>"));
        let deep = svg(&format!("{}{}", "<g>".repeat(5_000), "</g>".repeat(5_000)));
        let many = svg(&"<g/>".repeat(10_000));
        let layers = svg(&"<g opacity=\"0.5\"><rect width=\"100\" height=\"50\"/><rect width=\"9\" height=\"9\"/></g>".repeat(1_300));
        let covering = svg(&"<rect width=\"100\" height=\"50\"/>".repeat(3_900));
        let points: String =
            (0..60_000).map(|n| format!("L{} {}", n % 100, (n % 2) * 50)).collect();
        let zigzag = svg(&format!("<path d=\"M0 0{points}\" stroke=\"#000\"/>"));
        let large = Limits { drawn_width: Some(2_400), ..Limits::default() };
        for (bomb, why) in [
            (&doubling, "too many elements"),
            (&deep, "nested too deep"),
            (&many, "too many elements"),
            (&layers, "takes too long to draw"),
            (&covering, "takes too long to draw"),
            (&zigzag, "takes too long to draw"),
        ] {
            let error = prepare(bomb.as_bytes(), &large).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn a_drawing_that_takes_long_is_drawn_smaller() {
        let heavy = svg(&"<rect width=\"100\" height=\"50\"/>".repeat(30));
        let large = Limits { drawn_width: Some(2_400), ..Limits::default() };
        let picture = prepare(heavy.as_bytes(), &large).unwrap();
        assert!((300..1_400).contains(&picture.width), "{picture:?}");
        assert!(picture.width.abs_diff(picture.height * 2) <= 1, "{picture:?}");
    }

    #[test]
    fn a_drawing_of_any_size_is_drawn_in_one_that_mail_can_show() {
        for (width, height) in [(100_000, 50_000), (1, 1), (10, 90_000)] {
            let drawing = format!(
                "<svg xmlns=\"{SVG}\" width=\"{width}\" height=\"{height}\"><rect width=\"1\" height=\"1\"/></svg>"
            );
            let picture = prepare(drawing.as_bytes(), &Limits::default()).unwrap();
            assert!(picture.width <= 2_400 && picture.height <= 2_400, "{picture:?}");
        }
    }
}
