//! Futures side by side, without the macros that tokio has for it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Waits for one of two futures; `true`: the first.
pub async fn either<A: Future, B: Future>(mut first: Pin<&mut A>, mut second: Pin<&mut B>) -> bool {
    poll_fn(|context| {
        if first.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        second.as_mut().poll(context).map(|_| false)
    })
    .await
}

/// Lets the other tasks have a turn: a peer that is as fast as we are never makes us wait.
pub async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
