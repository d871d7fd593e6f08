//! Native sources and sinks.
