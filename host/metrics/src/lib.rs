//! Metric groups.
