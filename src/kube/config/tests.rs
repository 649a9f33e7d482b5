use super::testing::Folder;
use super::*;
use base64::Engine;

fn authority() -> String {
    rcgen::generate_simple_self_signed(["api.example.com".to_owned()]).unwrap().cert.pem()
}

fn pod(host: &str, port: &str, root: &Path) -> Result<Option<Cluster>, String> {
    let env = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some(host.to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some(port.to_owned()),
        _ => None,
    };
    in_cluster(env, root)
}

#[test]
fn a_pod_knows_its_cluster() {
    let folder = Folder::new("pod");
    let token = folder.write("token", "abc");
    folder.write("ca.crt", &(authority() + &authority()));
    folder.write("namespace", "monitoring\n");
    for (given, host) in [
        ("10.96.0.1", "10.96.0.1"),
        ("fd00::1", "fd00::1"),
        ("[fd00::1]", "fd00::1"),
        ("kubernetes.default.svc", "kubernetes.default.svc"),
    ] {
        let cluster = pod(given, "443", folder.path()).unwrap().unwrap();
        assert_eq!((cluster.server.host.as_str(), cluster.server.port), (host, 443));
        assert!(cluster.server.tls.is_some());
        assert_eq!(cluster.server.base_path, "");
        assert_eq!(cluster.credentials, Credentials::TokenFile(token.clone()));
        assert_eq!(cluster.namespace.as_deref(), Some("monitoring"));
    }
    folder.remove("namespace");
    assert_eq!(pod("10.96.0.1", "443", folder.path()).unwrap().unwrap().namespace, None);
}

#[test]
fn elsewhere_there_is_no_cluster() {
    let nowhere = Path::new("/nowhere");
    assert!(in_cluster(|_| None, nowhere).unwrap().is_none());
    assert!(pod("", "443", nowhere).unwrap().is_none());
    assert!(pod("10.0.0.1", "", nowhere).unwrap().is_none());
}

#[test]
fn what_is_wrong_with_a_pod() {
    let folder = Folder::new("bad-pod");
    let check = |host: &str, port: &str, expect: &str| {
        let error = pod(host, port, folder.path()).unwrap_err();
        let error = error.replace(&*folder.path().to_string_lossy(), "ROOT");
        assert_eq!(error, expect);
    };
    check("a b", "443", "KUBERNETES_SERVICE_HOST is \"a b\"; allowed: an IP address or a name");
    check("10.0.0.1", "tcp", "KUBERNETES_SERVICE_PORT is \"tcp\"; allowed: 1 to 65535");
    check("10.0.0.1", "443", "cannot read ROOT/token: No such file or directory (os error 2)");
    folder.write("token", "");
    check("10.0.0.1", "443", "ROOT/token holds no token: one line of visible ASCII is allowed");
    folder.write("token", "abc");
    check("10.0.0.1", "443", "cannot read ROOT/ca.crt: No such file or directory (os error 2)");
    folder.write("ca.crt", "no PEM");
    check("10.0.0.1", "443", "ROOT/ca.crt: no certificate in PEM; allowed: certificates in PEM");
    folder.write("ca.crt", &" ".repeat(FILE_BYTES + 1));
    check("10.0.0.1", "443", "ROOT/ca.crt is too long; allowed: 1048576 bytes");
}

/// A kubeconfig with one context, `here`, whose cluster and user have these settings.
fn config(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n- name: here\n  context: {{cluster: c, user: u, \
         namespace: ours}}\n- {{name: there, context: {{cluster: c}}}}\nclusters:\n- name: c\n  cluster: {cluster}\nusers:\n\
         - name: u\n  user: {user}\n"
    )
}

fn read(folder: &Folder, text: &str) -> Result<Cluster, Vec<String>> {
    from_kubeconfig(&folder.write("config", text), None)
}

