//! Which files of which runtime tell about a container.

use super::json::Malformed;
use super::path::Runtime;
use super::state::{self, Facts, Role};
use crate::base::text::Text;
use crate::counted_errors;
use crate::flags::{Flag, FlagKind, Flags};
use crate::io::ReadError;
use crate::io::foreign::Foreign;

/// Longest state of a container. That of Kubernetes is a few KiB and grows with the environment.
pub const STATE_BYTES_MAX: usize = 1024 * 1024;

/// Namespaces of containerd that are looked through.
const NAMESPACES_MAX: usize = 64;

/// The namespace of containerd that the kubelet uses.
const KUBERNETES: &[u8] = b"k8s.io";

/// Where containerd keeps tasks, its runtimes of today and of version 1.
const TASKS: [&[u8]; 2] = [b"/io.containerd.runtime.v2.task/", b"/io.containerd.runtime.v1.linux/"];

const CONTAINERD: &str = "containerd.state";
const CRIO: &str = "crio.state";
const DOCKER: &str = "docker.root";
const PODMAN: &str = "podman.state";

/// A comma list of directories.
const fn folders(name: &'static str, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: FlagKind::List(&[]), default, help }
}

pub const FLAGS: [Flag; 4] = [
    folders(
        CONTAINERD,
        "/run/containerd,/run/k3s/containerd,/run/k0s/containerd,/var/snap/microk8s/common/run/containerd",
        "State directories of containerd, where labels of its containers are looked for; below -path.rootfs, or where \
         they are mounted. Empty: nowhere.",
    ),
    folders(
        CRIO,
        "/run/containers/storage,/var/lib/containers/storage",
        "Storage directories of CRI-O, for the labels of its containers.",
    ),
    folders(
        DOCKER,
        "/var/lib/docker,/var/snap/docker/common/var-lib-docker",
        "Data directories of Docker, for the labels of its containers.",
    ),
    folders(
        PODMAN,
        "/var/lib/containers/storage,/run/containers/storage",
        "Storage directories of Podman, persistent and volatile, for the labels of its containers.",
    ),
];

counted_errors! {
    /// Why nothing is known about a container.
    pub enum Miss {
        /// No runtime has a file about it, or not yet.
        NotFound = "not_found",
        Malformed = "malformed",
        TooLong = "too_long",
        Denied = "denied",
        /// Anything else.
        Failed = "failed",
    }
}

impl From<ReadError> for Miss {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing | ReadError::Gone => Miss::NotFound,
            ReadError::Denied => Miss::Denied,
            ReadError::TooLong => Miss::TooLong,
            ReadError::Unsupported | ReadError::Failed => Miss::Failed,
        }
    }
}

impl From<Malformed> for Miss {
    fn from(_: Malformed) -> Self {
        Miss::Malformed
    }
}

/// What is asked about a container: what its path tells.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub runtime: Option<Runtime>,
    pub in_pod: bool,
    pub id: Text<128>,
    /// containerd's, or a guess.
    pub namespace: Text<64>,
}

/// Directories of the runtimes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    containerd: Vec<String>,
    crio: Vec<String>,
    docker: Vec<String>,
    podman: Vec<String>,
}

impl Places {
    pub fn new(flags: &Flags) -> Self {
        let list = |name| flags.list(name).map(|path| path.trim_end_matches('/').to_owned()).collect();
        Places { containerd: list(CONTAINERD), crio: list(CRIO), docker: list(DOCKER), podman: list(PODMAN) }
    }

    /// Looks a container up.
    pub fn look_up(&self, question: &Question, files: &mut Foreign) -> Result<Facts, Miss> {
        let id = question.id.as_bytes();
        let mut search = Search { id, files, miss: Miss::NotFound };
        let found = match question.runtime {
            Some(Runtime::Containerd) => search.containerd(&self.containerd, KUBERNETES),
            Some(Runtime::CriO) => search.crio(&self.crio),
            Some(Runtime::Docker) => search.docker(&self.docker),
            Some(Runtime::Podman) => search.podman(&self.podman),
            Some(Runtime::Nerdctl) => search.any_namespace(&self.containerd),
            Some(Runtime::Lxc | Runtime::Nspawn) => None,
            None if question.in_pod => {
                let found = search.containerd(&self.containerd, KUBERNETES);
                found.or_else(|| search.docker(&self.docker))
            }
            None => {
                let found = search.containerd(&self.containerd, question.namespace.as_bytes());
                found.or_else(|| search.docker(&self.docker))
            }
        };
        found.ok_or(search.miss)
    }
}

