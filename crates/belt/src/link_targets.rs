//! Where the links of messages lead, near at hand: the book has every list for good.

use domain::{LinkTargets, TargetsId};

use crate::{connection::Belt, error::Result};

/// How long a list lies here after it was last put, in seconds. Most clicks come in the first two days of a
/// message; later ones ask the book once a portal.
const KEPT_SECONDS: u64 = 3 * 24 * 60 * 60;

impl Belt {
    /// Puts lists where portals look first; what lies there already stays three days from now.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn put_link_targets(&self, lists: &[LinkTargets]) -> Result<()> {
        for part in lists.chunks(64) {
            let mut pipeline = redis::pipe();
            for list in part {
                let text = serde_json::to_string(list).expect("a list of texts has a JSON form");
                let key = self.keys().link_targets(&list.id());
                pipeline.cmd("SET").arg(key).arg(text).arg("EX").arg(KEPT_SECONDS).ignore();
            }
            self.ask_all::<()>("link targets", pipeline).await?;
        }
        Ok(())
    }

    /// The list of this name, if it lies here. One that does not bear its name is none.
    ///
    /// # Errors
    /// [`crate::Error::Unreachable`].
    pub async fn get_link_targets(&self, id: &TargetsId) -> Result<Option<LinkTargets>> {
        let mut command = redis::cmd("GET");
        command.arg(self.keys().link_targets(id));
        let text: Option<String> = self.ask("link targets", command).await?;
        let list = text.and_then(|text| serde_json::from_str::<LinkTargets>(&text).ok());
        Ok(list.filter(|list| list.id() == *id))
    }
}