fn data(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn kubeconfigs() {
    let folder = Folder::new("kubeconfig");
    folder.write("ca.pem", &authority());
    folder.write("token", "from-file");
    let own = rcgen::generate_simple_self_signed(["me".to_owned()]).unwrap();
    folder.write("own.pem", &own.cert.pem());
    folder.write("own.key", &own.signing_key.serialize_pem());
    let secure = "{server: 'https://10.0.0.1:6443', certificate-authority: ca.pem}";
    let plain = "{server: 'http://localhost:8080/prefix/'}";
    let inline = format!("{{server: 'https://api', certificate-authority-data: {}}}", data(&authority()));
    let insecure =
        "{server: 'https://[::1]', insecure-skip-tls-verify: true, tls-server-name: api.example.com}";
    let pair = "{client-certificate: own.pem, client-key: own.key}";
    let pair_data = format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        data(&own.cert.pem()),
        data(&own.signing_key.serialize_pem())
    );
    let file = Credentials::TokenFile(folder.path().join("token"));
    let basic = Credentials::Basic { user: "me".into(), password: "pw".into() };
    for (cluster, user, host, port, tls, path, credentials) in [
        (secure, "{token: abc}", "10.0.0.1", 6443, true, "", Credentials::Token("abc".into())),
        (secure, "{token: abc, tokenFile: token}", "10.0.0.1", 6443, true, "", file),
        (plain, "{username: me, password: pw}", "localhost", 8080, false, "/prefix", basic),
        (&inline, "", "api", 443, true, "", Credentials::None),
        (&inline, "{}", "api", 443, true, "", Credentials::None),
        (insecure, pair, "::1", 443, true, "", Credentials::None),
        (secure, &pair_data, "10.0.0.1", 6443, true, "", Credentials::None),
    ] {
        let text = config(cluster, user);
        let found = read(&folder, &text).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"));
        assert_eq!((found.server.host.as_str(), found.server.port), (host, port));
        assert_eq!((found.server.tls.is_some(), found.server.base_path.as_str()), (tls, path));
        assert_eq!(found.credentials, credentials);
        assert_eq!(found.namespace.as_deref(), Some("ours"));
    }
    let file = folder.write("config", &config(plain, "{token: abc}"));
    let there = from_kubeconfig(&file, Some("there")).unwrap();
    assert_eq!((there.credentials, there.namespace), (Credentials::None, None));
}

#[test]
fn a_kubeconfig_may_be_json() {
    let folder = Folder::new("json");
    let text = r#"{"kind": "Config", "current-context": "x", "preferences": {},
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://localhost:1"}}],
        "users": [{"name": "u", "user": {"token": "abc"}}]}"#;
    assert_eq!(read(&folder, text).unwrap().credentials, Credentials::Token("abc".into()));
}

/// The mistakes of a kubeconfig, without its path.
fn mistakes(text: &str, context: Option<&str>) -> Vec<String> {
    let folder = Folder::new(&format!("mistakes-{}", text.len()));
    let path = folder.write("config", text);
    let found = from_kubeconfig(&path, context).expect_err(text);
    let front = format!("{}: ", path.display());
    let root = format!("{}/", folder.path().display());
    found.iter().map(|text| text.strip_prefix(&front).expect(text).replace(&root, "")).collect()
}

fn check(cluster: &str, user: &str, expect: &[&str]) {
    assert_eq!(mistakes(&config(cluster, user), None), expect, "{cluster} {user}");
}

const PLAIN: &str = "{server: 'http://localhost'}";

#[test]
fn mistakes_of_the_file() {
    for (text, expect) in [
        ("", "is not a kubeconfig: one mapping with clusters, users and contexts is allowed"),
        ("- a", "is not a kubeconfig: one mapping with clusters, users and contexts is allowed"),
        ("a: 1\n---\nb: 1", "is not a kubeconfig: one mapping with clusters, users and contexts is allowed"),
        ("kind: Config", "current-context is not set; allowed: one of none there are"),
        ("current-context: 1", "current-context is not text; allowed: text, in quotes if need be"),
        ("current-context: x", "current-context is \"x\"; allowed: one of contexts: none there are"),
    ] {
        assert_eq!(mistakes(text, None), [expect]);
    }
    assert_eq!(
        mistakes("a: &a [x, x]\nb: &b [*a, *a]", None),
        ["has an alias; allowed: none, for aliases of aliases have no bound"]
    );
    assert!(mistakes("a: [", None)[0].starts_with("is not YAML: "));
    assert_eq!(
        mistakes(&format!("a:\n{}b", "- ".repeat(200)), None),
        ["has a line indented by more than 200"]
    );
    assert!(mistakes(&"[".repeat(100_000), None)[0].starts_with("is not YAML: "));
    let text = config(PLAIN, "");
    assert_eq!(
        mistakes(&text, Some("nowhere")),
        ["the context is \"nowhere\"; allowed: one of contexts: \"here\", \"there\""]
    );
    let unset = text.replace("current-context: here\n", "");
    assert_eq!(mistakes(&unset, None), ["current-context is not set; allowed: one of \"here\", \"there\""]);
    let renamed = text.replace("- name: c\n", "- name: d\n").replace("- name: u\n", "- name: v\n");
    assert_eq!(
        mistakes(&renamed, None),
        [
            "contexts[here].context.cluster is \"c\"; allowed: one of clusters: \"d\"",
            "contexts[here].context.user is \"u\"; allowed: one of users: \"v\""
        ]
    );
    let twice = text.clone() + "- name: u\n";
    assert_eq!(mistakes(&twice, None), ["users has \"u\" twice; allowed: once"]);
    let missing = from_kubeconfig(Path::new("/nowhere/config"), None).unwrap_err();
    assert_eq!(missing, ["cannot read /nowhere/config: No such file or directory (os error 2)"]);
}

