//! What runtimes keep on disk about a container, as labels. Pure: bytes in, facts out.

use super::image;
use super::json::{Fields, Malformed, Want};
use crate::base::text::Text;
use crate::kube::pods::PodName;
use crate::text::{lines, trim, unsigned};

/// What a container is to its network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It holds the network of a pod.
    Sandbox,
    /// It uses the network of another.
    Member,
    /// It has its own, or the machine's.
    #[default]
    Alone,
}

/// What a runtime says of a container. A label that it does not know is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub role: Role,
    pub name: Text<512>,
    pub image: Text<512>,
    /// Kubernetes' names; they are at most 63, 253 and 63 bytes long.
    pub container: Text<64>,
    pub pod: Text<256>,
    pub namespace: Text<64>,
    /// The process that the runtime started it with, by its number on the machine.
    pub pid: Option<u32>,
    /// A label was longer than there is room for, or a part of the state was not understood.
    pub lost: bool,
}

impl Facts {
    /// Is it part of a pod of Kubernetes?
    pub const fn in_pod(&self) -> bool {
        !self.pod.is_empty()
    }

    /// What the API says of a pod, or of one of its containers; `None`: it does not know that container.
    pub fn of_api(name: &PodName<'_>, container: &[u8]) -> Option<Self> {
        if !container.is_empty() && name.container.is_empty() {
            return None;
        }
        let mut facts = Facts::default();
        facts.named(container, name.image);
        facts.pod(name.container, name.pod, name.namespace);
        Some(facts)
    }

    fn set<const N: usize>(to: &mut Text<N>, from: &[u8], lost: &mut bool) {
        to.clear();
        *lost |= to.push(from).is_err();
    }

    fn pod(&mut self, container: &[u8], pod: &[u8], namespace: &[u8]) {
        Self::set(&mut self.container, container, &mut self.lost);
        Self::set(&mut self.pod, pod, &mut self.lost);
        Self::set(&mut self.namespace, namespace, &mut self.lost);
    }

    fn named(&mut self, name: &[u8], image: &[u8]) {
        Self::set(&mut self.name, name, &mut self.lost);
        Self::set(&mut self.image, image, &mut self.lost);
    }

    /// As [`Self::named`], with the image spelled in full.
    fn named_in_full(&mut self, name: &[u8], image: &[u8]) {
        Self::set(&mut self.name, name, &mut self.lost);
        let full = image::normalise(image);
        self.lost |= full.is_err();
        self.image = full.unwrap_or_default();
    }
}

const CRI_TYPE: usize = 0;
const CRI_CONTAINER: usize = 1;
const CRI_POD: usize = 2;
const CRI_NAMESPACE: usize = 3;
const CRI_IMAGE: usize = 4;
const CRI_SANDBOX_IMAGE: usize = 5;
const CRIO_TYPE: usize = 6;
const CRIO_CONTAINER_NAME: usize = 7;
const CRIO_NAME: usize = 8;
const CRIO_IMAGE_NAME: usize = 9;
const CRIO_IMAGE: usize = 10;
const KUBE_CONTAINER: usize = 11;
const KUBE_POD: usize = 12;
const KUBE_NAMESPACE: usize = 13;
const NERDCTL_NAME: usize = 14;
const BUNDLE_FIELDS: usize = 15;

