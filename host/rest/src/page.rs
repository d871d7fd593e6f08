//! The page at `/`: what this server is and where to look. Static, and needs nothing from outside.

/// The page.
pub(crate) const PAGE: &str = include_str!("page/index.html");
