//! Kubeconfigs: one context of a file, with all of its mistakes at once. Nothing that is secret gets into a message.

use super::{Cluster, Credentials, FILE_BYTES, read_bounded, url};
use crate::http::client::Server;
use crate::kube::token::{is_token, read_token};
use crate::net::{Identity, TlsMistake, TlsSettings, Trust};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use yaml_rust2::parser::{Event, EventReceiver, Parser};
use yaml_rust2::{ScanError, Yaml, YamlLoader};

/// What a user may be, for messages.
const USERS: &str = "token, tokenFile, client-certificate with client-key, or username with password";

/// Longer values are cut in messages.
const SHOWN_CHARS: usize = 200;

/// A line that is indented further could be too much for the stack of the parser.
const INDENT_MAX: usize = 200;

/// Reads a kubeconfig: the named context, or its current one. Keys that are not known are no mistakes.
pub fn from_kubeconfig(path: &Path, context: Option<&str>) -> Result<Cluster, Vec<String>> {
    let mut file = File { path, mistakes: Vec::new() };
    let found = file.load().and_then(|root| file.cluster(&root, context));
    match found {
        Ok(cluster) if file.mistakes.is_empty() => Ok(cluster),
        _ => Err(file.mistakes),
    }
}

/// There is a mistake, and it is among those that are told.
#[derive(Clone, Copy, Debug)]
struct Told;

/// A value with the way to it, as `clusters[prod].cluster`.
#[derive(Clone)]
struct Node<'a> {
    key: String,
    yaml: &'a Yaml,
}

impl<'a> Node<'a> {
    /// The value of a key; `BadValue` when there is none.
    fn at(&self, name: &str) -> Node<'a> {
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) };
        Node { key, yaml: &self.yaml[name] }
    }

    fn is_absent(&self) -> bool {
        match self.yaml {
            Yaml::BadValue | Yaml::Null => true,
            Yaml::String(text) => text.is_empty(),
            _ => false,
        }
    }
}

/// What a file or `-data` holds, and under which key it was found.
struct Found {
    key: String,
    bytes: Vec<u8>,
}

struct File<'p> {
    path: &'p Path,
    mistakes: Vec<String>,
}

