//! Connections with deadlines, plain and over TLS.

mod connect;
mod stream;
mod tls;

pub use connect::{ConnectError, Failure, Patience, Target, connect};
pub use stream::{Halt, Stream};
pub use tls::{Identity, TLS_BYTES, TlsMistake, TlsSettings, Trust, problem as tls_problem};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
