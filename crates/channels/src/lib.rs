//! Turn a rendered message into an answer from the outside world.
//!
//! Only this room opens connections to the outside. It knows nothing of the belt, the book or of
//! rendering: it takes a finished message and a [`smtp::Gate`], and answers a [`domain::Outcome`].

pub mod smtp;
