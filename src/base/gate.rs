//! The allocation gate: the global allocator counts what the hot path allocates, so that zero is a measured number.
//!
//! Counts are kept per thread: a process-wide count would let one test fail another.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

/// Forwards to the system allocator and counts.
pub struct CountingAllocator;

thread_local! {
    // Const-initialised and without a destructor: reaching them never allocates.
    static HOT_DEPTH: Cell<u32> = const { Cell::new(0) };
    static THREAD_HOT: Cell<u64> = const { Cell::new(0) };
    static THREAD_ALL: Cell<u64> = const { Cell::new(0) };
    static THREAD_BYTES: Cell<u64> = const { Cell::new(0) };
    static REGION: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
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
        if let Some(block) = from_region(layout) {
            return block;
        }
        // SAFETY: the caller upholds `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // A region gives every byte once, as the kernel has zeroed it.
        if let Some(block) = from_region(layout) {
            return block;
        }
        // SAFETY: the caller upholds `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size.saturating_sub(layout.size()));
        if is_in_region(pointer) {
            // SAFETY: the caller upholds `realloc`'s contract: the new size fits the old alignment.
            let grown = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            // SAFETY: `grown` is not empty, by `realloc`'s contract.
            let block = unsafe { System.alloc(grown) };
            if !block.is_null() {
                // SAFETY: both blocks hold as many bytes, and a new block overlaps no other.
                unsafe { std::ptr::copy_nonoverlapping(pointer, block, layout.size().min(size)) };
            }
            return block;
        }
        // SAFETY: the caller upholds `realloc`'s contract.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if is_in_region(pointer) {
            return;
        }
        // SAFETY: the caller upholds `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Blocks from this size on get pages of their own, which the kernel hands out when they are first written.
#[cfg(target_env = "gnu")]
const OWN_PAGES_BYTES: libc::c_int = 64 * 1024;

/// Regions that were mapped: start and end of each. They stay for good.
static REGIONS: [(AtomicUsize, AtomicUsize); REGIONS_MAX] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; REGIONS_MAX];
static REGIONS_USED: AtomicUsize = AtomicUsize::new(0);
/// An agent has two. More than this are those of a test program.
const REGIONS_MAX: usize = 512;

/// While it lives, what this thread allocates comes from one mapping, block after block without a word between them: the
/// planned tables touch no page before a row of it is used. Nothing in it is ever freed. What does not fit, and
/// everything when there are too many regions already, comes from the system allocator.
pub struct Region(());

impl Region {
    pub fn enter(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(0).next_multiple_of(rustix::param::page_size());
        let used = REGIONS_USED.fetch_add(1, Relaxed);
        let Some((start, end)) = REGIONS.get(used).filter(|_| bytes > 0) else { return Region(()) };
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
        );
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that exists.
        let mapped = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if mapped != libc::MAP_FAILED {
            let first = mapped.expose_provenance();
            start.store(first, Relaxed);
            end.store(first + bytes, Relaxed);
            REGION.with(|region| region.set((first, first + bytes)));
        }
        Region(())
    }
}

impl Drop for Region {
    /// Gives the pages behind the last block back.
    fn drop(&mut self) {
        let (next, end) = REGION.with(|region| region.replace((0, 0)));
        let rest = next.next_multiple_of(rustix::param::page_size());
        if next == 0 || rest >= end {
            return;
        }
        for (_, known_end) in REGIONS.iter().filter(|(_, known_end)| known_end.load(Relaxed) == end) {
            known_end.store(rest, Relaxed);
        }
        // SAFETY: the pages are of this region's own mapping, and no block was handed out of them.
        let unmapped = unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(rest), end - rest) };
        debug_assert_eq!(unmapped, 0);
    }
}

/// Runs what makes much and keeps little outside of the region, so that what it frees can be used again.
pub fn outside<T>(make: impl FnOnce() -> T) -> T {
    let within = REGION.with(|region| region.replace((0, 0)));
    let made = make();
    REGION.with(|region| region.set(within));
    made
}

/// A block of this thread's region; `None`: it has none, or too little is left.
fn from_region(layout: Layout) -> Option<*mut u8> {
    REGION.with(|region| {
        let (next, end) = region.get();
        if next == 0 {
            return None;
        }
        let block = next.next_multiple_of(layout.align());
        let after = block.checked_add(layout.size()).filter(|after| *after <= end)?;
        region.set((after, end));
        Some(std::ptr::with_exposed_provenance_mut(block))
    })
}

fn is_in_region(pointer: *mut u8) -> bool {
    let address = pointer.addr();
    let used = REGIONS_USED.load(Relaxed).min(REGIONS_MAX);
    REGIONS[..used].iter().any(|(start, end)| (start.load(Relaxed)..end.load(Relaxed)).contains(&address))
}

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
        // SAFETY: as above. The threads that ask for mounts allocate nothing worth an arena of their own.
        let arenas = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        debug_assert_eq!((threshold, pad, arenas), (1, 1, 1));
    }
}

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    /// Where the program begins in memory; defined by the linker.
    #[link_name = "__executable_start"]
    static PROGRAM: u8;
    /// The end of its code, before which nothing can be written.
    #[link_name = "etext"]
    static CODE_END: u8;
}

/// Gives what the start has freed back to the kernel, and its code: what runs again is mapped again. Called once, when
/// everything is allocated.
pub fn seal() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: malloc_trim takes the allocator's own locks and only returns pages that no block is in.
        let _returned = unsafe { libc::malloc_trim(0) };
        let (start, end) = (&raw const PROGRAM, &raw const CODE_END);
        let bytes = end.addr().saturating_sub(start.addr()) & !4095;
        // SAFETY: the pages are a private map of the program's file, are read and run only, and were never written: they
        // come back from the file with the same content. A hole between segments ends the call with an error at most.
        let _let_go = unsafe { libc::madvise(start.cast_mut().cast(), bytes, libc::MADV_DONTNEED) };
    }
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
    fn a_region_gives_aligned_zeroed_blocks_until_it_is_full() {
        let region = Region::enter(16 * 4096);
        let odd = String::from("odd");
        let numbers = vec![0_u64; 100];
        let large = vec![1_u8; 1 << 20];
        let mut grows = Vec::with_capacity(8);
        grows.extend(0..8_u32);
        let elsewhere = outside(|| vec![1_u8; 8]);
        assert!(!is_in_region(elsewhere.as_ptr().cast_mut()));
        drop(region);
        grows.extend(8..1000);
        assert_eq!((odd.len(), large.len(), numbers.iter().sum::<u64>()), (3, 1 << 20, 0));
        assert_eq!(numbers.as_ptr().addr() % 8, 0);
        assert!(is_in_region(numbers.as_ptr().cast_mut().cast()));
        assert!(!is_in_region(large.as_ptr().cast_mut()));
        assert!(!is_in_region(grows.as_ptr().cast_mut().cast()));
        assert!(grows.iter().enumerate().all(|(index, value)| index == *value as usize));
    }

    #[test]
    fn an_allocation_in_a_hot_section_is_counted_and_one_outside_is_not() {
        let before = thread_hot_allocations();
        let outside = String::from("outside");
        assert_eq!(thread_hot_allocations(), before);
        let hot = Hot::enter();
        let mut inside = vec![1_u8; 100];
        inside.reserve_exact(1000);
        drop(hot);
        assert_eq!(thread_hot_allocations(), before + 2);
        assert_eq!(outside.len() + inside.len(), 107);
    }
}