/// `config.json` of an OCI bundle: what runtimes note there for themselves and for hooks.
const BUNDLE: Want = Want::Object(&[(
    "annotations",
    Want::Object(&[
        ("io.kubernetes.cri.container-type", Want::Text(CRI_TYPE)),
        ("io.kubernetes.cri.container-name", Want::Text(CRI_CONTAINER)),
        ("io.kubernetes.cri.sandbox-name", Want::Text(CRI_POD)),
        ("io.kubernetes.cri.sandbox-namespace", Want::Text(CRI_NAMESPACE)),
        ("io.kubernetes.cri.image-name", Want::Text(CRI_IMAGE)),
        ("io.kubernetes.cri.podsandbox.image-name", Want::Text(CRI_SANDBOX_IMAGE)),
        ("io.kubernetes.cri-o.ContainerType", Want::Text(CRIO_TYPE)),
        ("io.kubernetes.cri-o.ContainerName", Want::Text(CRIO_CONTAINER_NAME)),
        ("io.kubernetes.cri-o.Name", Want::Text(CRIO_NAME)),
        ("io.kubernetes.cri-o.ImageName", Want::Text(CRIO_IMAGE_NAME)),
        ("io.kubernetes.cri-o.Image", Want::Text(CRIO_IMAGE)),
        ("io.kubernetes.container.name", Want::Text(KUBE_CONTAINER)),
        ("io.kubernetes.pod.name", Want::Text(KUBE_POD)),
        ("io.kubernetes.pod.namespace", Want::Text(KUBE_NAMESPACE)),
        ("nerdctl/name", Want::Text(NERDCTL_NAME)),
    ]),
)]);

/// What `config.json` of an OCI bundle says of container `id`: of containerd's CRI plugin, CRI-O, nerdctl, or whoever
/// notes nothing, as `ctr`.
pub fn bundle(json: &[u8], id: &[u8]) -> Result<Facts, Malformed> {
    let fields: Fields<BUNDLE_FIELDS> = Fields::pick(json, &BUNDLE)?;
    let mut facts = Facts { lost: fields.lost, ..Facts::default() };
    if !fields.get(CRI_TYPE).is_empty() {
        let sandbox = fields.get(CRI_TYPE) == b"sandbox";
        facts.role = if sandbox { Role::Sandbox } else { Role::Member };
        facts.named_in_full(id, fields.get(if sandbox { CRI_SANDBOX_IMAGE } else { CRI_IMAGE }));
        // The kubelet's label of a sandbox is empty with containerd.
        let container = if sandbox { b"" } else { fields.get(CRI_CONTAINER) };
        facts.pod(container, fields.get(CRI_POD), fields.get(CRI_NAMESPACE));
    } else if !fields.get(CRIO_TYPE).is_empty() {
        let sandbox = fields.get(CRIO_TYPE) == b"sandbox";
        facts.role = if sandbox { Role::Sandbox } else { Role::Member };
        let name = fields.first(&[CRIO_CONTAINER_NAME, CRIO_NAME]);
        facts.named(name, fields.first(&[CRIO_IMAGE_NAME, CRIO_IMAGE]));
        let spoken = spoken(name);
        let label =
            |field, part: usize| Some(fields.get(field)).filter(|l| !l.is_empty()).unwrap_or(spoken[part]);
        facts.pod(label(KUBE_CONTAINER, 0), label(KUBE_POD, 1), label(KUBE_NAMESPACE, 2));
    } else {
        let name = fields.first(&[NERDCTL_NAME]);
        facts.named(if name.is_empty() { id } else { name }, b"");
    }
    Ok(facts)
}

/// The number of a process in a file that has nothing else. `None`: there is none, or none yet, which Docker writes as 0.
pub fn pid(text: &[u8]) -> Option<u32> {
    let number = unsigned(trim(lines(text).next()?))?;
    u32::try_from(number).ok().filter(|pid| *pid > 0)
}

/// Container, pod and namespace of a name as the kubelet has them made, `k8s_container_pod_namespace_uid_attempt`; none of
/// them can hold a `_`.
fn spoken(name: &[u8]) -> [&[u8]; 3] {
    let mut parts = name.split(|byte| *byte == b'_');
    if parts.next() != Some(b"k8s") {
        return [b""; 3];
    }
    let mut next = || parts.next().unwrap_or(b"");
    [next(), next(), next()]
}

