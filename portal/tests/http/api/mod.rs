//! The JSON API over real HTTP.

mod invitations;
mod keys;
mod lists;
mod problems;
mod repeats;
mod results;
mod roles;
mod world;
mod writes;
