//! The book: all SQL, on SQLite and Postgres.
