//! The package format, and rendering: package to partner skeleton to message. Pure.
