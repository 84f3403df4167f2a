//! The built binary, as people and scripts use it: exit codes, and what goes to which stream.

mod api_keys;
mod browser;
mod engagement;
mod exit_codes;
mod jobs;
mod machine;
mod main_path;
mod previews;
mod results;
mod tables;
