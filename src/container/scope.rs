//! Which control groups are shown. A kubelet's node: its pods, the root and what is configured. Any other: all of them.

use super::path::{Kind, Place};
use crate::flags::{Flag, FlagKind, Flags};

const GROUPS: &str = "container.cgroups";

pub const FLAG: Flag = Flag {
    name: GROUPS,
    kind: FlagKind::List(&[]),
    default: "/system.slice/kubelet.service,/system.slice/containerd.service,/system.slice/crio.service,\
              /system.slice/docker.service,/system.slice/k3s.service,/system.slice/k3s-agent.service,\
              /system.slice/rke2-server.service,/system.slice/rke2-agent.service,\
              /system.slice/k0scontroller.service,/system.slice/k0sworker.service,\
              /system.slice/snap.microk8s.daemon-kubelite.service,/system.slice/snap.microk8s.daemon-containerd.service,\
              /podruntime,/runtime.slice",
    help: "Control groups to show, with everything below them, beside the root and the pods. Only where a kubelet runs; \
           elsewhere every control group is shown.",
};

/// When a group is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Always,
    /// Where no kubelet runs.
    Alone,
}

impl Scope {
    pub const fn shown(self, kubernetes: bool) -> bool {
        match self {
            Scope::Always => true,
            Scope::Alone => !kubernetes,
        }
    }
}

/// What the operator has configured.
pub struct Scopes {
    /// Without a slash at the end.
    groups: Vec<String>,
}

impl Scopes {
    pub fn new(flags: &Flags) -> Self {
        let groups = flags.list(GROUPS).map(|path| path.trim_end_matches('/').to_owned());
        Scopes { groups: groups.filter(|path| path.starts_with('/')).collect() }
    }

    /// The scope of a group.
    pub fn of(&self, place: &Place<'_>, path: &[u8]) -> Scope {
        let configured = |group: &String| {
            path.strip_prefix(group.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        };
        match place.kind {
            Kind::Root => Scope::Always,
            _ if place.kubelet || self.groups.iter().any(configured) => Scope::Always,
            _ => Scope::Alone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flag: Option<&str>, path: &str, expect: Scope) {
        let mut flags = Flags::defaults(&[&[FLAG]]);
        if let Some(value) = flag {
            flags.set(GROUPS, value);
        }
        let place = Place::parse(path.as_bytes());
        assert_eq!(Scopes::new(&flags).of(&place, path.as_bytes()), expect, "{path}");
    }

    #[test]
    fn a_kubelet_s_groups_and_those_of_the_operator_are_always_shown() {
        check(None, "/", Scope::Always);
        check(None, "/kubepods/burstable", Scope::Always);
        check(None, "/kubepods.slice/kubepods-podab.slice/what/ever", Scope::Always);
        check(None, "/system.slice/kubelet.service", Scope::Always);
        check(None, "/system.slice/kubelet.service/x", Scope::Always);
        check(None, "/system.slice/kubelet.services", Scope::Alone);
        check(None, "/system.slice/k0sworker.service", Scope::Always);
        check(None, "/podruntime/kubelet", Scope::Always);
        check(None, "/docker/1/kubepods", Scope::Always);
        check(None, "/user.slice", Scope::Alone);
        check(Some("/user.slice/,x"), "/user.slice/a", Scope::Always);
        check(Some("/user.slice/,x"), "/system.slice/kubelet.service", Scope::Alone);
        check(Some(""), "/system.slice/kubelet.service", Scope::Alone);
    }

    #[test]
    fn scopes_depend_on_the_kubelet() {
        let shown = [Scope::Always, Scope::Alone].map(|scope| [true, false].map(|k| scope.shown(k)));
        assert_eq!(shown, [[true, true], [false, true]]);
    }
}
