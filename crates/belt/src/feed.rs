//! Putting jobs on lanes, and finding where they are.

use std::collections::HashMap;

use domain::SendId;

use crate::{
    connection::{Belt, Carried},
    error::{Error, Result},
    job::{Line, NewJob, WorkerName},
};

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// Jobs that are now at the end of their lanes.
    pub pushed: u64,
    /// Jobs whose send was already on the belt.
    pub absorbed: u64,
}

/// When sends were chosen to be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// The epoch.
    pub epoch: u32,
    /// Counts within it how often lost sends were put back.
    pub number: u64,
}

/// Where a send is on the belt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is not on the belt (it may be in the outcomes stream).
    Nowhere,
    /// It waits on its lane.
    Lane,
    /// It waits out a short delay.
    Delayed,
    /// A worker has it.
    Hand {
        /// The worker.
        worker: WorkerName,
        /// Whether its content may be on the wire.
        marked: bool,
    },
}

/// Jobs and sends in one script call.
const PART: usize = 500;

impl Belt {
    /// Puts jobs at the end of their lanes, 500 a call, under the scheduler's lease number.
    ///
    /// # Errors
    /// [`crate::Error::Fenced`] if a higher lease number was seen; [`crate::Error::BadJob`] before
    /// anything is pushed; [`crate::Error::Closed`], [`crate::Error::Unreachable`]: what was pushed
    /// may be pushed again, it is absorbed.
    pub async fn push(&self, jobs: &[NewJob], fence: u64) -> Result<Pushed> {
        self.push_in(self.round().await?, jobs, fence).await
    }

    /// The round of pushes the belt is in. Ask for it before choosing what to push.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn round(&self) -> Result<Round> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys().epoch()).arg("n").arg("round");
        let (epoch, number): (Option<u32>, Option<u64>) = self.ask("the round", command).await?;
        Ok(Round { epoch: epoch.ok_or(Error::Closed)?, number: number.unwrap_or(0) })
    }

    /// Begins a round: pushes of sends that were chosen before are refused from now on. For who is about
    /// to put back what is nowhere: it may be on its way.
    ///
    /// # Errors
    /// [`crate::Error::Fenced`], [`crate::Error::Closed`] in another epoch than `epoch`,
    /// [`crate::Error::Unreachable`].
    pub async fn begin_round(&self, epoch: u32, fence: u64) -> Result<Round> {
        let arguments = [fence.to_string(), "round".to_owned()];
        let carried = Carried { lease: fence };
        let number: String = self
            .call_in(&self.scripts_of(epoch), |s| &s.load, &arguments.as_slice(), carried)
            .await?;
        Ok(Round { epoch, number: number.parse().unwrap_or(0) })
    }

    /// [`Self::push`] of sends that were chosen in this round, and in no other.
    ///
    /// # Errors
    /// As there; [`crate::Error::Overtaken`] in a later round, [`crate::Error::Closed`] in a later epoch.
    pub async fn push_in(&self, round: Round, jobs: &[NewJob], fence: u64) -> Result<Pushed> {
        let scripts = self.scripts_of(round.epoch);
        let packed = jobs.iter().map(NewJob::pack).collect::<Result<Vec<_>>>()?;
        let mut sum = Pushed::default();
        for (jobs, packed) in jobs.chunks(PART).zip(packed.chunks(PART)) {
            let mut places: Vec<&NewJob> = Vec::new();
            let mut index: HashMap<Line, usize> = HashMap::new();
            let mut at = Vec::with_capacity(jobs.len());
            for job in jobs {
                let place = *index.entry(job.line()).or_insert_with(|| {
                    places.push(job);
                    places.len()
                });
                // The last job of a line says what its lane is set to.
                places[place - 1] = job;
                at.push(place);
            }
            let mut arguments =
                vec![fence.to_string(), round.number.to_string(), places.len().to_string()];
            for job in &places {
                let line = job.line();
                let name = line.name();
                arguments.extend([line.provider, job.vendor.to_string(), name]);
                arguments.extend([job.lane.to_string(), job.lane_settings()]);
            }
            for ((job, packed), at) in jobs.iter().zip(packed).zip(at) {
                arguments.push(job.send.to_string());
                arguments.push(at.to_string());
                arguments.push(packed.clone());
            }
            let (pushed, absorbed): (u64, u64) =
                self.call_in(&scripts, |s| &s.push, &arguments, Carried { lease: fence }).await?;
            sum.pushed += pushed;
            sum.absorbed += absorbed;
        }
        Ok(sum)
    }

    /// Where each of `sends` is, in the same order.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn find(&self, sends: &[SendId]) -> Result<Vec<Place>> {
        let mut places = Vec::with_capacity(sends.len());
        for part in sends.chunks(PART) {
            let part: Vec<String> = part.iter().map(SendId::to_string).collect();
            let found: Vec<String> = self.call(|s| &s.find, &part, Carried::default()).await?;
            places.extend(found.iter().map(|place| match place.as_str() {
                "lane" => Place::Lane,
                "delayed" => Place::Delayed,
                other => match other.strip_prefix("hand ").and_then(|rest| rest.split_once(' ')) {
                    Some((marked, worker)) => {
                        Place::Hand { worker: WorkerName::new(worker), marked: marked == "1" }
                    }
                    None => Place::Nowhere,
                },
            }));
        }
        Ok(places)
    }

    /// How many jobs wait in each line, in the same order.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn line_depths(&self, lines: &[Line]) -> Result<Vec<u64>> {
        let epoch = self.learn_scripts().await?.epoch;
        let mut depths = Vec::with_capacity(lines.len());
        for part in lines.chunks(PART) {
            let mut pipeline = redis::pipe();
            for line in part {
                let name = format!("lane:{} {}", line.provider, line.name());
                pipeline.cmd("LLEN").arg(self.keys().in_channel(epoch, self.channel, &name));
            }
            depths.extend(self.ask_all::<Vec<u64>>("line depths", pipeline).await?);
        }
        Ok(depths)
    }

    /// How many jobs wait on lanes or out a short delay.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Unreachable`].
    pub async fn queued(&self) -> Result<u64> {
        let epoch = self.learn_scripts().await?.epoch;
        let key = |name| self.keys().in_channel(epoch, self.channel, name);
        let mut pipeline = redis::pipe();
        pipeline.cmd("HLEN").arg(key("jobs")).cmd("HLEN").arg(key("hand"));
        let (jobs, in_hand): (u64, u64) = self.ask_all("the queue", pipeline).await?;
        Ok(jobs.saturating_sub(in_hand))
    }
}
