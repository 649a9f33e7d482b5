//! From a name to a connection: addresses, TCP, TLS, each with a deadline.

use super::stream::Stream;
use super::tls::{self, TlsSettings};
use crate::counted_errors;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

/// A name with more addresses is tried at its first ones.
const ADDRESSES_MAX: usize = 8;

/// A connection that is silent for so long is asked whether its peer is alive.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);

/// Between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Unanswered questions after which the peer is gone.
const KEEPALIVE_COUNT: u32 = 3;

/// Bytes that are not acknowledged for so long mean that the peer is gone.
const USER_TIMEOUT_MS: u32 = 30_000;

counted_errors! {
    /// Why there is no connection.
    pub enum ConnectError {
        /// The name has no address, or nobody told it in time.
        Resolve = "resolve",
        Refused = "refused",
        /// No address answered in time.
        Timeout = "connect_timeout",
        /// The peer does not speak TLS, or not as we do.
        Tls = "tls",
        /// The handshake did not come to its end in time.
        TlsTimeout = "tls_timeout",
        /// The peer's certificate is not one to be trusted, or the peer does not trust ours.
        Certificate = "certificate",
        /// No route, no descriptor, and whatever else the kernel may say.
        Failed = "failed",
    }
}

/// A connection that was not to be had.
#[derive(Debug)]
pub struct Failure {
    pub error: ConnectError,
    /// For one line of the log.
    pub text: String,
}

/// Where to connect to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// A name, or an IP address without brackets.
    pub host: &'a str,
    pub port: u16,
    pub tls: Option<&'a TlsSettings>,
}

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub resolve: Duration,
    /// For all addresses together.
    pub connect: Duration,
    pub handshake: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
        }
    }
}

/// Connects. Within a runtime that has timers and sockets. Addresses of a name are asked for on the runtime's thread
/// for what blocks; an IP address needs none.
pub async fn connect(target: Target<'_>, patience: &Patience) -> Result<Stream, Failure> {
    let (addresses, count) = resolve(&target, patience.resolve).await?;
    let tcp = dial(&addresses[..count], patience.connect).await?;
    let Some(settings) = target.tls else { return Ok(Stream::Plain(tcp)) };
    match timeout(patience.handshake, tls::handshake(settings, tcp)).await {
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(tls::failure(&error)),
        Err(_) => Err(late(ConnectError::TlsTimeout, "the TLS handshake", patience.handshake)),
    }
}

fn late(error: ConnectError, what: &str, time: Duration) -> Failure {
    Failure { error, text: format!("{what} took longer than {time:?}") }
}

async fn resolve(
    target: &Target<'_>,
    time: Duration,
) -> Result<([SocketAddr; ADDRESSES_MAX], usize), Failure> {
    let wrong = |text| Failure { error: ConnectError::Resolve, text };
    let mut addresses = [SocketAddr::from(([0, 0, 0, 0], 0)); ADDRESSES_MAX];
    let mut count = 0;
    match timeout(time, lookup_host((target.host, target.port))).await {
        Ok(Ok(found)) => {
            for (room, address) in addresses.iter_mut().zip(found) {
                *room = address;
                count += 1;
            }
        }
        Ok(Err(error)) => return Err(wrong(format!("cannot resolve {}: {error}", target.host))),
        Err(_) => return Err(late(ConnectError::Resolve, "resolving the name", time)),
    }
    if count == 0 {
        return Err(wrong(format!("{} has no address", target.host)));
    }
    Ok((addresses, count))
}

/// Tries one address after the other. Each has its share of the time that is left, so that the first, when it is dead,
/// does not use up that of the others.
async fn dial(addresses: &[SocketAddr], time: Duration) -> Result<TcpStream, Failure> {
    let until = Instant::now() + time;
    let mut last = late(ConnectError::Timeout, "connecting", time);
    for (tried, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
        last = match bounded(Instant::now() + share, TcpStream::connect(*address)).await {
            Ok(stream) => match set_options(&stream) {
                Ok(()) => return Ok(stream),
                Err(error) => refusal(*address, &error.into()),
            },
            Err(error) => refusal(*address, &error),
        };
    }
    Err(last)
}

/// The result of a step, or [`ErrorKind::TimedOut`] at the deadline.
async fn bounded<T>(deadline: Instant, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout_at(deadline, step).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

fn refusal(address: SocketAddr, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::ConnectionRefused => ConnectError::Refused,
        ErrorKind::TimedOut => ConnectError::Timeout,
        _ => ConnectError::Failed,
    };
    Failure { error: kind, text: format!("cannot connect to {address}: {error}") }
}

/// Requests leave at once, and a peer that has vanished is noticed without its saying so.
fn set_options(stream: &TcpStream) -> rustix::io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_tcp_nodelay(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_COUNT)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT_MS)
}
