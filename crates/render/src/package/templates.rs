//! Which templates a package has.

use super::{Package, StepKind};
use crate::verify::Part;

impl Package {
    /// Every folder of templates with the parts that are read in it. Some come more than once.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&str, Part)> {
        let steps = self.steps.iter().flat_map(|step| {
            let parts: &[Part] = match step.kind {
                StepKind::Email => &Part::MAIL,
                StepKind::Social { .. } => &[Part::Post, Part::Alt],
                StepKind::Wait { .. } | StepKind::Branch { .. } => &[],
            };
            step.templates()
                .flat_map(move |template| parts.iter().map(move |part| (template, *part)))
        });
        let page = self.landing_page.iter().map(|page| (page.template.as_str(), Part::Page));
        steps.chain(page)
    }
}
