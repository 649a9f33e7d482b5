//! gzip from a fixed set of compressors.
//!
//! Level 1: on 75 KB of node metrics it takes 180 µs and leaves 16.7 KB; level 2 takes 306 µs for 13.9 KB, level 6
//! 730 µs for 12.0 KB. A scrape stays in the cluster, where CPU time is dearer than 3 KB. The window is the largest:
//! a small one saves 100 KB of memory, but takes longer and leaves three times as much of container metrics, whose
//! long label sets repeat at a distance.

use super::PAGE_BYTES;
use super::answer::{BACK_BYTES, FRONT_BYTES};
use flate2::{Compress, Compression, FlushCompress, Status};
use std::cell::Cell;

const LEVEL: u32 = 1;
const WINDOW_BITS: u8 = 15;

/// What a compressor of zlib-rs allocates with this window, measured.
const STATE_BYTES: u64 = 380_032;

/// Shorter bodies are sent as they are: they fit into one packet anyhow.
pub(super) const BODY_BYTES_MIN: usize = 1024;

/// A compressor with the page it writes to.
pub(super) struct Gzip {
    compress: Compress,
    /// Laid out like a connection's page, see [`super::answer`].
    pub page: Box<[u8]>,
    /// Bytes of the body part of the page that are written.
    pub used: usize,
    /// The stream is at its beginning or its end.
    complete: bool,
}

/// What [`Gzip::squeeze`] wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Squeezed {
    /// The input is used up.
    MoreInput,
    /// The page is full; take it and set `used` to 0.
    PageFull,
    /// The stream is complete.
    Done,
}

impl Gzip {
    fn new() -> Self {
        Gzip {
            compress: Compress::new_gzip(Compression::new(LEVEL), WINDOW_BITS),
            page: vec![0; PAGE_BYTES].into_boxed_slice(),
            used: 0,
            complete: true,
        }
    }

    /// Begins a stream. The one before may have been left in its middle, by HEAD or a client that went away; zlib-rs
    /// 0.6 then remembers past its reset that a block is open (level 1 only) and the next stream lacks a block's
    /// header. So the old stream is brought to its end first, which is at most what the window holds.
    fn restart(&mut self) {
        while !self.complete {
            self.used = 0;
            self.squeeze(&mut &[][..], true);
        }
        self.compress.reset();
        self.used = 0;
    }

    /// Compresses from the front of `input`, which it shortens by what it has taken.
    pub fn squeeze(&mut self, input: &mut &[u8], last: bool) -> Squeezed {
        let flush = if last { FlushCompress::Finish } else { FlushCompress::None };
        let room = PAGE_BYTES - BACK_BYTES;
        let (before_in, before_out) = (self.compress.total_in(), self.compress.total_out());
        let status = self.compress.compress(input, &mut self.page[FRONT_BYTES + self.used..room], flush);
        let taken = difference(self.compress.total_in(), before_in);
        self.used += difference(self.compress.total_out(), before_out);
        *input = &input[taken..];
        self.complete = matches!(status, Ok(Status::StreamEnd));
        match status {
            Ok(Status::StreamEnd) => Squeezed::Done,
            Ok(Status::Ok | Status::BufError) if FRONT_BYTES + self.used == room => Squeezed::PageFull,
            Ok(Status::Ok | Status::BufError) => {
                assert!(!last);
                assert!(input.is_empty());
                Squeezed::MoreInput
            }
            // Only a stream that is used after its end gives an error.
            Err(error) => panic!("the compressor was misused: {error}"),
        }
    }
}

/// Both are within a page of each other.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

/// The compressors that nobody uses.
pub(super) struct Pool {
    free: Box<[Cell<Option<Box<Gzip>>>]>,
}

impl Pool {
    pub fn new(count: u32) -> Self {
        Pool { free: (0..count).map(|_| Cell::new(Some(Box::new(Gzip::new())))).collect() }
    }

    pub const fn row_bytes() -> u64 {
        STATE_BYTES + PAGE_BYTES as u64 + (size_of::<Gzip>() + size_of::<Cell<Option<Box<Gzip>>>>()) as u64
    }

    /// A compressor at the beginning of a stream, if one is free.
    pub fn take(&self) -> Option<Lease<'_>> {
        self.free.iter().find_map(|home| {
            let mut gzip = home.take()?;
            gzip.restart();
            Some(Lease { home, gzip: Some(gzip) })
        })
    }
}

/// A compressor in use; goes home when dropped.
pub(super) struct Lease<'a> {
    home: &'a Cell<Option<Box<Gzip>>>,
    // INVARIANT: some until dropped.
    gzip: Option<Box<Gzip>>,
}

impl Lease<'_> {
    #[expect(clippy::expect_used, reason = "it is there until the lease is dropped")]
    pub fn gzip(&mut self) -> &mut Gzip {
        self.gzip.as_mut().expect("a lease has its compressor")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.home.set(self.gzip.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    /// Compresses the pieces and returns what the pages held.
    fn squeeze_all(gzip: &mut Gzip, pieces: &[&[u8]]) -> Vec<u8> {
        let mut packed = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let mut input = *piece;
            loop {
                let step = gzip.squeeze(&mut input, index + 1 == pieces.len());
                if step != Squeezed::MoreInput {
                    packed.extend_from_slice(&gzip.page[FRONT_BYTES..FRONT_BYTES + gzip.used]);
                    gzip.used = 0;
                }
                if step != Squeezed::PageFull {
                    break;
                }
            }
        }
        packed
    }

    fn unpack(packed: &[u8]) -> Vec<u8> {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut unpacked).unwrap();
        unpacked
    }

    /// Noise does not shrink, so pages fill up; text does.
    fn bodies() -> [Vec<u8>; 2] {
        let mut seed = 1_u32;
        let noise = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        });
        [noise.take(200_000).collect(), b"node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 1\n".repeat(3000)]
    }

    #[test]
    fn a_compressor_is_used_again_and_again() {
        let pool = Pool::new(1);
        let [noise, text] = bodies();
        for body in [&noise[..], &text, b"", b"x", &noise, &text] {
            for size in [1000, 30_000, 1_000_000] {
                let mut lease = pool.take().unwrap();
                assert!(pool.take().is_none());
                let mut pieces: Vec<&[u8]> = body.chunks(size).collect();
                pieces.push(b"");
                assert!(unpack(&squeeze_all(lease.gzip(), &pieces)) == body);
            }
        }
    }

    #[test]
    fn a_stream_that_was_left_does_not_harm_the_next() {
        let pool = Pool::new(1);
        let bodies = bodies();
        for left in &bodies {
            for size in [0, 1, 100, 1000, 10_000, 40_000, 70_000, 130_000] {
                // Left while it wants input, and while its page is full.
                for last in [false, true] {
                    let mut lease = pool.take().unwrap();
                    let mut input = &left[..size];
                    lease.gzip().squeeze(&mut input, last);
                    drop(lease);
                    for body in &bodies {
                        let mut lease = pool.take().unwrap();
                        assert!(unpack(&squeeze_all(lease.gzip(), &[body])) == *body, "{size} {last}");
                    }
                }
            }
        }
    }
}
