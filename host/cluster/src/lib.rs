//! Wiring: the MiniCluster.