#[test]
fn mistakes_of_the_cluster() {
    check("", "", &["clusters[c].cluster is not set; allowed: a mapping"]);
    check("{}", "", &["clusters[c].cluster.server is not set"]);
    let urls = "http://host[:port][/path] or https://host[:port][/path]";
    check(
        "{server: 'ftp://x'}",
        "",
        &[&format!("clusters[c].cluster.server is \"ftp://x\"; allowed: {urls}")],
    );
    check(
        "{server: 'https://me:secret@x'}",
        "",
        &[&format!("clusters[c].cluster.server is \"x\"; allowed: {urls}")],
    );
    check(
        "{server: 'https://x'}",
        "",
        &["clusters[c].cluster.certificate-authority is not set; allowed: a file with certificates in PEM, \
           certificate-authority-data, or insecure-skip-tls-verify: true (no authorities are built in)"],
    );
    check(
        "{server: 'https://x', certificate-authority: no.pem}",
        "",
        &[
            "clusters[c].cluster.certificate-authority: cannot read no.pem: No such file or directory (os error 2)",
        ],
    );
    check(
        "{server: 'https://x', certificate-authority-data: '?'}",
        "",
        &["clusters[c].cluster.certificate-authority-data is not base64; allowed: PEM in base64"],
    );
    check(
        "{server: 'https://x', certificate-authority-data: 'AAAA'}",
        "",
        &[
            "clusters[c].cluster.certificate-authority-data: no certificate in PEM; allowed: certificates in PEM",
        ],
    );
    check(
        "{server: 'https://x', insecure-skip-tls-verify: 1}",
        "",
        &["clusters[c].cluster.insecure-skip-tls-verify is no truth value; allowed: true or false"],
    );
    check(
        "{server: 'https://x', insecure-skip-tls-verify: true, certificate-authority-data: AAAA}",
        "",
        &[
            "clusters[c].cluster.certificate-authority-data is set with insecure-skip-tls-verify; allowed: one of them",
        ],
    );
    check(
        "{server: 'https://x', insecure-skip-tls-verify: true, tls-server-name: 'a b'}",
        "",
        &["clusters[c].cluster.tls-server-name is \"a b\"; allowed: a DNS name or an IP address"],
    );
    check(
        "{server: 'http://x', proxy-url: 'http://proxy'}",
        "",
        &["clusters[c].cluster.proxy-url is set; allowed: none, for proxies are not supported"],
    );
}

#[test]
fn mistakes_of_the_user() {
    let users = "token, tokenFile, client-certificate with client-key, or username with password";
    for name in ["exec", "auth-provider"] {
        let expect = format!("users[u].user.{name} is set; allowed: {users}, for no programs are started");
        check(PLAIN, &format!("{{{name}: {{command: aws}}}}"), &[&expect]);
    }
    check(PLAIN, "{as: root}", &["users[u].user.as is set; allowed: none, for nobody is impersonated"]);
    check(PLAIN, "{token: 123}", &["users[u].user.token is not text; allowed: text, in quotes if need be"]);
    check(PLAIN, "{token: a b}", &["users[u].user.token is no token; allowed: one line of visible ASCII"]);
    check(
        PLAIN,
        "{tokenFile: none}",
        &["users[u].user.tokenFile: cannot read none: No such file or directory (os error 2)"],
    );
    check(
        PLAIN,
        "{token: a, username: b}",
        &["users[u].user.username is set with a token; allowed: one of them"],
    );
    check(
        PLAIN,
        "{password: b}",
        &["users[u].user.password is set alone; allowed: username and password together"],
    );
    check(
        PLAIN,
        "{client-key-data: AAAA}",
        &["users[u].user.client-key-data is set alone; allowed: client-certificate and client-key together"],
    );
    let both = "{client-key-data: AAAA, client-certificate-data: AAAA}";
    check(
        "{server: 'https://x', insecure-skip-tls-verify: true}",
        both,
        &[
            "users[u].user.client-certificate-data: no certificate in PEM; allowed: certificates in PEM",
            "users[u].user.client-key-data: no private key in PEM by PKCS#8, PKCS#1 or SEC 1; allowed: the key of the \
             certificate in PEM",
        ],
    );
}

#[test]
fn a_key_of_another_certificate_is_a_mistake() {
    let pair = || rcgen::generate_simple_self_signed(["me".to_owned()]).unwrap();
    let (certificate, key) = (data(&pair().cert.pem()), data(&pair().signing_key.serialize_pem()));
    let user = format!("{{client-certificate-data: {certificate}, client-key-data: {key}}}");
    let cluster = "{server: 'https://x', insecure-skip-tls-verify: true}";
    let found = mistakes(&config(cluster, &user), None);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("users[u].user.client-key-data: "), "{found:?}");
    assert!(!found[0].contains(&key));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = mistakes(
        &config(
            "{proxy-url: x, server: 'ftp://x', certificate-authority: no}",
            "{exec: {}, tokenFile: no, as: x}",
        ),
        None,
    );
    assert_eq!(found.len(), 6, "{found:#?}");
}
