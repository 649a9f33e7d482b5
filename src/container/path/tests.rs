use super::*;
use proptest::prelude::*;

const ID: &str = "f52987fbdcc7b29175fb52e01c7917e9d6d2e14550e3a2a7abf739da5a067e31";

/// The kind, and what the path says, in one line: `Container qos pod container runtime namespace`.
fn describe(path: &str) -> String {
    let place = Place::parse(path.as_bytes());
    let text =
        |bytes: Option<&[u8]>| bytes.map_or("-".to_owned(), |b| String::from_utf8_lossy(b).into_owned());
    let word = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    format!(
        "{:?} {} {} {} {} {}{}",
        place.kind,
        word(place.qos.map(|qos| format!("{qos:?}"))),
        text(place.pod),
        text(place.container).replace(ID, "ID"),
        word(place.runtime.map(|runtime| format!("{runtime:?}"))),
        text(place.namespace),
        if place.nested { " nested" } else { "" }
    )
}

fn check(path: &str, expect: &str) {
    assert_eq!(describe(&path.replace("ID", ID)), expect, "{path}");
}

#[test]
fn the_kubelet_s_tree_with_cgroupfs() {
    check("/", "Root - - - - -");
    check("", "Root - - - - -");
    check("/kubepods", "Kubepods - - - - -");
    check("/kubepods/burstable", "Qos Burstable - - - -");
    check("/kubepods/besteffort", "Qos BestEffort - - - -");
    check("/kubepods/podab-12", "Pod Guaranteed ab-12 - - -");
    check("/kubepods/besteffort/podab", "Pod BestEffort ab - - -");
    check("/kubepods/podab/ID", "Container Guaranteed ab ID - -");
    check("/kubepods/podab/crio-ID", "Container Guaranteed ab ID CriO -");
    check("/kubepods/podab/crio-conmon-ID", "Conmon Guaranteed ab - CriO -");
    check("/kubepods/podab/ID/init.scope", "Inner Guaranteed ab ID - -");
    check("/kubelet/kubepods/burstable/podab/ID", "Container Burstable ab ID - -");
    check("/x/burstable/podab", "Other - - - - -");
    check("/kubepods/pod", "Other - - - - -");
    check("/kubepods/podab/podcd", "Other Guaranteed ab - - -");
}

#[test]
fn the_kubelet_s_tree_with_systemd() {
    check("/kubepods.slice", "Kubepods - - - - -");
    check("/kubepods.slice/kubepods-burstable.slice", "Qos Burstable - - - -");
    check("/kubepods.slice/kubepods-podab_12.slice", "Pod Guaranteed ab_12 - - -");
    check("/x.slice/x-kubepods.slice/x-kubepods-besteffort.slice", "Qos BestEffort - - - -");
    check("/x.slice/x-kubepods.slice/x-kubepods-podab.slice", "Pod Guaranteed ab - - -");
    check("/x.slice/xkubepods.slice", "Other - - - - -");
    check("/kubepodsx.slice", "Other - - - - -");
    check("/kubepods-burstablex.slice", "Other - - - - -");
    check("/kubepods-pod.slice", "Other - - - - -");
    check("/kubepods-podab.slice/cri-containerd-ID.scope", "Container Guaranteed ab ID Containerd -");
    check("/kubepods-podab.slice/crio-ID.scope", "Container Guaranteed ab ID CriO -");
    check("/kubepods-podab.slice/crio-ID", "Placeholder Guaranteed ab ID CriO -");
    check("/kubepods-podab.slice/crio-ID.scope/container", "Inner Guaranteed ab ID CriO -");
    check("/kubepods-podab.slice/docker-ID.scope", "Container Guaranteed ab ID Docker -");
    check("/s.service/kubepods-podab.slice:cri-containerd:ID", "Container Guaranteed ab ID Containerd -");
    check("/s.service/kubepods-podab.slice:what:ID", "Other - - - - -");
    check("/s.service/kubepods.slice:cri-containerd:ID", "Other - - - - -");
    check("/s.service/kubepods-podab.slice:cri-containerd:12", "Other - - - - -");
}

#[test]
fn a_node_that_is_a_container() {
    check("/docker/ID", "Container - - ID Docker -");
    check("/docker/ID/kubelet", "Inner - - ID Docker -");
    check("/docker/ID/kubelet/kubepods", "Kubepods - - - - - nested");
    check("/docker/ID/kubelet/kubepods/podab/ID", "Container Guaranteed ab ID - - nested");
    check(
        "/system.slice/docker-ID.scope/kubepods.slice/kubepods-podab.slice",
        "Pod Guaranteed ab - - - nested",
    );
    check("/docker/ID/docker/ID", "Container - - ID Docker -");
}

#[test]
fn a_kubelet_s_own_tree_is_told_from_that_of_a_container() {
    let check = |path: &str, expect| {
        let path = path.replace("ID", ID);
        let place = Place::parse(path.as_bytes());
        assert_eq!((place.kubelet, place.nested), expect, "{path}");
    };
    check("/", (false, false));
    check("/system.slice/kubelet.service", (false, false));
    check("/kubepods/podab/ID/docker/ID", (true, false));
    check("/docker/ID/kubelet/kubepods/podab", (false, true));
    check("/kubepods/podab/ID/kubelet/kubepods/podab", (true, true));
    check("/kubepods/podab/what", (true, false));
}

#[test]
fn hosts_without_a_kubelet() {
    check("/default/ID", "Container - - ID - default");
    check("/default/c1", "Task - - c1 - default");
    check("/default/c1/init.scope", "Other - - - - -");
    check("/ecs/task/ID", "Container - - ID - task");
    check("/ID", "Container - - ID - ");
    check("/system.slice/nerdctl-ID.scope", "Container - - ID Nerdctl -");
    check("/system.slice/libpod-conmon-ID.scope", "Conmon - - - Podman -");
    check("/system.slice/web.service/libpod-payload-ID", "Container - - ID Podman -");
    check("/machine.slice/libpod-ID.scope/container", "Inner - - ID Podman -");
    check("/lxc.payload.web1/system.slice", "Inner - - web1 Lxc -");
    check("/lxc.payload.", "Other - - - - -");
    check("/machine.slice/systemd-nspawn@web.service", "Container - - web Nspawn -");
    check("/system.slice/web.service", "Other - - - - -");
    check("/user.slice/user-0.slice", "Other - - - - -");
    check("/system.slice/docker-12.scope", "Other - - - - -");
}

proptest! {
    #[test]
    fn whatever_the_bytes_nothing_breaks(path in proptest::collection::vec(any::<u8>(), 0..200)) {
        let place = Place::parse(&path);
        prop_assert!(place.container.is_none_or(|id| !id.contains(&b'/')));
    }

    /// Pieces of the grammar in any order.
    #[test]
    fn whatever_the_order_nothing_breaks(names in proptest::collection::vec(0_usize..12, 0..8)) {
        let known = [
            "kubepods", "kubepods.slice", "burstable", "podab", "kubepods-podab.slice", ID, "docker", ".slice",
            "crio-", "a.slice:b:c", ".scope", "-kubepods-.slice",
        ];
        let path: String = names.iter().flat_map(|at| ["/", known[*at]]).collect();
        let place = Place::parse(path.as_bytes());
        prop_assert!(place.pod.is_none() || place.qos.is_some());
        prop_assert!(place.pod.is_none() || place.kubelet || place.nested);
    }
}