const DOCKER_NAME: usize = 0;
const DOCKER_IMAGE: usize = 1;
const DOCKER_TYPE: usize = 2;
const DOCKER_CONTAINER: usize = 3;
const DOCKER_POD: usize = 4;
const DOCKER_NAMESPACE: usize = 5;
const DOCKER_PID: usize = 6;
const DOCKER_FIELDS: usize = 7;

/// `config.v2.json` of Docker.
const DOCKER: Want = Want::Object(&[
    ("Name", Want::Text(DOCKER_NAME)),
    ("State", Want::Object(&[("Pid", Want::Digits(DOCKER_PID))])),
    (
        "Config",
        Want::Object(&[
            ("Image", Want::Text(DOCKER_IMAGE)),
            (
                "Labels",
                Want::Object(&[
                    ("io.kubernetes.docker.type", Want::Text(DOCKER_TYPE)),
                    ("io.kubernetes.container.name", Want::Text(DOCKER_CONTAINER)),
                    ("io.kubernetes.pod.name", Want::Text(DOCKER_POD)),
                    ("io.kubernetes.pod.namespace", Want::Text(DOCKER_NAMESPACE)),
                ]),
            ),
        ]),
    ),
]);

/// What Docker's `config.v2.json` says. Images are as whoever started the container spelled them, which is cAdvisor's
/// label too. Containers of cri-dockerd have Kubernetes' names as labels.
pub fn docker(json: &[u8]) -> Result<Facts, Malformed> {
    let fields: Fields<DOCKER_FIELDS> = Fields::pick(json, &DOCKER)?;
    let mut facts = Facts { lost: fields.lost, ..Facts::default() };
    let name = fields.get(DOCKER_NAME);
    facts.named(name.strip_prefix(b"/").unwrap_or(name), fields.get(DOCKER_IMAGE));
    facts.pid = pid(fields.get(DOCKER_PID));
    if !fields.get(DOCKER_POD).is_empty() {
        let sandbox = fields.get(DOCKER_TYPE) == b"podsandbox";
        facts.role = if sandbox { Role::Sandbox } else { Role::Member };
        let container = fields.get(DOCKER_CONTAINER);
        let container = if sandbox && container.is_empty() { b"POD" } else { container };
        facts.pod(container, fields.get(DOCKER_POD), fields.get(DOCKER_NAMESPACE));
    }
    Ok(facts)
}

/// `hostconfig.json` of Docker.
const DOCKER_HOST: Want = Want::Object(&[("NetworkMode", Want::Text(0))]);

/// Does the container use the network of another, by Docker's `hostconfig.json`?
pub fn docker_shares_network(json: &[u8]) -> Result<bool, Malformed> {
    let fields: Fields<1> = Fields::pick(json, &DOCKER_HOST)?;
    Ok(fields.get(0).starts_with(b"container:"))
}

const STORAGE_ID: usize = 0;
const STORAGE_NAME: usize = 1;
const STORAGE_IMAGE: usize = 2;
const STORAGE_FIELDS: usize = 3;

/// An element of `containers.json` of containers/storage.
const STORAGE: Want = Want::Object(&[
    ("id", Want::Text(STORAGE_ID)),
    ("names", Want::First(&Want::Text(STORAGE_NAME))),
    ("metadata", Want::Inside(&Want::Object(&[("image-name", Want::Text(STORAGE_IMAGE))]))),
]);

/// What `containers.json` of containers/storage, which is Podman's, says of container `id`; `None`: it is not in there.
pub fn storage(json: &[u8], id: &[u8]) -> Result<Option<Facts>, Malformed> {
    let found: Option<Fields<STORAGE_FIELDS>> = Fields::find(json, &STORAGE, STORAGE_ID, id)?;
    Ok(found.map(|fields| {
        let mut facts = Facts { lost: fields.lost, ..Facts::default() };
        facts.named(fields.get(STORAGE_NAME), fields.get(STORAGE_IMAGE));
        facts
    }))
}

#[cfg(test)]
mod tests;
