//! A client's socket with deadlines: nothing waits for a client without one.

use super::server::Seat;
use super::stats::Timeout;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// A socket, and the one timer of its connection that is set anew for every wait.
pub(super) struct Line<'a> {
    pub stream: &'a mut TcpStream,
    pub timer: Pin<&'a mut Sleep>,
    pub seat: &'a Seat,
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Never 0.
    Bytes(usize),
    /// The client has closed its side.
    End,
    TimedOut,
    /// The server shuts down and nothing was there to be read.
    Stopping,
    /// The connection is broken.
    Lost,
}

/// Why an answer was not written to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    TimedOut(Timeout),
    Lost,
}

/// The deadlines of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For each step.
    pub stall: Duration,
    /// For all of it.
    pub until: Instant,
}

impl Line<'_> {
    /// Reads what is there, or waits for it.
    pub async fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> Read {
        let mut armed = false;
        poll_fn(|context| {
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut *self.stream).poll_read(context, &mut filled) {
                Poll::Ready(Ok(())) if filled.filled().is_empty() => Poll::Ready(Read::End),
                Poll::Ready(Ok(())) => Poll::Ready(Read::Bytes(filled.filled().len())),
                Poll::Ready(Err(_)) => Poll::Ready(Read::Lost),
                Poll::Pending if self.seat.stopping(context) => Poll::Ready(Read::Stopping),
                Poll::Pending => self.timer(context, &mut armed, deadline).map(|()| Read::TimedOut),
            }
        })
        .await
    }

    /// Writes all of it.
    pub async fn write_all(&mut self, mut bytes: &[u8], patience: Patience) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let written = self.write(bytes, patience).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8], patience: Patience) -> Result<usize, Cut> {
        let mut armed = false;
        let mut deadline = patience.until;
        poll_fn(|context| match Pin::new(&mut *self.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Err(Cut::Lost)),
            Poll::Ready(Ok(written)) => Poll::Ready(Ok(written)),
            Poll::Pending => {
                if !armed {
                    deadline = patience.until.min(Instant::now() + patience.stall);
                }
                let kind = if deadline == patience.until { Timeout::Response } else { Timeout::Stall };
                self.timer(context, &mut armed, deadline).map(|()| Err(Cut::TimedOut(kind)))
            }
        })
        .await
    }

    /// Sets the timer at the first call, and polls it.
    fn timer(&mut self, context: &mut Context<'_>, armed: &mut bool, deadline: Instant) -> Poll<()> {
        if !*armed {
            self.timer.as_mut().reset(deadline);
            *armed = true;
        }
        self.timer.as_mut().poll(context)
    }

    /// Ends our side, then reads and drops what the client still sends, so that it gets to read the last answer:
    /// closing a socket with unread bytes resets it.
    pub async fn linger(&mut self, scratch: &mut [u8], time: Duration) {
        let deadline = Instant::now() + time;
        let ended = poll_fn(|context| Pin::new(&mut *self.stream).poll_shutdown(context)).await;
        if ended.is_err() {
            return;
        }
        // A client that sends without end is fast: the bound in bytes ends it before the bound in time.
        let mut left: usize = 1024 * 1024;
        while let Read::Bytes(count) = self.read(scratch, deadline).await {
            left = left.saturating_sub(count);
            if left == 0 || Instant::now() >= deadline {
                return;
            }
        }
    }

    /// Makes the close a reset. An answer that ends where the connection ends would look complete otherwise, and the
    /// kernel would go on offering the rest to a client that does not read.
    pub fn reset_on_close(&self) {
        // An error leaves an ordinary close, which is all that can be done.
        if rustix::net::sockopt::set_socket_linger(&*self.stream, Some(Duration::ZERO)).is_err() {}
    }
}
