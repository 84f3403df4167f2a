//! The portal over real HTTP, with a real book and a real belt.

mod api;
mod asset;
mod invalid_link;
mod invitation;
mod one_click;
mod opens_and_clicks;
mod preferences;
mod routes;
mod running;
mod safe_answers;
mod strangers;
mod view;
mod world;
