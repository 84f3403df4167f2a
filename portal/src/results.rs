//! What came back, for a page: figures by step, and charts over time.

use domain::results::{ResultKind, Who};
use maud::{Markup, html};
use program::{CameBy, Figures, Line, Results};

use crate::{
    chart::{Chart, ChartBucket, ChartWords, chart},
    frame::name,
    words::Words,
};

/// The section; nothing while nothing was sent.
pub(crate) fn section(results: &Results, words: &Words) -> Markup {
    if results.total.sent == 0 {
        return html! {};
    }
    html! {
        section aria-labelledby="results" {
            h2 #results { (words.say("results-heading")) }
            dl.figures {
                (figure(words, "delivered", results.total.delivered))
                (figure(words, "opened", results.total.opens.human.messages))
                (figure(words, "clicked", results.total.clicks.human.messages))
                (figure(words, "unsubscribed-count", results.total.unsubscribed))
                (figure(words, "bounced", results.total.bounced))
            }
            (over_time(results, words, ResultKind::Opened, "opened"))
            (over_time(results, words, ResultKind::Clicked, "clicked"))
            div.wide tabindex="0" role="region" aria-labelledby="by-step" {
                table {
                    caption #by-step { (words.say("by-step")) }
                    thead {
                        tr {
                            th scope="col" { (words.say("step")) }
                            th scope="col" { (words.say("delivered")) }
                            (heads(words, "opened"))
                            (heads(words, "clicked"))
                            th scope="col" { (words.say("unsubscribed-count")) }
                            th scope="col" { (words.say("bounced")) }
                        }
                    }
                    tbody {
                        @for step in &results.steps {
                            (row(words, step.step.as_str(), &step.figures))
                        }
                    }
                }
            }
            p.fine { (words.say("machines-what")) }
        }
    }
}

fn figure(words: &Words, key: &str, number: u64) -> Markup {
    html! { div { dt { (words.say(key)) } dd { (words.number(number)) } } }
}

/// People and machines, each in a column of its own.
fn heads(words: &Words, key: &str) -> Markup {
    let what = words.say(key);
    html! {
        @for who in ["people", "machines"] {
            th scope="col" { (what) br; span.fine { (words.say(who)) } }
        }
    }
}

fn row(words: &Words, step: &str, figures: &Figures) -> Markup {
    let by = |came: &CameBy| {
        html! {
            td { (words.number(came.human.messages)) }
            td { (words.number(came.machine.messages)) }
        }
    };
    html! {
        tr {
            th scope="row" { (name(step)) }
            td { (words.number(figures.delivered)) }
            (by(&figures.opens))
            (by(&figures.clicks))
            td { (words.number(figures.unsubscribed)) }
            td { (words.number(figures.bounced)) }
        }
    }
}

fn over_time(results: &Results, words: &Words, kind: ResultKind, key: &str) -> Markup {
    let series = &results.series;
    let line = |who| series.lines.iter().find(|line| line.kind == kind && line.who == who);
    let at = |line: Option<&Line>, n: usize| {
        line.and_then(|line| line.came.get(n)).map_or(0, |came| came.events)
    };
    let (human, machine) = (line(Who::Human), line(Who::Machine));
    let buckets: Vec<ChartBucket> = series
        .buckets
        .iter()
        .enumerate()
        .map(|(n, bucket)| ChartBucket {
            label: words.bucket(bucket.start, series.unit),
            human: at(human, n),
            machine: at(machine, n),
        })
        .collect();
    if buckets.iter().all(|bucket| bucket.human + bucket.machine == 0) {
        return html! {};
    }
    let what = words.say(key);
    let title = words.say_with("over-time", &[("what", &what)]);
    let [people, machines, when, as_table, nothing] =
        ["people", "machines", "time", "as-table", "nothing-yet"].map(|key| words.say(key));
    chart(&Chart {
        id: key,
        words: ChartWords {
            title: &title,
            description: &title,
            human: &people,
            machine: &machines,
            when: &when,
            as_table: &as_table,
            nothing: &nothing,
        },
        buckets: &buckets,
        number: &|n| words.number(n),
    })
}
