//! A client of the API server that is as plain as can be: it shows what is on the wire.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Api, json};

/// How long a client waits for bytes.
const PATIENCE: Duration = Duration::from_secs(10);

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

/// A connection.
pub struct Client {
    stream: Box<dyn Both>,
    socket: TcpStream,
    pub token: Option<String>,
    pending: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    pub text: String,
    chunked: bool,
    length: Option<usize>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        json::parse(std::str::from_utf8(&self.body).unwrap())
    }
}

impl Client {
    /// To a server with or without TLS, whose authority is trusted.
    pub fn new(api: &Api) -> Client {
        if api.url().starts_with("https") {
            Client::tls(api, api.authority()).unwrap()
        } else {
            Client::plain(api)
        }
    }

    fn plain(api: &Api) -> Client {
        let socket = TcpStream::connect(api.address()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        let stream = Box::new(socket.try_clone().unwrap());
        Client { stream, socket, token: None, pending: Vec::new() }
    }

    /// Over TLS, once the handshake is done.
    pub fn tls(api: &Api, authority: &str) -> Result<Client> {
        Client::handshake(api, authority, None)
    }

    /// Over TLS, with a certificate and its key in PEM.
    pub fn certified(api: &Api, certificate: &[u8], key: &[u8]) -> Client {
        Client::handshake(api, api.authority(), Some((certificate, key))).unwrap()
    }

    fn handshake(api: &Api, authority: &str, own: Option<(&[u8], &[u8])>) -> Result<Client> {
        let mut client = Client::plain(api);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match own {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
                config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap()
            }
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = client.socket.try_clone()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        client.stream = Box::new(StreamOwned::new(connection, socket));
        Ok(client)
    }

    /// Waits less long for bytes.
    pub fn hurry(&self, patience: Duration) {
        self.socket.set_read_timeout(Some(patience)).unwrap();
    }

    pub fn send(&mut self, method: &str, target: &str, body: &str) {
        let token =
            self.token.as_ref().map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\nUser-Agent: selftest\r\nAccept: application/json\r\n{token}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).unwrap();
        self.stream.flush().unwrap();
    }

    pub fn request(&mut self, method: &str, target: &str, body: &str) -> Answer {
        self.send(method, target, body);
        self.answer().unwrap()
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, "")
    }

    pub fn answer(&mut self) -> Result<Answer> {
        let head = self.head()?;
        let mut body = Vec::new();
        if let Some(length) = head.length {
            body = self.take(length)?;
        } else if head.chunked {
            while let Some(chunk) = self.chunk()? {
                body.extend(chunk);
            }
        } else {
            while self.more()? > 0 {}
            body.append(&mut self.pending);
        }
        Ok(Answer { head, body })
    }

    /// Asks for a watch and reads its head.
    pub fn watch(&mut self, target: &str) -> Head {
        self.send("GET", target, "");
        self.head().unwrap()
    }

    /// The next event of a watch that sends one chunk for each; none at the end of the stream.
    pub fn event(&mut self) -> Option<Value> {
        let chunk = self.chunk().unwrap()?;
        Some(json::parse(std::str::from_utf8(&chunk).unwrap()))
    }

    /// The next event in short: type, name, resourceVersion.
    pub fn brief(&mut self) -> String {
        let Some(event) = self.event() else { return "end".to_owned() };
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let metadata = &event["object"]["metadata"];
        let (kind, name) = (text(&event["type"]), text(&metadata["name"]));
        if kind == "BOOKMARK" {
            let ends = &metadata["annotations"]["k8s.io/initial-events-end"] == "true";
            return format!("{kind}{}", if ends { " end" } else { "" });
        }
        if kind == "ERROR" { format!("{kind} {}", event["object"]["code"]) } else { format!("{kind} {name}") }
    }

    pub fn head(&mut self) -> Result<Head> {
        let text = String::from_utf8(self.until(b"\r\n\r\n")?).unwrap();
        let field = |name: &str| {
            let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
            Some(line[name.len()..].trim().to_owned())
        };
        Ok(Head {
            status: text.split(' ').nth(1).unwrap().parse().unwrap(),
            chunked: field("transfer-encoding:").as_deref() == Some("chunked"),
            length: field("content-length:").map(|length| length.parse().unwrap()),
            text,
        })
    }

    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let line = String::from_utf8(self.until(b"\r\n")?).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let chunk = self.take(length)?;
        let end = self.take(2)?;
        if end == b"\r\n" {
            Ok((length > 0).then_some(chunk))
        } else {
            Err(Error::from(ErrorKind::InvalidData))
        }
    }

    /// All bytes until the connection ends.
    pub fn rest(&mut self) -> (Vec<u8>, Result<()>) {
        let outcome = loop {
            match self.more() {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        (std::mem::take(&mut self.pending), outcome)
    }

    fn more(&mut self) -> Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.pending.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.pending.len() < length {
            if self.more()? == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
        }
        Ok(self.pending.drain(..length).collect())
    }

    fn until(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.pending.windows(end.len()).position(|part| part == end) {
                return Ok(self.pending.drain(..at + end.len()).collect());
            }
            if self.more()? == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
        }
    }
}
