//! The heartbeat: a thread of its own with a connection of its own, so that a handler that keeps every
//! core busy does not look dead.

use std::{
    sync::{Arc, Weak, mpsc},
    time::Duration,
};

use crate::worker::session::Session;

/// How often it beats, and how long one beat may take. A lease is six of them: who could not be heard for four seconds, and was
/// stuck in an attempt when that was over, is still in time.
const EVERY: Duration = Duration::from_secs(1);
/// How soon one that was not heard is repeated.
const AGAIN: Duration = Duration::from_millis(250);

/// Starts the thread. It ends when the returned sender is dropped.
pub(crate) fn start(session: &Arc<Session>) -> mpsc::Sender<()> {
    let (stop, stopped) = mpsc::channel();
    let session = Arc::downgrade(session);
    std::thread::Builder::new()
        .name("belt-heartbeat".to_owned())
        .spawn(move || run(&session, &stopped))
        .expect("a process that can't start a thread can't work");
    stop
}

fn run(session: &Weak<Session>, stopped: &mpsc::Receiver<()>) {
    let mut connection = None;
    // The worker has just joined when this starts, so the first beat may wait.
    let mut wait = EVERY;
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
        let Some(session) = session.upgrade() else { return };
        wait = EVERY;
        if let Err(error) = beat(&session, &mut connection) {
            tracing::debug!(%error, "a heartbeat was not heard");
            connection = None;
            wait = AGAIN;
        }
    }
}

/// A connection, and the number of the server that it is to.
type Numbered = (u64, redis::Connection);

fn beat(session: &Session, connection: &mut Option<Numbered>) -> redis::RedisResult<()> {
    let Some(registration) = session.registered() else { return Ok(()) };
    let membership = &registration.membership;
    let config = session.belt.config();
    let server = session.belt.server_number();
    let open = match connection.take().filter(|(number, _)| *number == server) {
        Some((_, open)) => open,
        None => {
            let client = session.belt.client()?;
            let open = client.get_connection_with_timeout(config.connection_timeout.min(EVERY))?;
            open.set_read_timeout(Some(EVERY))?;
            open.set_write_timeout(Some(EVERY))?;
            open
        }
    };
    let (_, open) = connection.insert((server, open));
    let command = session.belt.evalsha(&membership.scripts.beat.hash, &membership.name().as_str());
    match command.query::<String>(open) {
        Ok(said) if said == "alive" => Ok(()),
        Ok(_) => {
            session.lost(&registration, true);
            Ok(())
        }
        Err(error) if matches!(error.code(), Some("NOSCRIPT" | "CLOSED")) => {
            session.lost(&registration, false);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
