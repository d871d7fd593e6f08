//! JobSpec to StreamGraph to JobGraph: validation and chaining.
