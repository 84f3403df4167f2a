//! `[tracking]`: what is counted of a package's mail.

use super::{Reader, keys::Table};
use crate::package::Tracking;

impl Reader<'_> {
    pub(super) fn tracking(&mut self, top: &mut Table<'_, '_>) -> Tracking {
        let Some(mut table) = self.table(top, "tracking") else { return Tracking::default() };
        let tracking = Tracking {
            opens: self.flag_or(&mut table, "opens", true),
            clicks: self.flag_or(&mut table, "clicks", true),
        };
        self.refuse_unknown(&table);
        tracking
    }
}
