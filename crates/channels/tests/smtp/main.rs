//! What leaves this room and what comes back, against relays that do everything a relay can do.

/// Every one of these against a relay that takes one command at a time, and against one that takes several at once.
macro_rules! each_way {
    ($($name:ident),+ $(,)?) => {
        mod one_at_a_time {
            $(#[tokio::test]
            async fn $name() {
                $crate::harness::PIPELINING.set(false);
                super::$name().await;
            })+
        }
        mod pipelined {
            $(#[tokio::test]
            async fn $name() {
                $crate::harness::PIPELINING.set(true);
                super::$name().await;
            })+
        }
    };
}

mod cancelled;
mod cuts;
mod gate;
mod hand_over;
mod harness;
mod headers;
mod keeping;
mod phases;
mod pipelining;
mod real_peers;
mod relay_down;
mod smuggling;
