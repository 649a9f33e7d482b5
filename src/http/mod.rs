//! The HTTP server: one thread, fixed memory, GET and HEAD. It knows requests and pages of bytes, and no metric. And
//! [`client`], which asks other servers.
//!
//! A [`Service`] answers a [`Request`] with a [`Body`] that fills pages. Everything the server will ever hold is in
//! [`Server::plan`] and allocated by [`Server::new`]; serving a kept-alive connection allocates nothing.

mod answer;
pub mod chunks;
pub mod client;
mod connection;
mod gzip;
mod line;
mod query;
mod server;
mod stats;
pub mod wire;

pub use query::{QueryPairs, QueryText};
pub use server::Server;
pub use stats::{Counter, STATUSES, ServerStats, Timeout};
pub use wire::{HeadError, Method};

use std::future::Future;
use std::time::Duration;

/// No request head is longer.
pub const HEAD_BYTES: usize = 8 * 1024;

/// No request line is longer; the rest of the head is for the headers.
pub const REQUEST_LINE_BYTES: usize = 4 * 1024;

/// What a connection writes at once, framing included.
pub const PAGE_BYTES: usize = 32 * 1024;

/// No content type is longer: the room for the head of an answer is planned.
pub const CONTENT_TYPE_BYTES: usize = 128;

/// A request, as views into the connection's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub method: Method,
    /// Begins with a slash; not decoded.
    pub path: &'a str,
    /// What follows the question mark; not decoded.
    pub query: &'a str,
    /// The client takes gzip.
    pub gzip: bool,
    /// Empty when there is none.
    pub user_agent: &'a [u8],
}

impl<'a> Request<'a> {
    /// The pairs of the query, decoded.
    pub const fn query_pairs(&self) -> QueryPairs<'a> {
        QueryPairs::new(self.query)
    }
}

/// How much of a page [`Body::fill`] has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// There is more to come; never 0.
    More(usize),
    /// The body ends here.
    Last(usize),
    /// The rest is not to be had any more: the connection is cut, so that the client does not take it for whole.
    Cut,
}

/// A body that is written page by page. Dropping it lets go of what it pins; a client that goes away drops it early.
pub trait Body {
    /// Writes the next bytes to the front of the page, which has room for at least 16 KiB.
    fn fill(&mut self, page: &mut [u8]) -> Filled;
}

/// An answer.
pub struct Response<B> {
    pub status: u16,
    /// At most [`CONTENT_TYPE_BYTES`] long.
    pub content_type: &'static str,
    pub body: B,
}

/// What answers the requests.
pub trait Service: 'static {
    type Body: Body;

    /// The label values by which requests are counted. The last one is for heads that could not be read.
    const CLASSES: &'static [&'static str];

    /// The place of a path in [`Self::CLASSES`].
    fn class(&self, path: &str) -> usize;

    fn respond(&self, request: &Request<'_>) -> impl Future<Output = Response<Self::Body>>;
}

/// How much and how long the server bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at the same time; the next one is closed at once.
    pub connections: u32,
    /// Compressed answers being sent at the same time; the next one is sent as it is. One takes 0.4 MB.
    pub compressors: u32,
    /// From the first byte of a request to the end of its head; then 408.
    pub header: Duration,
    /// A new connection that says nothing is closed after this: it has a seat that a scraper may need.
    pub silent: Duration,
    /// Between two requests. Scrapers keep a connection for twice their interval.
    pub idle: Duration,
    /// A client that takes nothing for this long is cut.
    pub stall: Duration,
    /// A client that takes longer for a whole answer is cut, however steadily it reads: it keeps a frame from being
    /// written anew.
    pub response: Duration,
    /// After the last answer, how long what the client still sends is read and thrown away. Closing with unread bytes
    /// would reset the connection, and the client would lose the answer.
    pub linger: Duration,
    /// After the shutdown signal, how long answers in flight may take.
    pub shutdown: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            connections: 32,
            compressors: 1,
            header: Duration::from_secs(5),
            silent: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            stall: Duration::from_secs(10),
            response: Duration::from_secs(60),
            linger: Duration::from_secs(1),
            shutdown: Duration::from_secs(4),
        }
    }
}

#[cfg(test)]
mod tests;
