//! Bird strikes.
