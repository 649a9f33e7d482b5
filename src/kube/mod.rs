//! The Kubernetes API without an SDK: where the server is, requests, list and watch, leases.

pub mod api;
pub mod cache;
pub mod config;
pub mod envelope;
mod intake;
pub mod lease;
pub mod owner;
pub mod pods;
pub mod reflect;
mod stop;
pub mod target;
pub mod token;
pub mod watch;
