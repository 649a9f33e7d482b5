//! The allocation gate: the global allocator counts what the hot path allocates, so that zero is a measured number.
//!
//! Counts are kept per thread: a process-wide count would let one test fail another.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

/// Forwards to the system allocator and counts.
pub struct CountingAllocator;

thread_local! {
    // Const-initialised and without a destructor: reaching them never allocates.
    static HOT_DEPTH: Cell<u32> = const { Cell::new(0) };
    static THREAD_HOT: Cell<u64> = const { Cell::new(0) };
    static THREAD_ALL: Cell<u64> = const { Cell::new(0) };
    static THREAD_BYTES: Cell<u64> = const { Cell::new(0) };
}

static HOT_TOTAL: AtomicU64 = AtomicU64::new(0);

fn note(bytes: usize) {
    THREAD_BYTES.with(|count| count.set(count.get().wrapping_add(bytes as u64)));
    THREAD_ALL.with(|count| count.set(count.get().wrapping_add(1)));
    if HOT_DEPTH.with(Cell::get) > 0 {
        THREAD_HOT.with(|count| count.set(count.get().wrapping_add(1)));
        HOT_TOTAL.fetch_add(1, Relaxed);
    }
}

// SAFETY: every method forwards its arguments unchanged to the system allocator, which upholds the contract; the
// counting around it neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller upholds `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller upholds `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size.saturating_sub(layout.size()));
        // SAFETY: the caller upholds `realloc`'s contract.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Blocks from this size on get pages of their own, which the kernel hands out when they are first written.
#[cfg(target_env = "gnu")]
const OWN_PAGES_BYTES: libc::c_int = 4096 * 1024;

/// Tells glibc to leave large blocks to the kernel, whatever was freed before. By default the first large block that is
/// freed moves the limit above it: later tables would then be cut from used memory and written at once, though most of
/// their rows are never used. Called once, before anything is allocated.
pub fn prepare() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: mallopt only sets a parameter of the allocator; no other thread runs yet.
        let threshold = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_PAGES_BYTES) };
        // SAFETY: as above. Without a reserve at its end the heap grows for every table, and what the kernel has just
        // handed out is known to be zero: it is not written.
        let pad = unsafe { libc::mallopt(libc::M_TOP_PAD, 0) };
        debug_assert_eq!((threshold, pad), (1, 1));
    }
}

/// Gives back what only the start needed: freed memory, and the pages of the program itself, of which those that are
/// needed again come from the page cache. Called once, when everything is allocated.
pub fn seal() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: malloc_trim takes the allocator's own locks and only returns pages that no block is in.
        let _returned = unsafe { libc::malloc_trim(0) };
    }
    let start = (&raw const __executable_start).addr();
    let end = (&raw const etext).addr() & !(rustix::param::page_size() - 1);
    if let Some(length) = end.checked_sub(start) {
        let start = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: from the start of the program to the end of its text everything is mapped read-only from its file,
        // so that a page that is let go is read again unchanged. What relocations have written lies behind the text.
        let _advised = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
    }
}

// SAFETY: the linker defines both: the first byte of the program and the first behind its text. Only their addresses
// are taken.
unsafe extern "C" {
    static __executable_start: u8;
    static etext: u8;
}

/// Marks a hot section on this thread until it is dropped; sections nest.
pub struct Hot(());

impl Hot {
    pub fn enter() -> Self {
        HOT_DEPTH.with(|depth| depth.set(depth.get() + 1));
        Hot(())
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        HOT_DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Runs a future as a hot section: only its own polls count, not what other tasks do while it waits.
pub fn hot<F: Future>(future: F) -> HotFuture<F> {
    HotFuture { future }
}

/// See [`hot`].
pub struct HotFuture<F> {
    future: F,
}

impl<F: Future> Future for HotFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _hot = Hot::enter();
        // SAFETY: structural pinning of the only field: it is never moved out of a pinned `HotFuture`, which has no
        // `Drop` and no `Unpin` of its own.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        future.poll(context)
    }
}

/// Allocations in hot sections of all threads since start: the metric `trimeter_hot_allocations_total`.
pub fn hot_allocations_total() -> u64 {
    HOT_TOTAL.load(Relaxed)
}

/// Allocations in hot sections of this thread.
pub fn thread_hot_allocations() -> u64 {
    THREAD_HOT.with(Cell::get)
}

/// All allocations of this thread, hot or not.
pub fn thread_allocations() -> u64 {
    THREAD_ALL.with(Cell::get)
}

/// Bytes that this thread has asked for since it started, freed or not.
pub fn thread_allocated_bytes() -> u64 {
    THREAD_BYTES.with(Cell::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_in_a_hot_section_is_counted_and_one_outside_is_not() {
        let before = thread_hot_allocations();
        let outside = vec![1_u8; 100];
        assert_eq!(thread_hot_allocations(), before);
        let hot = Hot::enter();
        let mut inside = vec![1_u8; 100];
        inside.reserve_exact(1000);
        drop(hot);
        assert_eq!(thread_hot_allocations(), before + 2);
        assert_eq!(outside.len() + inside.len(), 200);
    }
}
