//! Why a list or watch stopped before its time, and what the server said of it.

use super::cache::Failure;
use crate::http::client::{ClientError, Head};
use std::time::Duration;

/// A failure, with what the server said of it.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    pub failure: Failure,
    /// The head of an answer came: it is about this source, not about the server.
    pub answered: bool,
    /// Of the answer, or in an event of it; 200 if neither says that anything is wrong.
    pub status: i64,
    pub retry_after: Option<Duration>,
}

/// Before the head of an answer.
impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Stop { answered: false, ..Stop::within(error) }
    }
}

impl Stop {
    /// Within an answer that began well.
    pub fn answered(failure: Failure) -> Self {
        Stop { failure, answered: true, status: 200, retry_after: None }
    }

    pub fn within(error: ClientError) -> Self {
        Stop::answered(match error {
            ClientError::Connect | ClientError::Tls => Failure::Connect,
            ClientError::HeadTimeout | ClientError::IdleTimeout => Failure::Timeout,
            ClientError::Head | ClientError::Cut => Failure::Cut,
            ClientError::Request | ClientError::Malformed | ClientError::TooLong => Failure::Malformed,
        })
    }

    pub fn of(head: &Head) -> Self {
        Stop { retry_after: head.retry_after, ..Stop::of_code(i64::from(head.status)) }
    }

    pub fn of_code(code: i64) -> Self {
        let failure = match code {
            401 => Failure::Unauthorized,
            403 => Failure::Forbidden,
            404 => Failure::NotFound,
            410 => Failure::Gone,
            429 => Failure::Throttled,
            500..=599 => Failure::Server,
            _ => Failure::Refused,
        };
        Stop { status: code, ..Stop::answered(failure) }
    }

    /// May the same request be answered a little later?
    pub const fn may_pass(&self) -> bool {
        use Failure::{Connect, Cut, Server, Throttled, Timeout};
        matches!(self.failure, Connect | Cut | Server | Throttled | Timeout)
    }
}
