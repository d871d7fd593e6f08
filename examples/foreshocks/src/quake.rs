//! An earthquake, as the network of seismographs reports it.

use serde::{Deserialize, Serialize};

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quake {
    /// Milliseconds since the Unix epoch.
    pub(crate) time: i64,
    /// By Richter's scale: one more is ten times the amplitude.
    pub(crate) magnitude: f64,
    /// `earthquake`; or what else shook the ground, such as a `quarry blast`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) place: String,
    /// Degrees, west below zero.
    pub(crate) longitude: f64,
    /// Degrees, south below zero.
    pub(crate) latitude: f64,
}

impl Quake {
    /// The square of one degree that it is in, by its south-western corner. Quakes are close to
    /// each other if they are in the same.
    pub(crate) fn cell(&self) -> (i32, i32) {
        (self.longitude.floor() as i32, self.latitude.floor() as i32)
    }
}
