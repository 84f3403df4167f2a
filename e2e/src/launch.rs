//! One launch becomes co-branded mail, each send once, on both engines.

use testkit::wait::wait_for;

use crate::fleet::{Engine, Fleet, PATIENCE, Size};

async fn becomes_co_branded_mail(engine: Engine) {
    let mut fleet = Fleet::set_up(Size { engine, ..Size::default() }).await;
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.start("worker");
    fleet.launch();
    fleet.wait_until_sent(fleet.first_step_sends()).await;
    // Three days on, the second step; ten days on, the third.
    fleet.bring_forward(11).await;
    fleet.wait_until_sent(fleet.first_step_sends() * 3).await;
    assert_eq!(fleet.doubles().await, 0);
    fleet.assert_nothing_lost().await;

    for taken in fleet.relay.accepted() {
        let mail = String::from_utf8_lossy(&taken.data).into_owned();
        let partner = taken.from.split('@').nth(1).expect("a domain").to_owned();
        let number = partner.trim_start_matches('p').trim_end_matches(".example");
        let customer = format!("@customer{number}.example");
        assert!(taken.rcpt.iter().all(|rcpt| rcpt.ends_with(&customer)), "{:?}", taken.rcpt);
        for header in [
            "List-Unsubscribe: <http",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "List-ID:",
            "Message-ID:",
            "Date:",
        ] {
            assert!(mail.contains(header), "{header} is missing in\n{mail}");
        }
        for other in (0..fleet.size.partners).filter(|other| other.to_string() != number) {
            assert!(
                !mail.contains(&format!("p{other}.example")),
                "another partner's text in\n{mail}"
            );
        }
    }
}

#[tokio::test]
async fn on_sqlite() {
    becomes_co_branded_mail(Engine::Sqlite).await;
}

#[tokio::test]
async fn on_postgres() {
    becomes_co_branded_mail(Engine::Postgres).await;
}

#[tokio::test]
async fn an_address_that_does_not_exist_fails_once_and_is_not_mailed_again() {
    let mut fleet = Fleet::set_up(Size { partners: 1, contacts: 3, ..Size::default() }).await;
    fleet.relay.rcpt(
        "person1@customer0.example",
        testkit::relay::Step::reply(550, "5.1.1 No such user here"),
    );
    fleet.start("scheduler");
    fleet.start("worker");
    fleet.launch();
    wait_for("the first step to have ended", PATIENCE, || async {
        let counts = fleet.counts().await;
        (counts.sent == 2 && counts.failed == 1).then_some(())
    })
    .await;
    fleet.bring_forward(11).await;
    let counts = wait_for("everything to have ended", PATIENCE, || async {
        let counts = fleet.counts().await;
        (counts.open() == 0).then_some(counts)
    })
    .await;
    assert_eq!((counts.sent, counts.failed, counts.skipped), (6, 1, 2), "{counts:?}");
}
