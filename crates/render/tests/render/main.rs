//! What packages can say, and what becomes of them.

mod diagnostics;
mod helpers;
mod hostile;
mod links;
mod locks;
mod package_format;
mod package_mistakes;
mod places;
mod sample_packages;
mod schema;
mod small;
