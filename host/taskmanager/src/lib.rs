//! The data plane: tasks, chains, exchange.
