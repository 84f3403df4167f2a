//! The whole fleet, one behaviour per file, one test binary.
