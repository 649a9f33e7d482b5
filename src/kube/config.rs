//! Where the API server is and who we are to it: from within a pod, or by a kubeconfig.

mod kubeconfig;
mod url;

pub use kubeconfig::from_kubeconfig;

use super::token::read_token;
use crate::http::client::Server;
use crate::net::{TlsMistake, TlsSettings, Trust};
use std::io::Read;
use std::path::{Path, PathBuf};

/// No file that is read here is longer.
const FILE_BYTES: usize = 1024 * 1024;

/// Where the kubelet puts what a pod needs to reach the API server.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// An API server, and who we are to it.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub server: Server,
    pub credentials: Credentials,
    /// Our own, if it is known: the service account's, or the context's.
    pub namespace: Option<String>,
}

/// Who we are. A client certificate is part of the TLS settings, and may come on top.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    None,
    Token(String),
    /// Read again from time to time, for it is rotated.
    TokenFile(PathBuf),
    Basic {
        user: String,
        password: String,
    },
}

/// Says what kind they are and nothing that is secret.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Credentials::None => write!(to, "None"),
            Credentials::Token(_) => write!(to, "Token"),
            Credentials::TokenFile(path) => write!(to, "TokenFile({})", path.display()),
            Credentials::Basic { user, .. } => write!(to, "Basic({user:?})"),
        }
    }
}

/// What a pod is told by its environment and by the files in `root`, which is [`SERVICE_ACCOUNT`] unless in a test.
/// `None` when this is no pod; the error is for the operator.
pub fn in_cluster(env: impl Fn(&str) -> Option<String>, root: &Path) -> Result<Option<Cluster>, String> {
    const HOST: &str = "KUBERNETES_SERVICE_HOST";
    const PORT: &str = "KUBERNETES_SERVICE_PORT";
    let set = |name| env(name).filter(|value| !value.is_empty());
    let (Some(host), Some(port)) = (set(HOST), set(PORT)) else { return Ok(None) };
    let host = url::host(&host)
        .ok_or_else(|| format!("{HOST} is {host:?}; allowed: an IP address or a name"))?
        .to_owned();
    let port = url::port(&port).ok_or_else(|| format!("{PORT} is {port:?}; allowed: 1 to 65535"))?;
    let token = root.join("token");
    read_token(&token)?;
    let authorities = root.join("ca.crt");
    let pem = read_bounded(&authorities, FILE_BYTES)?;
    let tls = TlsSettings::new(&host, Trust::Authorities(&pem), None).map_err(|mistakes| {
        let texts = mistakes.iter().map(|mistake| match mistake {
            TlsMistake::Name => format!("{HOST} is {host:?}; allowed: an IP address or a name"),
            TlsMistake::Authorities(text) | TlsMistake::Certificates(text) | TlsMistake::Key(text) => {
                format!("{}: {text}; allowed: certificates in PEM", authorities.display())
            }
        });
        texts.collect::<Vec<_>>().join("; ")
    })?;
    // A pod may be given a token alone; then the namespace is not known.
    let namespace = read_bounded(&root.join("namespace"), FILE_BYTES)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|text| text.trim().to_owned())
        .filter(|name| !name.is_empty());
    let server = Server { host, port, tls: Some(tls), base_path: String::new() };
    Ok(Some(Cluster { server, credentials: Credentials::TokenFile(token), namespace }))
}

/// The bytes of a file, or why not; one that is longer than `limit` is not read by halves.
#[expect(clippy::disallowed_methods, reason = "read at the start, and when a token is rotated")]
pub(super) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        Ok(_) if bytes.len() > limit => {
            Err(format!("{} is too long; allowed: {limit} bytes", path.display()))
        }
        Ok(_) => Ok(bytes),
    }
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