impl File<'_> {
    fn tell(&mut self, text: &str) -> Told {
        self.mistakes.push(format!("{}: {text}", self.path.display()));
        Told
    }

    fn load(&mut self) -> Result<Yaml, Told> {
        let bytes = read_bounded(self.path, FILE_BYTES).map_err(|text| {
            self.mistakes.push(text);
            Told
        })?;
        let text = String::from_utf8(bytes).map_err(|_| self.tell("is not UTF-8"))?;
        if is_deep(&text) {
            return Err(self.tell(&format!("has a line indented by more than {INDENT_MAX}")));
        }
        let wrong = |error| format!("is not YAML: {error}");
        if has_alias(&text).map_err(|error| self.tell(&wrong(error)))? {
            return Err(self.tell("has an alias; allowed: none, for aliases of aliases have no bound"));
        }
        let mut documents = YamlLoader::load_from_str(&text).map_err(|error| self.tell(&wrong(error)))?;
        match (documents.pop(), documents.is_empty()) {
            (Some(root @ Yaml::Hash(_)), true) => Ok(root),
            _ => {
                Err(self
                    .tell("is not a kubeconfig: one mapping with clusters, users and contexts is allowed"))
            }
        }
    }

    fn cluster(&mut self, root: &Yaml, context: Option<&str>) -> Result<Cluster, Told> {
        let root = Node { key: String::new(), yaml: root };
        let name = match context {
            Some(name) => name,
            None => match self.text(&root.at("current-context"))? {
                Some(name) => name,
                None => {
                    let names = names(&root.at("contexts"));
                    return Err(self.tell(&format!("current-context is not set; allowed: one of {names}")));
                }
            },
        };
        let whence = if context.is_some() { "the context" } else { "current-context" };
        let context = self.entry(&root, "contexts", "context", name, whence)?;
        let namespace = self.text(&context.at("namespace"));
        let server = self.required(&context.at("cluster")).and_then(|name| {
            self.entry(&root, "clusters", "cluster", name, &format!("{}.cluster", context.key))
        });
        // A context without a user is nobody's.
        let user = self.text(&context.at("user")).and_then(|name| match name {
            Some(name) => {
                self.entry(&root, "users", "user", name, &format!("{}.user", context.key)).map(Some)
            }
            None => Ok(None),
        });
        let credentials = match &user {
            Ok(Some(user)) => self.credentials(user),
            Ok(None) => Ok(Credentials::None),
            Err(Told) => Err(Told),
        };
        let server = server.and_then(|server| self.server(&server, user.ok().flatten().as_ref()));
        Ok(Cluster { server: server?, credentials: credentials?, namespace: namespace?.map(str::to_owned) })
    }

    fn server(&mut self, cluster: &Node<'_>, user: Option<&Node<'_>>) -> Result<Server, Told> {
        let proxy = cluster.at("proxy-url");
        if !proxy.is_absent() {
            self.tell(&format!("{} is set; allowed: none, for proxies are not supported", proxy.key));
        }
        let at = cluster.at("server");
        let text = self.required(&at);
        let insecure = self.boolean(&cluster.at("insecure-skip-tls-verify"));
        let name = self.text(&cluster.at("tls-server-name"));
        let authorities = self.file_or_data(cluster, "certificate-authority");
        let identity = match user {
            Some(user) => self.identity(user),
            None => Ok(None),
        };
        let text = text?;
        let Some(url) = url::parse(text) else {
            // Of a URL with a user in it only that much is shown.
            let shown = text.rsplit('@').next().unwrap_or(text);
            return Err(self.tell(&format!("{} is {}; allowed: {}", at.key, show(shown), url::ALLOWED)));
        };
        let tls = if url.tls {
            let (insecure, name, authorities, identity) = (insecure?, name?, authorities?, identity?);
            Some(self.tls(cluster, &at, &url, name, insecure, authorities, identity)?)
        } else {
            None
        };
        Ok(Server { host: url.host.to_owned(), port: url.port, tls, base_path: url.path.to_owned() })
    }

    #[expect(clippy::too_many_arguments, reason = "these are the settings")]
    fn tls(
        &mut self,
        cluster: &Node<'_>,
        server: &Node<'_>,
        url: &url::Url<'_>,
        name: Option<&str>,
        insecure: bool,
        authorities: Option<Found>,
        identity: Option<(Found, Found)>,
    ) -> Result<TlsSettings, Told> {
        let own = cluster.at("certificate-authority").key;
        let (authorities_key, trust) = match (&authorities, insecure) {
            (Some(found), true) => {
                return Err(self.tell(&format!(
                    "{} is set with insecure-skip-tls-verify; allowed: one of them",
                    found.key
                )));
            }
            (None, true) => (own, Trust::Anybody),
            (Some(found), false) => (found.key.clone(), Trust::Authorities(&found.bytes)),
            (None, false) => {
                return Err(self.tell(&format!(
                    "{own} is not set; allowed: a file with certificates in PEM, certificate-authority-data, or \
                     insecure-skip-tls-verify: true (no authorities are built in)"
                )));
            }
        };
        let pair = identity
            .as_ref()
            .map(|(certificates, key)| Identity { certificates: &certificates.bytes, key: &key.bytes });
        TlsSettings::new(name.unwrap_or(url.host), trust, pair).map_err(|mistakes| {
            let keys =
                identity.as_ref().map_or(("", ""), |(certificates, key)| (&certificates.key, &key.key));
            for mistake in mistakes {
                let text = match mistake {
                    TlsMistake::Name => {
                        let key =
                            name.map_or_else(|| server.key.clone(), |_| cluster.at("tls-server-name").key);
                        let value = show(name.unwrap_or(url.host));
                        format!("{key} is {value}; allowed: a DNS name or an IP address")
                    }
                    TlsMistake::Authorities(text) => {
                        format!("{authorities_key}: {text}; allowed: certificates in PEM")
                    }
                    TlsMistake::Certificates(text) => {
                        format!("{}: {text}; allowed: certificates in PEM", keys.0)
                    }
                    TlsMistake::Key(text) => {
                        format!("{}: {text}; allowed: the key of the certificate in PEM", keys.1)
                    }
                };
                self.tell(&text);
            }
            Told
        })
    }

    /// The client certificate and its key.
    fn identity(&mut self, user: &Node<'_>) -> Result<Option<(Found, Found)>, Told> {
        let certificate = self.file_or_data(user, "client-certificate");
        let key = self.file_or_data(user, "client-key");
        match (certificate?, key?) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (None, None) => Ok(None),
            (Some(found), None) | (None, Some(found)) => Err(self.tell(&format!(
                "{} is set alone; allowed: client-certificate and client-key together",
                found.key
            ))),
        }
    }

    fn credentials(&mut self, user: &Node<'_>) -> Result<Credentials, Told> {
        let before = self.mistakes.len();
        for name in ["exec", "auth-provider"] {
            let at = user.at(name);
            if !at.is_absent() {
                self.tell(&format!("{} is set; allowed: {USERS}, for no programs are started", at.key));
            }
        }
        for name in ["as", "as-uid", "as-groups", "as-user-extra"] {
            let at = user.at(name);
            if !at.is_absent() {
                self.tell(&format!("{} is set; allowed: none, for nobody is impersonated", at.key));
            }
        }
        let token = self.text(&user.at("token"));
        let token_file = self.text(&user.at("tokenFile"));
        let name = self.text(&user.at("username"));
        let password = self.text(&user.at("password"));
        let (token, token_file, name, password) = (token?, token_file?, name?, password?);
        if (token.is_some() || token_file.is_some()) && name.is_some() {
            self.tell(&format!("{}.username is set with a token; allowed: one of them", user.key));
        }
        if token.is_some_and(|token| !is_token(token)) {
            self.tell(&format!("{}.token is no token; allowed: one line of visible ASCII", user.key));
        }
        if name.is_some_and(|name| name.contains(':')) || password.is_some_and(|word| word.len() > 1024) {
            self.tell(&format!("{}.username has a colon, or the password is over 1024 bytes", user.key));
        }
        if password.is_some() && name.is_none() {
            self.tell(&format!(
                "{}.password is set alone; allowed: username and password together",
                user.key
            ));
        }
        // The file goes before the token, as it does for kubectl.
        let credentials = match (token_file, token, name) {
            (Some(file), _, _) => {
                let path = self.beside(file);
                if let Err(text) = read_token(&path) {
                    self.tell(&format!("{}.tokenFile: {text}", user.key));
                }
                Credentials::TokenFile(path)
            }
            (None, Some(token), _) => Credentials::Token(token.to_owned()),
            (None, None, Some(name)) => {
                Credentials::Basic { user: name.to_owned(), password: password.unwrap_or("").to_owned() }
            }
            (None, None, None) => Credentials::None,
        };
        if self.mistakes.len() == before { Ok(credentials) } else { Err(Told) }
    }

    /// A path as the file means it: beside itself.
    fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    /// `name-data` in base64, or else the file `name`.
    fn file_or_data(&mut self, node: &Node<'_>, name: &str) -> Result<Option<Found>, Told> {
        let data = node.at(&format!("{name}-data"));
        if let Some(text) = self.text(&data)? {
            let text: String = text.split_ascii_whitespace().collect();
            return match STANDARD.decode(text) {
                Ok(bytes) => Ok(Some(Found { key: data.key, bytes })),
                Err(_) => Err(self.tell(&format!("{} is not base64; allowed: PEM in base64", data.key))),
            };
        }
        let at = node.at(name);
        let Some(path) = self.text(&at)? else { return Ok(None) };
        match read_bounded(&self.beside(path), FILE_BYTES) {
            Ok(bytes) => Ok(Some(Found { key: at.key, bytes })),
            Err(text) => Err(self.tell(&format!("{}: {text}", at.key))),
        }
    }

    /// The mapping under `kind` of the entry of a list that has this name.
    fn entry<'a>(
        &mut self,
        root: &Node<'a>,
        list: &str,
        kind: &str,
        name: &str,
        whence: &str,
    ) -> Result<Node<'a>, Told> {
        let at = root.at(list);
        let entries = at.yaml.as_vec().map_or(&[][..], Vec::as_slice);
        let mut found = entries.iter().filter(|entry| entry["name"].as_str() == Some(name));
        let Some(first) = found.next() else {
            let names = names(&at);
            return Err(self.tell(&format!("{whence} is {}; allowed: one of {list}: {names}", show(name))));
        };
        if found.next().is_some() {
            return Err(self.tell(&format!("{list} has {} twice; allowed: once", show(name))));
        }
        let node = Node { key: format!("{list}[{}].{kind}", shorten(name)), yaml: &first[kind] };
        match node.yaml {
            Yaml::Hash(_) => Ok(node),
            // A user may be one without credentials, which some tools write as nothing.
            Yaml::Null | Yaml::BadValue if kind == "user" => Ok(node),
            _ => Err(self.tell(&format!("{} is not set; allowed: a mapping", node.key))),
        }
    }

    /// A text, which is not there when it is empty.
    fn text<'a>(&mut self, node: &Node<'a>) -> Result<Option<&'a str>, Told> {
        match node.yaml {
            _ if node.is_absent() => Ok(None),
            Yaml::String(text) => Ok(Some(text)),
            _ => Err(self.tell(&format!("{} is not text; allowed: text, in quotes if need be", node.key))),
        }
    }

    fn required<'a>(&mut self, node: &Node<'a>) -> Result<&'a str, Told> {
        match self.text(node)? {
            Some(text) => Ok(text),
            None => Err(self.tell(&format!("{} is not set", node.key))),
        }
    }

    fn boolean(&mut self, node: &Node<'_>) -> Result<bool, Told> {
        match node.yaml {
            Yaml::Boolean(value) => Ok(*value),
            _ if node.is_absent() => Ok(false),
            _ => Err(self.tell(&format!("{} is no truth value; allowed: true or false", node.key))),
        }
    }
}

