//! The Rust SDK for Sandbar operators and jobs.
