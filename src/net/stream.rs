//! A connection's bytes, plain or over TLS: nothing waits for the peer without a deadline.

use super::tls::TlsStream;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// A connection.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// Why a read or a write did not happen.
#[derive(Debug)]
pub enum Halt {
    TimedOut,
    Failed(io::Error),
}

impl Stream {
    /// Reads what is there, or waits for it until the deadline. 0 when the peer has closed its side.
    pub async fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, Halt> {
        until(deadline, |context| self.poll_read(context, buffer)).await
    }

    /// Writes all of it, and sees to it that nothing is held back.
    pub async fn write_all(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), Halt> {
        while !bytes.is_empty() {
            let written = until(deadline, |context| self.poll_write(context, bytes)).await?;
            if written == 0 {
                return Err(Halt::Failed(io::ErrorKind::WriteZero.into()));
            }
            bytes = &bytes[written..];
        }
        until(deadline, |context| self.poll_flush(context)).await
    }

    /// Does the peer say nothing, and has it not closed? A kept connection of which this is not true is of no use: what
    /// comes without a question is no answer.
    pub async fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        poll_fn(|context| Poll::Ready(self.poll_read(context, &mut byte).is_pending())).await
    }

    /// Reads what is there. No byte means the end.
    pub fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut filled = ReadBuf::new(buffer);
        let polled = match self {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, &mut filled),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_read(context, &mut filled),
        };
        polled.map_ok(|()| filled.filled().len())
    }

    /// Writes what there is room for.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_flush(context),
        }
    }
}

/// What the poll comes to, unless the deadline is there first.
async fn until<T>(
    deadline: Instant,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
) -> Result<T, Halt> {
    let mut timer = pin!(sleep_until(deadline));
    poll_fn(|context| match poll(context) {
        Poll::Ready(result) => Poll::Ready(result.map_err(Halt::Failed)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| Err(Halt::TimedOut)),
    })
    .await
}
