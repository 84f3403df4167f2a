//! The claims: one task that asks for as many jobs as there are free hands.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{Outcome, outcome::PermanentReason};
use serde::de::DeserializeOwned;

use crate::{
    error::Error,
    protocol::{ClaimSaid, Claims},
    worker::{
        claimed::{Claimed, JobHandle},
        session::{Registration, Session},
    },
};

/// Jobs that apalis has not taken yet.
pub(crate) type Inbox<T> = Arc<Mutex<VecDeque<Claimed<T>>>>;

/// A worker that hears nothing looks by itself this often.
const SELF_WAKE: Duration = Duration::from_secs(1);

/// Runs until the session closes. Every call is repeated under its number until it is answered.
pub(crate) async fn run<T: DeserializeOwned + Send + 'static>(
    session: Arc<Session>,
    inbox: Inbox<T>,
) {
    let mut registrations = session.registration.subscribe();
    let mut bell = None;
    let mut number = 0_u64;
    let mut generation = 0;
    while !session.closing.load(std::sync::atomic::Ordering::SeqCst) {
        if !session.may_claim() {
            give_back_all(&inbox);
            wait(&session, SELF_WAKE).await;
            continue;
        }
        let Some(registration) = registrations.borrow_and_update().clone() else {
            tokio::select! {
                _ = registrations.changed() => {}
                () = wait(&session, SELF_WAKE) => {}
            }
            continue;
        };
        if registration.generation != generation {
            generation = registration.generation;
            let key = session.belt.keys().in_channel(
                registration.membership.epoch(),
                session.belt.channel,
                "wake",
            );
            bell = Some(session.belt.bell_at(key));
            number = 0;
        }
        let Some(free) = free_hands(&session).await else { continue };
        number += 1;
        let Some(claims) = claim(&session, &registration, number, free).await else { continue };
        session.heard_committed(generation, claims.committed);
        let (said, retry, took) = (claims.said, claims.retry, claims.jobs.len());
        hand_in(&session, &inbox, claims);
        if said == ClaimSaid::Gone {
            session.lost(&registration, true);
            wait_for_change(&session, &mut registrations, generation).await;
        } else if took < free {
            let pause = retry.min(SELF_WAKE);
            match bell.as_mut() {
                // Soon enough to be a limit's or a delay's time; otherwise a push rings.
                Some(bell) if pause > Duration::from_millis(50) => {
                    tokio::select! {
                        _ = bell.wait(pause) => {}
                        () = session.claims_wake.notified() => {}
                    }
                }
                _ => wait(&session, pause).await,
            }
        }
    }
    give_back_all(&inbox);
}

async fn wait(session: &Session, pause: Duration) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = session.claims_wake.notified() => {}
    }
}

/// How many hands are free, at least one: waits for it, or `None` after a while, to look round.
async fn free_hands(session: &Session) -> Option<usize> {
    match tokio::time::timeout(SELF_WAKE, session.hands.acquire()).await {
        Ok(Ok(one)) => {
            let free = session.hands.available_permits() + 1;
            drop(one);
            Some(free.min(256))
        }
        _ => None,
    }
}

/// One numbered call, repeated until it is answered or the registration is lost.
async fn claim(
    session: &Session,
    registration: &Registration,
    number: u64,
    want: usize,
) -> Option<Claims> {
    let mut pause = Duration::from_millis(20);
    loop {
        match registration.membership.claim(number, want).await {
            Ok(claims) => return Some(claims),
            Err(Error::Closed) => {
                session.lost(registration, false);
                let mut registrations = session.registration.subscribe();
                wait_for_change(session, &mut registrations, registration.generation).await;
                return None;
            }
            Err(error) => {
                tracing::debug!(%error, claim.number = number, "a claim was not answered; it is repeated");
                wait(session, pause).await;
                pause = (pause * 2).min(SELF_WAKE);
            }
        }
        let still =
            session.registered().is_some_and(|now| now.generation == registration.generation);
        if !still || session.closing.load(std::sync::atomic::Ordering::SeqCst) {
            return None;
        }
    }
}

async fn wait_for_change(
    session: &Session,
    registrations: &mut tokio::sync::watch::Receiver<Option<Registration>>,
    generation: u64,
) {
    let changed =
        registrations.wait_for(|now| now.as_ref().is_none_or(|now| now.generation != generation));
    tokio::select! {
        _ = changed => {}
        () = wait(session, SELF_WAKE) => {}
    }
}

pub(crate) fn hand_in<T: DeserializeOwned>(session: &Session, inbox: &Inbox<T>, claims: Claims) {
    if claims.jobs.is_empty() {
        return;
    }
    let going_on = session.may_claim();
    let mut taken = inbox.lock().unwrap_or_else(|e| e.into_inner());
    for meta in claims.jobs {
        // There is a hand for it: nobody else takes hands, and no more jobs were asked for.
        let hand = Arc::clone(&session.hands).try_acquire_owned().ok();
        let handle = JobHandle::new(Arc::new(meta), session.say.clone(), hand);
        if !going_on {
            handle.give_back();
            continue;
        }
        match serde_json::from_str::<T>(handle.meta().payload()) {
            Ok(payload) => taken.push_back(Claimed::new(payload, handle)),
            Err(error) => {
                tracing::warn!(
                    send.id = %handle.meta().send, %error,
                    "a job's payload can't be read; it is set aside"
                );
                drop(handle.complete(Outcome::permanent(PermanentReason::Unreadable)));
            }
        }
    }
    drop(taken);
    session.waker.wake();
}

/// Gives back what no handler has begun.
pub(crate) fn give_back_all<T>(inbox: &Inbox<T>) {
    let jobs = std::mem::take(&mut *inbox.lock().unwrap_or_else(|e| e.into_inner()));
    for job in jobs {
        job.take().1.give_back();
    }
}
