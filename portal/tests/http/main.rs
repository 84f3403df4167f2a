//! The portal over real HTTP, with a real book and a real belt.

mod api;
mod asset;
mod invalid_link;
mod one_click;
mod opens_and_clicks;
mod preferences;
mod running;
mod safe_answers;
mod view;