/// The names of a list's entries, for a message.
fn names(list: &Node<'_>) -> String {
    let entries = list.yaml.as_vec().map_or(&[][..], Vec::as_slice);
    let names: Vec<_> = entries.iter().filter_map(|entry| entry["name"].as_str()).map(show).collect();
    if names.is_empty() { "none there are".to_owned() } else { shorten(&names.join(", ")) }
}

/// A value in quotes, cut when it is long.
fn show(text: &str) -> String {
    format!("{:?}", shorten(text))
}

fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// Could the text have more collections within each other than the stack bears? By how far a line is indented, for
/// brackets are bounded by the scanner.
fn is_deep(text: &str) -> bool {
    let indent = |line: &str| line.bytes().take_while(|byte| b" \t-?:".contains(byte)).count();
    text.lines().any(|line| indent(line) > INDENT_MAX)
}

/// Has the text an alias? The reader would put a copy of what it means in its place.
fn has_alias(text: &str) -> Result<bool, ScanError> {
    struct Aliases(bool);
    impl EventReceiver for Aliases {
        fn on_event(&mut self, event: Event) {
            self.0 |= matches!(event, Event::Alias(_));
        }
    }
    let mut aliases = Aliases(false);
    Parser::new_from_str(text).load(&mut aliases, true)?;
    Ok(aliases.0)
}