/// A search for one container.
struct Search<'a> {
    id: &'a [u8],
    files: &'a mut Foreign,
    /// The worst that happened on the way: that a file is not there says little.
    miss: Miss,
}

impl Search<'_> {
    /// What `parse` makes of a file; `None`: nothing, noted.
    fn file<T>(
        &mut self,
        pieces: &[&[u8]],
        parse: impl FnOnce(&[u8], &[u8]) -> Result<T, Malformed>,
    ) -> Option<T> {
        let id = self.id;
        let found = self.files.read(pieces).map_err(Miss::from);
        match found.and_then(|bytes| parse(bytes, id).map_err(Miss::from)) {
            Ok(found) => Some(found),
            Err(Miss::NotFound) => None,
            Err(miss) => {
                self.miss = miss;
                None
            }
        }
    }

    fn containerd(&mut self, states: &[String], namespace: &[u8]) -> Option<Facts> {
        if namespace.is_empty() {
            return None;
        }
        states.iter().find_map(|state| {
            TASKS.iter().find_map(|tasks| {
                let folder: [&[u8]; 5] = [state.as_bytes(), tasks, namespace, b"/", self.id];
                let file = |name| [folder[0], folder[1], folder[2], folder[3], folder[4], name];
                let mut facts = self.file(&file(b"/config.json"), state::bundle)?;
                facts.pid = self.pid(&file(b"/init.pid"));
                Some(facts)
            })
        })
    }

    /// The path of nerdctl's containers does not tell their namespace.
    fn any_namespace(&mut self, states: &[String]) -> Option<Facts> {
        states.iter().find_map(|state| {
            let namespaces = self.files.list(&[state.as_bytes(), TASKS[0]], NAMESPACES_MAX).ok()?;
            namespaces.iter().find_map(|namespace| self.containerd(std::slice::from_ref(state), namespace))
        })
    }

    fn crio(&mut self, storages: &[String]) -> Option<Facts> {
        storages.iter().find_map(|storage| {
            let folder: [&[u8]; 3] = [storage.as_bytes(), b"/overlay-containers/", self.id];
            let file = |name| [folder[0], folder[1], folder[2], name];
            let mut facts = self.file(&file(b"/userdata/config.json"), state::bundle)?;
            facts.pid = self.pid(&file(b"/userdata/pidfile"));
            Some(facts)
        })
    }

    /// The process in a file of a runtime. That it is not there yet, or may not be read, costs no labels.
    fn pid(&mut self, pieces: &[&[u8]]) -> Option<u32> {
        self.files.read(pieces).ok().and_then(state::pid)
    }

    fn docker(&mut self, roots: &[String]) -> Option<Facts> {
        roots.iter().find_map(|root| {
            let folder: [&[u8]; 3] = [root.as_bytes(), b"/containers/", self.id];
            let path = [folder[0], folder[1], folder[2], b"/config.v2.json"];
            let mut facts = self.file(&path, |json, _| state::docker(json))?;
            if !facts.in_pod() {
                let path = [folder[0], folder[1], folder[2], b"/hostconfig.json"];
                let shares = self.file(&path, |json, _| state::docker_shares_network(json));
                facts.role = if shares == Some(true) { Role::Member } else { Role::Alone };
            }
            Some(facts)
        })
    }

    fn podman(&mut self, storages: &[String]) -> Option<Facts> {
        let lists: [&[u8]; 2] =
            [b"/overlay-containers/containers.json", b"/overlay-containers/volatile-containers.json"];
        let mut facts = storages.iter().find_map(|storage| {
            lists.iter().find_map(|list| self.file(&[storage.as_bytes(), list], state::storage).flatten())
        })?;
        // Its bundle, which is volatile, tells the containers of a pod from those that are alone.
        if let Some(bundle) = self.crio(storages) {
            (facts.role, facts.pid) = (bundle.role, bundle.pid);
        }
        Some(facts)
    }
}

#[cfg(test)]
mod tests;
