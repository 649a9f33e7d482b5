//! Pods by what the control groups of their containers are called, for whoever shows containers.

use super::cache::Cache;
use crate::base::text::Text;
use crate::records::Row;
use std::cell::OnceCell;
use std::rc::Rc;

/// What the API calls a pod and one of its containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodName<'a> {
    pub pod: &'a [u8],
    pub namespace: &'a [u8],
    /// Empty when no container was asked for, or the pod's status does not have it.
    pub container: &'a [u8],
    pub image: &'a [u8],
}

/// How a pod's record is read.
#[derive(Clone, Copy)]
pub struct PodReader {
    /// Is this what the kubelet calls the pod in control groups? The uid, or for pods of its own manifests their hash.
    pub is_called: fn(Row<'_>, &[u8]) -> bool,
    /// The pod, and its container with this number.
    pub name: for<'a> fn(Row<'a>, &[u8]) -> PodName<'a>,
}

/// The pods that are known; none before objects are watched.
#[derive(Default)]
pub struct PodDirectory {
    known: OnceCell<(Rc<Cache>, usize, PodReader)>,
}

/// Shared by who fills it and who asks; both are on one thread.
pub type SharedPods = Rc<PodDirectory>;

impl PodDirectory {
    /// Says where pods are; `kind` is their place among the watched kinds.
    pub fn open(&self, cache: &Rc<Cache>, kind: usize, reader: PodReader) {
        // It is opened once, when the agent is put together.
        if self.known.set((Rc::clone(cache), kind, reader)).is_err() {}
    }

    /// Are there pods to be asked for?
    pub fn is_open(&self) -> bool {
        self.known.get().is_some()
    }

    /// Looks a pod up by the name of its control group, and one of its containers by its number. `true`: it is known.
    pub fn look(&self, uid: &[u8], container: &[u8], take: &mut dyn FnMut(&PodName<'_>)) -> bool {
        let Some((cache, kind, reader)) = self.known.get() else { return false };
        let mut spelled = Text::<64>::new();
        for byte in uid {
            // systemd's names have `_` for `-`.
            if spelled.push([if *byte == b'_' { b'-' } else { *byte }]).is_err() {
                return false;
            }
        }
        let uid = spelled.as_bytes();
        let shelf = cache.shelf.borrow();
        let found = shelf.by_uid(*kind, uid);
        let found = found.or_else(|| shelf.iter(*kind).find(|row| (reader.is_called)(*row, uid)));
        if let Some(row) = found {
            take(&(reader.name)(row, container));
        }
        found.is_some()
    }
}
