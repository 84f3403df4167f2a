//! Turn a rendered message into an answer from the outside world.
