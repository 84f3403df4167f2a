//! A send that is dropped in mid-dialogue takes its connection with it.

use testkit::relay::{Phase, Step};

use super::harness::{accepted_ids, assert_label, config, id, relay, send};
use channels::smtp::Relays;

each_way!(a_cancelled_send_poisons_nobody,);

/// The classic way to report a refused message as sent: the connection of a cancelled send is used
/// again with a reply still to come, and from then on each reply answers the command before.
async fn a_cancelled_send_poisons_nobody() {
    for phase in [Phase::Greeting, Phase::Ehlo, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot] {
        let relay = relay().await;
        let mut config = config(&relay);
        config.max_connections = 1;
        let relays = Relays::new([config]).unwrap();
        if !matches!(phase, Phase::Greeting | Phase::Ehlo) {
            assert_label(&send(&relays, 0).await, "done", "before");
        }

        relay.hold(phase);
        let cancelled = tokio::spawn({
            let relays = relays.clone();
            async move { send(&relays, 1).await }
        });
        relay.wait_until_holding(1).await;
        cancelled.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        relay.release();

        relay.always(Phase::Dot, Step::reply(554, "5.7.1 refused"));
        assert_label(&send(&relays, 2).await, "permanent", &format!("{phase:?}: refused"));
        relay.clear();
        assert_label(&send(&relays, 3).await, "done", &format!("{phase:?}: the next"));
        let ids = accepted_ids(&relay);
        assert!(!ids.contains(&id(2)) && ids.contains(&id(3)), "{phase:?}: {ids:?}");
        assert!(relay.most_open() <= 2, "{phase:?}"); // the dying one and the new one
    }
}
