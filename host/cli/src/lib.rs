//! The binary sandbar.
