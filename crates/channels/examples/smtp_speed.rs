//! How many messages a second go to one relay.
//!
//! ```text
//! smtp-sink -u nobody 127.0.0.1:2525 1000 &
//! cargo run --release -p channels --example smtp_speed -- 127.0.0.1:2525 20000 50
//! time smtp-source -s 50 -l 15000 -m 20000 127.0.0.1:2525
//! ```

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use channels::smtp::{AlwaysGo, MailParts, RelayConfig, Relays, build};
use domain::{Outcome, UtcMillis};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, messages, connections] = arguments.as_slice() else {
        eprintln!("usage: smtp_speed HOST:PORT MESSAGES CONNECTIONS");
        return ExitCode::from(2);
    };
    let (Ok(messages), Ok(connections)) = (messages.parse::<usize>(), connections.parse::<usize>())
    else {
        eprintln!("MESSAGES and CONNECTIONS are numbers");
        return ExitCode::from(2);
    };
    let mut config = RelayConfig::new("main", address);
    config.max_connections = connections;
    config.messages_per_connection = u32::MAX;
    let relays = match Relays::new([config]) {
        Ok(relays) => relays,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };

    let text: Arc<str> = "A line of plain text for every reader.\n".repeat(77).into();
    let html: Arc<str> = "<p>A paragraph of a message for every reader.</p>\n".repeat(230).into();
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    // Twice as many hands as connections, so that one message is begun with the end of another.
    let hands: Vec<_> = (0..2 * connections)
        .map(|_| {
            let (relays, next) = (relays.clone(), Arc::clone(&next));
            let (text, html) = (Arc::clone(&text), Arc::clone(&html));
            tokio::spawn(async move {
                let mut bytes = 0;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= messages {
                        return Ok(bytes);
                    }
                    let id = format!("snd_{n}@mail.example");
                    let parts = MailParts {
                        from_name: "Nordwind GmbH",
                        from_email: "news@nordwind.example",
                        to_email: "anna@example.com",
                        subject: "A quiet machine",
                        text: &text,
                        html: &html,
                        message_id: &id,
                        date: UtcMillis::new(1_767_225_600_000),
                        ..MailParts::default()
                    };
                    let message = build(&parts).map_err(|error| error.to_string())?;
                    bytes = message.bytes().len();
                    match relays.transmit("main", &message, &AlwaysGo).await.into_outcome() {
                        Outcome::Done(_) => {}
                        other => return Err(format!("message {n}: {other:?}")),
                    }
                }
            })
        })
        .collect();
    let mut size = 0;
    for hand in hands {
        match hand.await {
            Ok(Ok(bytes)) => size = size.max(bytes),
            Ok(Err(error)) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    let took = began.elapsed();
    let rate = messages as f64 / took.as_secs_f64();
    println!(
        "{messages} messages of {size} bytes over {connections} connections in {took:.2?}: {rate:.0} messages/s"
    );
    ExitCode::SUCCESS
}
