//! Compact records of objects in planned memory: what is kept of each, and where.
