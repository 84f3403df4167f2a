//! One file per job type; run and drain.
