//! What the path of a control group says: the grammar of kubelets, container runtimes and systemd. Pure.

/// Who made a container, where its path tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    Containerd,
    CriO,
    Docker,
    Podman,
    Nerdctl,
    Lxc,
    Nspawn,
}

impl Runtime {
    /// Is there a file on disk that tells the names of its containers?
    pub const fn keeps_state(self) -> bool {
        !matches!(self, Runtime::Lxc | Runtime::Nspawn)
    }
}

/// The class of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Root,
    /// The parent of all pods.
    Kubepods,
    /// The parent of the pods of a class.
    Qos,
    Pod,
    /// A container, or the sandbox of a pod: only the runtime knows which.
    Container,
    /// The place of a sandbox that CRI-O does without: nothing runs in it.
    Placeholder,
    /// Below a container: crun's `container`, systemd in a pod.
    Inner,
    /// CRI-O's and Podman's process beside a container.
    Conmon,
    /// `/<namespace>/<id>`, which is what `ctr` makes of any name: its state on disk tells whether it is a container.
    Task,
    Other,
}

/// A path, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub kind: Kind,
    pub qos: Option<Qos>,
    /// As the path spells it: systemd's names have `_` for `-`.
    pub pod: Option<&'a [u8]>,
    /// The container that the group is, or is below.
    pub container: Option<&'a [u8]>,
    pub runtime: Option<Runtime>,
    /// The name above a container that is named by its number alone: containerd's namespace, perhaps.
    pub namespace: Option<&'a [u8]>,
    /// Below the root of a kubelet that runs on this machine.
    pub kubelet: bool,
    /// Below the root of a kubelet that runs in a container.
    pub nested: bool,
}

/// Names that begin a container's, and what follows is its number.
const PREFIXES: &[(&[u8], Kind, Runtime)] = &[
    (b"cri-containerd-", Kind::Container, Runtime::Containerd),
    (b"crio-conmon-", Kind::Conmon, Runtime::CriO),
    (b"crio-", Kind::Container, Runtime::CriO),
    (b"docker-", Kind::Container, Runtime::Docker),
    (b"libpod-conmon-", Kind::Conmon, Runtime::Podman),
    (b"libpod-payload-", Kind::Container, Runtime::Podman),
    (b"libpod-", Kind::Container, Runtime::Podman),
    (b"nerdctl-", Kind::Container, Runtime::Nerdctl),
];

/// The same for `slice:prefix:number`, which containerd makes a directory of when it should have asked systemd.
const COLONS: &[(&[u8], Runtime)] = &[
    (b"cri-containerd", Runtime::Containerd),
    (b"crio", Runtime::CriO),
    (b"docker", Runtime::Docker),
    (b"libpod", Runtime::Podman),
    (b"nerdctl", Runtime::Nerdctl),
];

/// Longest identity of a pod: a UUID has 36 letters; manifests may say anything.
const POD_BYTES_MAX: usize = 64;

