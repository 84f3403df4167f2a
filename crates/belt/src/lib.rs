//! The Redis queue: an apalis backend of our own, with its Lua scripts, limits and event streams.
