//! Which workers a rebuilt belt has to hear of, as the book keeps it.

use std::{collections::HashSet, time::Duration};

use belt::{Belt, WorkerName};
use store::{RosterEntry, Store};

/// What the book was told last.
#[derive(Debug, Default)]
pub struct Roster {
    told: Option<Vec<RosterEntry>>,
    /// What the belt was told that the book has, and in which epoch.
    enrolled: Option<(u32, HashSet<String>)>,
}

impl Roster {
    /// Tells the book who works, if that is not what it has. Written when somebody came or went, not every second: it is read only
    /// after a loss.
    ///
    /// Who left or died stays in it until the book has what became of the jobs it held: were that lost before, nobody else would
    /// say that they may have gone.
    pub async fn keep(
        &mut self,
        store: &Store,
        belt: &Belt,
        mut seen: Vec<RosterEntry>,
        (epoch, fence): (u32, u64),
    ) -> anyhow::Result<()> {
        let told = match self.told.take() {
            Some(told) => told,
            None => store.roster().await?,
        };
        let names = |roster: &[RosterEntry]| -> HashSet<String> {
            roster.iter().map(|entry| entry.worker.clone()).collect()
        };
        let there = names(&seen);
        let gone: Vec<&RosterEntry> =
            told.iter().filter(|entry| !there.contains(&entry.worker)).collect();
        if !gone.is_empty() && !belt.wait_until_recorded(Duration::ZERO).await? {
            seen.extend(gone.into_iter().cloned());
        }
        if names(&seen) != names(&told) {
            store.save_roster(&seen).await?;
        }
        if self.enrolled.as_ref() != Some(&(epoch, there.clone())) {
            let there: Vec<WorkerName> = there.iter().map(|name| WorkerName::new(name)).collect();
            belt.enroll(&there, fence).await?;
            self.enrolled = Some((epoch, there.iter().map(WorkerName::to_string).collect()));
        }
        self.told = Some(seen);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use belt::{BeltConfig, NewJob, OpenWith, protocol::Op};
    use domain::{ActivationId, OnUnknown, SendId, UtcMillis};
    use store::StoreOptions;
    use testkit::{TestDatabase, TestRedis};

    use super::*;

    const NOW: UtcMillis = UtcMillis::new(1_700_000_000_000);

    fn job() -> NewJob {
        let hash = |n: u8| format!("{n:032x}").parse().unwrap();
        NewJob {
            send: SendId::new(1),
            lane: "par_01j00000000000000000000000".parse().unwrap(),
            weight: 1,
            partner_limit: None,
            tier: String::new(),
            provider: String::new(),
            sender: String::new(),
            vendor: "ven_01j00000000000000000000000".parse().unwrap(),
            activation: ActivationId::new(1),
            version: "version".to_owned(),
            revision: 0,
            suppression: [hash(1), hash(2), hash(3)],
            topic: None,
            on_unknown: OnUnknown::Hold,
            not_after: None,
            first_fed_at: NOW,
            payload: "{}".to_owned(),
        }
    }

    /// A worker leaves with a message on the wire, and the book has not heard of it yet.
    #[tokio::test]
    async fn who_left_is_remembered_until_the_book_has_what_it_held() {
        let database = TestDatabase::sqlite();
        let store = Store::open(database.url(), StoreOptions::default()).await.unwrap();
        store.migrate(NOW).await.unwrap();
        let redis = TestRedis::start();
        let belt = Belt::connect(BeltConfig::new(redis.url())).await.unwrap();
        belt.open(1, 1, OpenWith::default()).await.unwrap();
        belt.finish_reporting(1).await.unwrap();
        belt.push(&[job()], 1).await.unwrap();
        let (worker, _, _) = belt.join(&WorkerName::new("w"), &[], &[]).await.unwrap();
        let claimed = worker.claim(1, 1).await.unwrap().jobs;
        let said = worker.checkpoint(&[Op::Mark(&claimed[0])]).await.unwrap().said;
        assert_eq!(said, ["limited 250000"], "it would not be missed");
        let entry = RosterEntry { worker: "w".to_owned(), epoch: 1, seen_at: NOW };

        let mut roster = Roster::default();
        roster.keep(&store, &belt, vec![entry.clone()], (1, 1)).await.unwrap();
        assert_eq!(store.roster().await.unwrap(), std::slice::from_ref(&entry));
        let said = worker.checkpoint(&[Op::Mark(&claimed[0])]).await.unwrap().said;
        assert!(said[0].starts_with("go "), "{said:?}");
        worker.leave().await.unwrap();
        // Whether this scheduler saw it go or the next one does.
        for mut roster in [roster, Roster::default()] {
            roster.keep(&store, &belt, Vec::new(), (1, 1)).await.unwrap();
            assert_eq!(store.roster().await.unwrap(), std::slice::from_ref(&entry));
        }
        let unknown = belt.read_outcomes(belt::StreamId::default(), 10, Duration::ZERO).await;
        belt.commit(unknown.unwrap()[0].id).await.unwrap();
        Roster::default().keep(&store, &belt, Vec::new(), (1, 1)).await.unwrap();
        assert_eq!(store.roster().await.unwrap(), []);
    }
}
