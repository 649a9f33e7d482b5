//! The contract of a collector: what it reads, what it offers, one pass.

use crate::base::clock::Moment;
use crate::counted_errors;
use crate::family::Table;
use crate::flags::{Flag, Flags};
use crate::io::groups::SharedGroups;
use crate::io::links::SharedLinks;
use crate::io::tally::SharedTally;
use crate::io::{FileSpec, Files, Io, ReadError, Roots};
use crate::kube::pods::SharedPods;
use crate::limits::Limits;
use crate::store::Out;

/// A collector as data. Its `tables` and `files` are planned, opened and read for it.
pub struct Collector {
    /// The label value in `node_scrape_collector_success{collector=…}` and the name of its flag.
    pub name: &'static str,
    /// On without its flag.
    pub default: bool,
    /// Kernel files with a fixed name, read before every pass: `pass.files.get(0)` is the first.
    pub files: &'static [FileSpec],
    /// Where the numbers go: `pass.out.table(0)` is the first.
    pub tables: &'static [Table],
    /// Flags of its own.
    pub flags: &'static [Flag],
    /// Makes the state, before the seal: the only place where a collector may allocate.
    pub make: fn(&Setup<'_>) -> Box<dyn Collect>,
}

/// What a collector may look at when it is made.
pub struct Setup<'a> {
    pub flags: &'a Flags,
    pub limits: &'a Limits,
    pub roots: &'a Roots,
    /// Bytes of a page of memory.
    pub page_bytes: u64,
    /// The network links of a pass, dumped once for all collectors that read them.
    pub links: &'a SharedLinks,
    /// Names, sorted, that the tables of all parts serve. No source may bring one again: a page with two families of a
    /// name is no valid page.
    pub taken: &'a [&'static str],
    /// The control groups, listed once per pass for all collectors that read them.
    pub groups: &'a SharedGroups,
    /// What collectors count for the agent's own report.
    pub tally: &'a SharedTally,
    /// The pods of the Kubernetes API, where it is watched.
    pub pods: &'a SharedPods,
}

/// What a collector may use during a pass.
pub struct Pass<'a> {
    /// The contents of its `files`.
    pub files: Files<'a>,
    /// Directories, attributes and kernel interfaces that are found while running.
    pub io: &'a mut dyn Io,
    pub out: Out<'a>,
    /// When this pass began.
    pub now: Moment,
}

/// The state of a collector between passes. Neither method may allocate.
pub trait Collect {
    /// Asks for what takes its time, so that it runs while other collectors work.
    fn request(&mut self, _pass: &mut Pass<'_>) -> Result<(), Trouble> {
        Ok(())
    }

    /// Control groups have come, gone or changed between two passes: asks for what takes its time.
    fn wake(&mut self, _now: Moment) {}

    /// Is [`Self::collect`] to come last, when what was asked for has had its time and the others have their names?
    fn late(&self) -> bool {
        false
    }

    /// Absorbs files into the tables. `Err` makes `node_scrape_collector_success` 0; what was set before it is served.
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble>;
}

/// A collector without state.
impl Collect for fn(&mut Pass<'_>) -> Result<(), Trouble> {
    fn collect(&mut self, pass: &mut Pass<'_>) -> Result<(), Trouble> {
        self(pass)
    }
}

/// The state of a collector that has none.
#[macro_export]
macro_rules! stateless {
    ($collect:path) => {
        |_| {
            let collect: fn(&mut $crate::collect::Pass<'_>) -> Result<(), $crate::collect::Trouble> =
                $collect;
            Box::new(collect)
        }
    };
}

counted_errors! {
    /// Why a collector has no result, or not all of it.
    pub enum Trouble {
        /// The kernel or the machine does not have it; not worth a log line.
        NoData = "no_data",
        /// A file is there and cannot be read for lack of permission.
        Denied = "denied",
        /// A file is larger than its planned buffer.
        TooLong = "too_long",
        /// The words of a file are not understood.
        Malformed = "malformed",
        /// A system call failed in a way that has no name here.
        Failed = "failed",
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing | ReadError::Gone | ReadError::Unsupported => Trouble::NoData,
            ReadError::Denied => Trouble::Denied,
            ReadError::TooLong => Trouble::TooLong,
            ReadError::Failed => Trouble::Failed,
        }
    }
}
