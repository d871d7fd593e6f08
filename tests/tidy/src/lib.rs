//! Style and architecture as tests.
