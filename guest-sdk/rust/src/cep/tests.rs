//! Tests of patterns: what Flink documents, what a slow reference finds, and how the operator
//! treats time and state.

mod documented;
mod drive;
mod groups;
mod invalid;
mod nexmark;
mod operator;
mod reference;
mod seeded;
mod skipping;
