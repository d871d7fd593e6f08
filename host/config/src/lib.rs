//! Options with docs and defaults in one place.
