//! Tests of the joins: each against a plain model, over random streams with disorder and with
//! watermarks between the records.

mod interval;
mod model;
mod regular;
mod temporal;
mod window;
