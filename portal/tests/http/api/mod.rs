//! The JSON API over real HTTP.

mod keys;
mod lists;
mod problems;
mod repeats;
mod roles;
mod world;
mod writes;
