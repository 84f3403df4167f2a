//! How often processes died holding a job.

use domain::SendId;

use crate::{connection::Belt, error::Result};

impl Belt {
    /// How many processes died holding a job that is on the belt. With the job's end the belt forgets it.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn deaths(&self, send: SendId) -> Result<u32> {
        let epoch = self.learn_scripts().await?.epoch;
        let mut command = redis::cmd("HGET");
        command.arg(self.keys().in_channel(epoch, self.channel, "deaths")).arg(send.to_string());
        Ok(self.ask::<Option<u32>>("the deaths of a job", command).await?.unwrap_or(0))
    }
}
