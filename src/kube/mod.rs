//! The Kubernetes API without an SDK: where the server is, requests, list and watch, leases.

pub mod config;
pub mod token;
