use super::*;

const ID: &[u8] = b"f52987fbdcc7b29175fb52e01c7917e9d6d2e14550e3a2a7abf739da5a067e31";

/// `role name image container pod namespace`, and `!` when something was lost.
fn describe(facts: &Facts) -> String {
    let texts = [facts.name.as_str(), facts.image.as_str(), facts.container.as_str(), facts.pod.as_str()];
    let lost = if facts.lost { "!" } else { "" };
    let texts = texts.map(|text| text.replace(std::str::from_utf8(ID).unwrap(), "ID"));
    format!("{:?} [{}] [{}]{lost}", facts.role, texts.join("] ["), facts.namespace.as_str())
}

fn check(found: Result<Facts, Malformed>, expect: &str) {
    assert_eq!(found.map(|facts| describe(&facts)), Ok(expect.to_owned()));
}

/// `config.json` with these annotations and other things around them.
fn bundle_with(annotations: &str) -> String {
    format!(
        r#"{{"ociVersion":"1.2.0","process":{{"args":["sh"],"env":["A=\"b\""],"annotations":{{"nerdctl/name":"no"}}}},
        "annotations":{{{annotations},"x":"y"}},"linux":{{"cgroupsPath":"/kubepods/x"}}}}"#
    )
}

#[test]
fn containerd_s_plugin_for_kubernetes() {
    let container = bundle_with(
        r#""io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"web",
        "io.kubernetes.cri.sandbox-name":"web-1","io.kubernetes.cri.sandbox-namespace":"shop",
        "io.kubernetes.cri.image-name":"local/busybox:1","io.kubernetes.cri.sandbox-id":"c8157""#,
    );
    check(bundle(container.as_bytes(), ID), "Member [ID] [docker.io/local/busybox:1] [web] [web-1] [shop]");
    let sandbox = bundle_with(
        r#""io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-name":"web-1",
        "io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.container-name":"never",
        "io.kubernetes.cri.podsandbox.image-name":"registry.k8s.io/pause:3.10""#,
    );
    check(bundle(sandbox.as_bytes(), ID), "Sandbox [ID] [registry.k8s.io/pause:3.10] [] [web-1] [shop]");
}

#[test]
fn cri_o() {
    let sandbox = bundle_with(
        r#""io.kubernetes.cri-o.ContainerType":"sandbox","io.kubernetes.container.name":"POD",
        "io.kubernetes.cri-o.ContainerName":"k8s_POD_web-1_shop_u_0","io.kubernetes.cri-o.Name":"k8s_web-1_shop_u_0",
        "io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop",
        "io.kubernetes.cri-o.Image":"registry.example/pause:3.5""#,
    );
    let expect = "Sandbox [k8s_POD_web-1_shop_u_0] [registry.example/pause:3.5] [POD] [web-1] [shop]";
    check(bundle(sandbox.as_bytes(), ID), expect);
    // Labels that are missing are in the name.
    let container = bundle_with(
        r#""io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.Name":"k8s_web_web-1_shop_u_3",
        "io.kubernetes.cri-o.Image":"1a2b","io.kubernetes.cri-o.ImageName":"quay.io/web@sha256:12""#,
    );
    let expect = "Member [k8s_web_web-1_shop_u_3] [quay.io/web@sha256:12] [web] [web-1] [shop]";
    check(bundle(container.as_bytes(), ID), expect);
    let odd = bundle_with(
        r#""io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.Name":"k8s_web""#,
    );
    check(bundle(odd.as_bytes(), ID), "Member [k8s_web] [] [web] [] []");
}

#[test]
fn nerdctl_and_bundles_without_notes() {
    let named = bundle_with(r#""nerdctl/name":"web","nerdctl/namespace":"default""#);
    check(bundle(named.as_bytes(), ID), "Alone [web] [] [] [] []");
    check(bundle(bundle_with(r#""a":"b""#).as_bytes(), b"c1"), "Alone [c1] [] [] [] []");
    check(bundle(b"{}", b"c1"), "Alone [c1] [] [] [] []");
    assert!(bundle(b"", b"c1").is_err());
}

#[test]
fn docker_alone_and_of_cri_dockerd() {
    let plain = br#"{"ID":"x","Name":"/web","Config":{"Image":"busybox:1","Labels":{"a":"b"},"Env":null},"Image":"sha256:1"}"#;
    check(docker(plain), "Alone [web] [busybox:1] [] [] []");
    let labels = r#""io.kubernetes.container.name":"web","io.kubernetes.pod.name":"web-1",
        "io.kubernetes.pod.namespace":"shop","io.kubernetes.docker.type":"container""#;
    let container = format!(
        r#"{{"Name":"/k8s_web_web-1_shop_u_0","Config":{{"Labels":{{{labels}}},"Image":"sha256:12"}}}}"#
    );
    check(docker(container.as_bytes()), "Member [k8s_web_web-1_shop_u_0] [sha256:12] [web] [web-1] [shop]");
    let sandbox = container.replace(r#""container""#, r#""podsandbox""#).replace("k8s_web_", "k8s_POD_");
    let named = sandbox.replace(r#"name":"web","#, r#"name":"POD","#);
    let expect = "Sandbox [k8s_POD_web-1_shop_u_0] [sha256:12] [POD] [web-1] [shop]";
    check(docker(named.as_bytes()), expect);
    check(docker(sandbox.replace(r#""io.kubernetes.container.name":"web","#, "").as_bytes()), expect);
    check(docker(b"{}"), "Alone [] [] [] [] []");
    assert_eq!(docker_shares_network(br#"{"NetworkMode":"container:12"}"#), Ok(true));
    assert_eq!(docker_shares_network(br#"{"NetworkMode":"host"}"#), Ok(false));
    assert_eq!(docker_shares_network(b"{"), Err(Malformed));
}

#[test]
fn podman_s_storage() {
    let id = std::str::from_utf8(ID).unwrap();
    let list = format!(
        r#"[{{"id":"1","names":["no"]}},{{"id":"{id}","names":["web","w"],"image":"3f5",
        "metadata":"{{\"image-name\":\"docker.io/library/busybox:1\",\"name\":\"web\",\"created-at\":17}}"}}]"#
    );
    let found = storage(list.as_bytes(), ID).unwrap().unwrap();
    assert_eq!(describe(&found), "Alone [web] [docker.io/library/busybox:1] [] [] []");
    assert!(storage(list.as_bytes(), b"2").unwrap().is_none());
    assert!(storage(b"{}", ID).is_err());
    let broken = format!(r#"[{{"id":"{id}","names":["web"],"metadata":"{{"}}]"#);
    assert_eq!(describe(&storage(broken.as_bytes(), ID).unwrap().unwrap()), "Alone [web] [] [] [] []!");
}

#[test]
fn a_label_that_does_not_fit_is_empty_and_that_is_said() {
    let long = "n".repeat(65);
    let container = bundle_with(&format!(
        r#""io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"{long}",
        "io.kubernetes.cri.sandbox-name":"web-1","io.kubernetes.cri.sandbox-namespace":"shop""#
    ));
    check(bundle(container.as_bytes(), ID), "Member [ID] [] [] [web-1] [shop]!");
}

#[test]
fn names_are_bytes_of_any_kind() {
    let container = bundle_with(
        r#""io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"a\"b\\c\nd\u00e9",
        "io.kubernetes.cri.sandbox-name":"","io.kubernetes.cri.sandbox-namespace":"\u0000""#,
    );
    check(bundle(container.as_bytes(), ID), "Member [ID] [] [a\"b\\c\ndé] [] [\0]");
}
