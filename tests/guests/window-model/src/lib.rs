//! What windows are, written down slowly, and the parts of the SDK that are checked against it: by
//! `tests/operators` in the SDK's harness, and by `tests/jobs/tests/windows` in whole jobs.

pub mod model;
pub mod pieces;
pub mod setup;
