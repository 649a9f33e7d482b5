//! Kinds of objects and their families: what a file of the rib declares.

use super::field::Field;
use super::row::Row;
use crate::expo::lines::{Identity, Lines};
use crate::family::Profile;

/// A kind of Kubernetes objects.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Its name in paths and flags: `deployments`.
    pub resource: &'static str,
    /// Its name in objects: `Deployment`.
    pub name: &'static str,
    /// Group versions that serve it, the one to be asked first before those of older servers: `batch/v1`, `v1`.
    pub versions: &'static [&'static str],
    pub namespaced: bool,
    /// Is it watched when `--resources` is not given?
    pub default: bool,
    /// What is kept of each object. Begins as [`Meta`](super::field::Meta) does.
    pub fields: &'static [Field],
    /// The labels that every series has.
    pub identity: fn(Row<'_>, &mut Identity<'_>),
    pub families: &'static [Family],
    /// Bytes of rows and of texts that an object may have while it is read.
    pub scratch_bytes: usize,
}

/// How much room an object of most kinds has while it is read.
pub const SCRATCH_BYTES: usize = 64 * 1024;

/// The same for kinds with long lists in lists.
pub const LISTS_SCRATCH_BYTES: usize = 256 * 1024;

/// A metric of a kind.
#[derive(Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub counter: bool,
    /// kube-state-metrics calls it stable, which its help says.
    pub stable: bool,
    pub profile: Profile,
    /// It is served only when `--metric-opt-in-list` names it.
    pub opt_in: bool,
    /// Writes the samples of one object.
    pub emit: fn(Row<'_>, &mut Lines<'_, '_>),
}

/// A gauge of profile `full`.
pub const fn gauge(name: &'static str, help: &'static str, emit: fn(Row<'_>, &mut Lines<'_, '_>)) -> Family {
    assert!(!help.is_empty(), "a family without a help text");
    Family { name, help, counter: false, stable: false, profile: Profile::Full, opt_in: false, emit }
}

/// A counter of profile `full`.
pub const fn counter(
    name: &'static str,
    help: &'static str,
    emit: fn(Row<'_>, &mut Lines<'_, '_>),
) -> Family {
    Family { counter: true, ..gauge(name, help, emit) }
}

impl Family {
    pub const fn stable(self) -> Self {
        Family { stable: true, ..self }
    }

    /// Served in every profile.
    pub const fn essential(self) -> Self {
        Family { profile: Profile::Essential, ..self }
    }

    pub const fn opt_in(self) -> Self {
        Family { opt_in: true, ..self }
    }
}

/// Families of several lists.
pub const fn count(lists: &[&[Family]]) -> usize {
    let (mut list, mut count) = (0, 0);
    while list < lists.len() {
        count += lists[list].len();
        list += 1;
    }
    count
}

/// Several lists of families as one, for a kind whose families are declared in several files.
pub const fn join<const N: usize>(lists: &[&[Family]]) -> [Family; N] {
    let mut all = [gauge("", "none", |_, _| {}); N];
    let (mut list, mut next) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[next] = lists[list][index];
            next += 1;
            index += 1;
        }
        list += 1;
    }
    assert!(next == N, "as many families as there are in the lists");
    all
}
