//! What users may ask for, against a real book and a real Redis.

mod api;
mod commands;
mod contacts;
mod control;
mod exports;
mod hostile_contacts;
mod invitations;
mod jobs;
mod launch;
mod messy_files;
mod packages;
mod partners;
mod peers;
mod preferences;
mod results;
mod status;
mod unsubscribe;
mod walls;
mod world;
