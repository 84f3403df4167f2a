//! How fast messages that are built already leave: `transmission ADDRESS [MESSAGES] [CONNECTIONS] [BYTES]`.
//!
//! Prints one line of JSON. Everything the fleet does at a relay is done here as well but the gate, which lets all go.

use std::time::Instant;

use channels::smtp::{AlwaysGo, MailParts, Outgoing, RelayConfig, Relays, build};
use domain::{Outcome, UtcMillis};
use futures::{StreamExt, stream};

/// Different messages; they take turns.
const DIFFERENT: usize = 500;

fn message(n: usize, bytes: usize) -> Outgoing {
    let line = format!("<p>Hello {n}, it is quiet, and this is one line of many.</p>\n");
    let html = line.repeat(bytes / line.len());
    let id = format!("snd_{n}@mail.example");
    let address = format!("person{n}@customer.example");
    build(&MailParts {
        from_name: "Nordwind GmbH",
        from_email: "news@nordwind.example",
        to_email: &address,
        subject: "A quiet machine",
        text: "Hello, it is quiet.\n",
        html: &html,
        message_id: &id,
        date: UtcMillis::new(1_767_225_600_000),
        ..MailParts::default()
    })
    .expect("the parts are good")
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().expect("transmission ADDRESS [MESSAGES] [CONNECTIONS] [BYTES]");
    let mut number =
        |default| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (count, connections, bytes) = (number(100_000), number(50), number(14_000));
    let messages: Vec<Outgoing> = (0..DIFFERENT).map(|n| message(n, bytes)).collect();
    let mut config = RelayConfig::new("main", address);
    config.max_connections = connections;
    config.messages_per_connection = 1_000_000;
    let relays = Relays::new([config]).expect("the configuration is good");
    let began = Instant::now();
    let done = stream::iter(0..count)
        .map(|n| {
            let (relays, message) = (relays.clone(), &messages[n % DIFFERENT]);
            async move { relays.transmit("main", message, &AlwaysGo).await }
        })
        .buffer_unordered(2 * connections)
        .filter(|outcome| std::future::ready(matches!(outcome, Outcome::Done(_))))
        .count()
        .await;
    let seconds = began.elapsed().as_secs_f64();
    let size = messages[0].bytes().len();
    println!(
        "{{\"messages\": {count}, \"done\": {done}, \"connections\": {connections}, \"bytes\": {size}, \
         \"seconds\": {seconds:.3}, \"transmission_msgs_per_s\": {:.0}}}",
        done as f64 / seconds
    );
    assert_eq!(done, count, "every message has to be taken");
}
