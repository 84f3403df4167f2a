//! Bars over time, people's and machines' apart: an inline drawing that needs no script, and the same numbers
//! as a table beside it.
//!
//! Words and numbers come as the caller's language writes them. Colours are the style sheet's; a machine's
//! part is hatched, so that colour is not needed to tell it. Time runs from left to right in every language.

use maud::{Markup, html};

/// The drawing's size, in its own units; the page scales it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
/// Room above the highest line, for half of its label; and below the axis, for the labels of time.
const ABOVE: f64 = 14.0;
const BELOW: f64 = 30.0;
/// About how wide a sign of a label is.
const SIGN: f64 = 7.2;
/// Lines of the scale above zero, at most.
const MOST_LINES: u64 = 5;
/// What is more than nothing is seen.
const LEAST_BAR: f64 = 1.5;
const WIDEST_BAR: f64 = 48.0;

/// A part of the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartBucket {
    /// When it was, as short as it can be read.
    pub label: String,
    /// What people did.
    pub human: u64,
    /// What machines did.
    pub machine: u64,
}

/// What stands in a chart, as the page's language says it.
#[derive(Debug, Clone, Copy)]
pub struct ChartWords<'a> {
    /// What is shown: the heading.
    pub title: &'a str,
    /// The same in a sentence, for those who do not see it.
    pub description: &'a str,
    /// What people's numbers are called.
    pub human: &'a str,
    /// What machines' numbers are called.
    pub machine: &'a str,
    /// What the column of times is called.
    pub when: &'a str,
    /// What opens the numbers as a table.
    pub as_table: &'a str,
    /// What stands there instead when there is nothing to show.
    pub nothing: &'a str,
}

/// A chart of what people and machines did over time.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "it holds how numbers are written")]
pub struct Chart<'a> {
    /// A name that no other chart of the page has: letters, digits and hyphens.
    pub id: &'a str,
    /// Its words.
    pub words: ChartWords<'a>,
    /// In order; at most about sixty can be told from one another.
    pub buckets: &'a [ChartBucket],
    /// How a number is written.
    pub number: &'a dyn Fn(u64) -> String,
}

