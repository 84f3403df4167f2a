//! What a user may ask for, one file per command.
