//! What demo and all bring along: a private Redis, a mail sink with an inbox page, simulated recipients.