/// The figure: a drawing, its legend, and its numbers as a table.
pub fn chart(chart: &Chart<'_>) -> Markup {
    let Chart { id, words, buckets, number } = chart;
    if buckets.is_empty() {
        return html! {
            figure class="chart" id=(id) {
                figcaption { (words.title) }
                p { (words.nothing) }
            }
        };
    }
    html! {
        figure class="chart" id=(id) {
            figcaption { (words.title) }
            (drawing(chart))
            ul class="chart-legend" {
                li { (swatch("chart-human", None)) (words.human) }
                li { (swatch("chart-machine", Some(id))) (words.machine) }
            }
            details {
                summary { (words.as_table) }
                table {
                    thead {
                        tr {
                            th scope="col" { (words.when) }
                            th scope="col" { (words.human) }
                            th scope="col" { (words.machine) }
                        }
                    }
                    tbody {
                        @for bucket in *buckets {
                            tr {
                                th scope="row" { (bucket.label) }
                                td { (number(bucket.human)) }
                                td { (number(bucket.machine)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where things stand in the drawing.
struct Plot {
    left: f64,
    slot: f64,
    bar: f64,
    /// What reaches up to the top; a fraction, since two numbers may add up to more than one holds.
    top: f64,
}

impl Plot {
    fn height(&self) -> f64 {
        HEIGHT - ABOVE - BELOW
    }

    fn base(&self) -> f64 {
        HEIGHT - BELOW
    }

    /// How high so much is.
    fn rise(&self, value: u64) -> f64 {
        self.height() * (value as f64 / self.top)
    }

    /// The same for a bar, which is seen if there is anything.
    fn bar_rise(&self, value: u64) -> f64 {
        if value == 0 { 0.0 } else { self.rise(value).max(LEAST_BAR) }
    }

    fn middle(&self, at: usize) -> f64 {
        self.left + self.slot * (at as f64 + 0.5)
    }
}

fn drawing(chart: &Chart<'_>) -> Markup {
    let Chart { id, words, buckets, number } = chart;
    let sums = || buckets.iter().map(|bucket| (bucket.human, bucket.machine));
    let highest = sums().map(|(human, machine)| human.saturating_add(machine)).max().unwrap_or(0);
    let lines = scale(highest);
    let labels: Vec<(u64, String)> = lines.iter().map(|line| (*line, number(*line))).collect();
    let longest = labels.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1);
    let left = longest as f64 * SIGN + 10.0;
    let slot = (WIDTH - left - 4.0) / buckets.len() as f64;
    let top = sums()
        .map(|(human, machine)| human as f64 + machine as f64)
        .fold(lines.last().copied().unwrap_or(1) as f64, f64::max);
    let plot = Plot { left, slot, bar: (slot * 0.8).min(WIDEST_BAR), top };
    let every = label_every(buckets, slot);
    let (title, described) = (format!("{id}-title"), format!("{id}-description"));
    html! {
        svg role="img" aria-labelledby=(format!("{title} {described}")) direction="ltr"
            viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) xmlns="http://www.w3.org/2000/svg" {
            title id=(title) { (words.title) }
            desc id=(described) { (words.description) }
            defs {
                pattern id=(hatch(id)) width="6" height="6" patternUnits="userSpaceOnUse"
                    patternTransform="rotate(45)" {
                    rect class="chart-ground" width="6" height="6" {}
                    rect class="chart-stripe" width="3" height="6" {}
                }
            }
            @for (line, label) in &labels {
                @let y = px(plot.base() - plot.rise(*line));
                line class="chart-line" x1=(px(plot.left)) x2=(px(WIDTH)) y1=(y) y2=(y) {}
                text x=(px(plot.left - 6.0)) y=(y) dy="0.35em" text-anchor="end" { (label) }
            }
            @for (at, bucket) in buckets.iter().enumerate() {
                (bars(chart, &plot, at, bucket))
                @if at % every == 0 {
                    text x=(px(label_middle(&plot, at, &bucket.label))) y=(px(plot.base() + 20.0)) text-anchor="middle" {
                        (bucket.label)
                    }
                }
            }
        }
    }
}

/// A bucket's bar: people's at the bottom, where heights can be compared; machines' on it, hatched.
fn bars(chart: &Chart<'_>, plot: &Plot, at: usize, bucket: &ChartBucket) -> Markup {
    let Chart { id, words, number, .. } = chart;
    let x = px(plot.middle(at) - plot.bar / 2.0);
    let (human, machine) = (plot.bar_rise(bucket.human), plot.bar_rise(bucket.machine));
    let told = format!(
        "{}: {} {}, {} {}",
        bucket.label,
        words.human,
        number(bucket.human),
        words.machine,
        number(bucket.machine)
    );
    html! {
        g {
            title { (told) }
            @if human > 0.0 {
                rect class="chart-human" x=(x) y=(px(plot.base() - human)) width=(px(plot.bar)) height=(px(human)) {}
            }
            @if machine > 0.0 {
                rect class="chart-machine" fill=(format!("url(#{})", hatch(id))) x=(x)
                    y=(px(plot.base() - human - machine)) width=(px(plot.bar)) height=(px(machine)) {}
            }
        }
    }
}

/// A square as the bars are; those of machines wear the pattern of this chart.
fn swatch(class: &str, hatched: Option<&str>) -> Markup {
    let fill = hatched.map(|id| format!("url(#{})", hatch(id)));
    html! {
        svg class="chart-swatch" viewBox="0 0 16 16" aria-hidden="true" xmlns="http://www.w3.org/2000/svg" {
            rect class=(class) fill=[fill] x="1" y="1" width="14" height="14" {}
        }
    }
}

fn hatch(id: &str) -> String {
    format!("{id}-hatch")
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// The lines of the scale: zero and whole numbers that people count in, the last at or above `highest`.
fn scale(highest: u64) -> Vec<u64> {
    let highest = highest.max(1);
    let mut unit: u64 = 1;
    let step = loop {
        let fitting = [1, 2, 5]
            .into_iter()
            .map(|times| unit.saturating_mul(times))
            .find(|step| highest.div_ceil(*step) <= MOST_LINES);
        match fitting {
            Some(step) => break step,
            None => unit = unit.saturating_mul(10),
        }
    };
    (0..=highest.div_ceil(step)).map(|line| line.saturating_mul(step)).collect()
}

/// Every how many buckets a label has room.
fn label_every(buckets: &[ChartBucket], slot: f64) -> usize {
    let longest = buckets.iter().map(|bucket| bucket.label.chars().count()).max().unwrap_or(1);
    let needed = longest as f64 * SIGN + 14.0;
    ((needed / slot).ceil() as usize).max(1)
}

/// The middle of a label: that of its bar, unless it would leave the drawing there.
fn label_middle(plot: &Plot, at: usize, label: &str) -> f64 {
    let half = label.chars().count() as f64 * SIGN / 2.0;
    plot.middle(at).min(WIDTH - half).max(half)
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::*;

    const WORDS: ChartWords<'_> = ChartWords {
        title: "Opened <by> \"day\" & hour",
        description: "How many messages were opened",
        human: "people",
        machine: "machines",
        when: "when",
        as_table: "as a table",
        nothing: "nothing yet",
    };

    fn drawn(values: &[(u64, u64)]) -> String {
        let buckets: Vec<ChartBucket> = values
            .iter()
            .enumerate()
            .map(|(at, (human, machine))| ChartBucket {
                label: format!("{} Mar", at + 1),
                human: *human,
                machine: *machine,
            })
            .collect();
        let number = |value: u64| value.to_string();
        chart(&Chart { id: "opens", words: WORDS, buckets: &buckets, number: &number })
            .into_string()
    }

    fn of_class<'a>(document: &'a Document<'a>, class: &str) -> Vec<Node<'a, 'a>> {
        let svg =
            document.descendants().find(|node| node.attribute("role") == Some("img")).unwrap();
        svg.descendants().filter(|node| node.attribute("class") == Some(class)).collect()
    }

    fn measure(node: &Node<'_, '_>, name: &str) -> f64 {
        node.attribute(name).unwrap().parse().unwrap()
    }

    #[test]
    fn bars_are_as_high_as_the_numbers_and_stand_on_one_another() {
        let text = drawn(&[(10, 30), (0, 0), (40, 0)]);
        let document = Document::parse(&text).unwrap();
        let (human, machine) =
            (of_class(&document, "chart-human"), of_class(&document, "chart-machine"));
        assert_eq!((human.len(), machine.len()), (2, 1));
        let height = |node: &Node<'_, '_>| measure(node, "height");
        assert!((height(&human[1]) - 4.0 * height(&human[0])).abs() < 0.3);
        assert!((height(&machine[0]) - 3.0 * height(&human[0])).abs() < 0.3);
        let top_of_human = measure(&human[0], "y");
        assert!((measure(&machine[0], "y") + height(&machine[0]) - top_of_human).abs() < 0.11);
        assert_eq!(machine[0].attribute("fill"), Some("url(#opens-hatch)"));
        let told: Vec<&str> = document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title")))
            .filter_map(|node| node.text())
            .collect();
        assert!(told.contains(&"1 Mar: people 10, machines 30"), "{told:?}");
    }

    #[test]
    fn the_table_has_every_number() {
        let values = [(10, 30), (0, 0), (u64::MAX, u64::MAX)];
        let text = drawn(&values);
        let document = Document::parse(&text).unwrap();
        let cells: Vec<u64> = document
            .descendants()
            .filter(|node| node.has_tag_name("td"))
            .map(|node| node.text().unwrap().parse().unwrap())
            .collect();
        let given: Vec<u64> =
            values.iter().flat_map(|(human, machine)| [*human, *machine]).collect();
        assert_eq!(cells, given);
    }

    #[test]
    fn nothing_one_and_a_great_many_are_drawn_inside_the_frame() {
        assert!(drawn(&[]).contains("nothing yet") && !drawn(&[]).contains("<svg"));
        let many: Vec<(u64, u64)> = (0..60).map(|n| (n * 1_000_003, n % 7)).collect();
        for values in [
            vec![(0, 0)],
            vec![(1, 0)],
            vec![(0, 0); 5],
            vec![(u64::MAX, 1)],
            vec![(u64::MAX, u64::MAX)],
            many,
        ] {
            let text = drawn(&values);
            let document = Document::parse(&text).unwrap();
            for class in ["chart-human", "chart-machine"] {
                for bar in of_class(&document, class) {
                    let (y, height) = (measure(&bar, "y"), measure(&bar, "height"));
                    assert!(
                        y >= 0.0 && height >= LEAST_BAR && y + height <= HEIGHT,
                        "{values:?}: {bar:?}"
                    );
                    assert!(measure(&bar, "x") + measure(&bar, "width") <= WIDTH, "{bar:?}");
                }
            }
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn it_stands_under_a_strict_policy_and_says_what_it_is() {
        let text = drawn(&[(1, 2)]);
        assert!(!text.contains("style=") && !text.contains("<script") && !text.contains("<style"));
        assert!(text.contains("Opened &lt;by&gt; &quot;day&quot; &amp; hour"), "{text}");
        let document = Document::parse(&text).unwrap();
        let svg =
            document.descendants().find(|node| node.attribute("role") == Some("img")).unwrap();
        for id in svg.attribute("aria-labelledby").unwrap().split(' ') {
            let named = document.descendants().find(|node| node.attribute("id") == Some(id));
            assert!(
                named.is_some_and(|node| node.text().is_some_and(|text| !text.is_empty())),
                "{id}"
            );
        }
    }

    #[test]
    fn scales_are_in_numbers_people_count_in() {
        assert_eq!(scale(0), [0, 1]);
        assert_eq!(scale(4), [0, 1, 2, 3, 4]);
        assert_eq!(scale(6), [0, 2, 4, 6]);
        assert_eq!(scale(1_234), [0, 500, 1_000, 1_500]);
        for highest in [1, 5, 7, 99, 12_345, 1 << 40, u64::MAX] {
            let lines = scale(highest);
            assert!(
                lines.len() as u64 <= MOST_LINES + 1 && *lines.last().unwrap() >= highest,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn labels_of_time_keep_their_distance() {
        let text = drawn(&vec![(1, 1); 60]);
        let document = Document::parse(&text).unwrap();
        let labels: Vec<f64> = document
            .descendants()
            .filter(|node| node.attribute("text-anchor") == Some("middle"))
            .map(|node| measure(&node, "x"))
            .collect();
        assert!((4..=14).contains(&labels.len()), "{}", labels.len());
        assert!(labels.windows(2).all(|pair| pair[1] - pair[0] > 6.0 * SIGN), "{labels:?}");
    }
}