impl<'a> Place<'a> {
    const ROOT: Place<'static> = Place {
        kind: Kind::Root,
        qos: None,
        pod: None,
        container: None,
        runtime: None,
        namespace: None,
        kubelet: false,
        nested: false,
    };

    /// Understands a path such as `/kubepods/burstable/pod…/…`. What comes last counts: a node that is a container has
    /// the path of its pods behind its own.
    pub fn parse(path: &'a [u8]) -> Place<'a> {
        let mut place = Self::ROOT;
        let mut before: &[u8] = b"";
        let mut depth = 0;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            place = place.below(before, name);
            before = name;
            depth += 1;
        }
        if depth == 2 && place.kind == Kind::Other && !place.kubelet {
            place.guess_task(path);
        }
        place
    }

    /// The place of a child of this one.
    fn below(self, before: &'a [u8], name: &'a [u8]) -> Place<'a> {
        self.kubernetes(name).or_else(|| self.container(before, name)).unwrap_or(Place {
            kind: if self.container.is_some() { Kind::Inner } else { Kind::Other },
            ..self
        })
    }

    /// The kubelet's part of the tree, with either driver.
    fn kubernetes(self, name: &'a [u8]) -> Option<Place<'a>> {
        if name == b"kubepods" {
            return Some(self.outermost(Kind::Kubepods));
        }
        if let Some((slice, rest)) = cut(name, b".slice").filter(|(_, rest)| rest.is_empty()) {
            debug_assert!(rest.is_empty());
            return self.slice(slice);
        }
        if let Some((slice, rest)) = cut(name, b".slice:") {
            let pod = self.slice(slice).filter(|place| place.kind == Kind::Pod)?;
            let (prefix, id) = cut(rest, b":").filter(|(_, id)| is_number(id))?;
            let runtime = COLONS.iter().find(|(known, _)| *known == prefix)?.1;
            return Some(Place { kind: Kind::Container, container: Some(id), runtime: Some(runtime), ..pod });
        }
        let qos = match name {
            b"burstable" => Some(Qos::Burstable),
            b"besteffort" => Some(Qos::BestEffort),
            _ => None,
        };
        if self.kind == Kind::Kubepods && qos.is_some() {
            return Some(Place { kind: Kind::Qos, qos, ..self });
        }
        let pod = name.strip_prefix(b"pod").filter(|pod| is_pod(pod))?;
        if !matches!(self.kind, Kind::Kubepods | Kind::Qos) {
            return None;
        }
        let qos = self.qos.or(Some(Qos::Guaranteed));
        Some(Place { kind: Kind::Pod, qos, pod: Some(pod), ..self })
    }

    /// A slice of systemd, without its ending: `[P-]kubepods[-class][-pod…]`.
    fn slice(self, slice: &'a [u8]) -> Option<Place<'a>> {
        const WORD: &[u8] = b"kubepods";
        let at = memchr::memmem::rfind_iter(slice, WORD).find(|at| {
            let after = slice.get(at + WORD.len());
            (*at == 0 || slice[at - 1] == b'-') && after.is_none_or(|byte| *byte == b'-')
        })?;
        let rest = &slice[at + WORD.len()..];
        let class =
            |word: &[u8]| rest.strip_prefix(word).filter(|rest| rest.first().is_none_or(|b| *b == b'-'));
        let (qos, rest) = match (class(b"-burstable"), class(b"-besteffort")) {
            (Some(rest), _) => (Some(Qos::Burstable), rest),
            (_, Some(rest)) => (Some(Qos::BestEffort), rest),
            _ => (None, rest),
        };
        if let Some(pod) = rest.strip_prefix(b"-pod").filter(|pod| is_pod(pod)) {
            let place = self.outermost(Kind::Pod);
            return Some(Place { qos: qos.or(Some(Qos::Guaranteed)), pod: Some(pod), ..place });
        }
        let kind = if qos.is_some() { Kind::Qos } else { Kind::Kubepods };
        rest.is_empty().then(|| Place { qos, ..self.outermost(kind) })
    }

    /// A container by its name.
    fn container(self, before: &'a [u8], name: &'a [u8]) -> Option<Place<'a>> {
        let unit = name.strip_suffix(b".scope");
        let bare = unit.unwrap_or(name);
        let prefixed = PREFIXES.iter().find_map(|(prefix, kind, runtime)| {
            let id = bare.strip_prefix(*prefix).filter(|id| is_number(id))?;
            Some((*kind, *runtime, id))
        });
        if let Some((kind, runtime, id)) = prefixed {
            // Without systemd's unit below systemd's slice: CRI-O has made the directory itself.
            let idle = kind == Kind::Container && runtime == Runtime::CriO && unit.is_none();
            let kind = if idle && self.kind == Kind::Pod && before.ends_with(b".slice") {
                Kind::Placeholder
            } else {
                kind
            };
            let container = (kind != Kind::Conmon).then_some(id);
            return Some(Place { kind, container, runtime: Some(runtime), namespace: None, ..self });
        }
        if is_number(name) {
            let runtime = (before == b"docker").then_some(Runtime::Docker);
            let namespace = Some(before).filter(|_| runtime.is_none() && self.pod.is_none());
            return Some(Place { kind: Kind::Container, container: Some(name), runtime, namespace, ..self });
        }
        let lxc = name.strip_prefix(b"lxc.payload.").map(|id| (id, Runtime::Lxc));
        let nspawn = || name.strip_prefix(b"systemd-nspawn@")?.strip_suffix(b".service");
        let (id, runtime) = lxc.or_else(|| nspawn().map(|id| (id, Runtime::Nspawn)))?;
        if id.is_empty() {
            return None;
        }
        Some(Place {
            kind: Kind::Container,
            container: Some(id),
            runtime: Some(runtime),
            namespace: None,
            ..self
        })
    }

    /// Where a kubelet's own tree begins, perhaps inside a container.
    fn outermost(self, kind: Kind) -> Place<'a> {
        let nested = self.nested || self.container.is_some();
        Place { kind, nested, kubelet: self.kubelet || !nested, ..Self::ROOT }
    }

    fn guess_task(&mut self, path: &'a [u8]) {
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let (Some(namespace), Some(id)) = (names.next(), names.next()) else { return };
        let is_unit = |name: &[u8]| {
            [&b".slice"[..], b".scope", b".service"].iter().any(|ending| name.ends_with(ending))
        };
        if !is_unit(namespace) && !is_unit(id) {
            (self.kind, self.namespace, self.container) = (Kind::Task, Some(namespace), Some(id));
        }
    }
}

/// Cuts a name at the first `mark`.
fn cut<'a>(name: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(name, mark)?;
    Some((&name[..at], &name[at + mark.len()..]))
}

/// A container's number: 64 hexadecimal digits.
pub fn is_number(text: &[u8]) -> bool {
    text.len() == 64 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A UUID with `-` or `_`, the hash of a static pod, or what a manifest says instead.
fn is_pod(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=POD_BYTES_MAX).contains(&text.len()) && text.iter().all(letter)
}

#[cfg(test)]
mod tests;
