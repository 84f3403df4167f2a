//! The portal over real HTTP, with a real book and a real belt.

mod asset;
mod invalid_link;
mod one_click;
mod running;
mod safe_answers;
