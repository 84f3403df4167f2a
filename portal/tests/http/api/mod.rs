//! The JSON API over real HTTP.

mod invitations;
mod keys;
mod lists;
mod problems;
mod repeats;
pub mod results;
mod roles;
mod writes;

use crate::world;
