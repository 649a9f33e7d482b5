//! stub
use crate::counted_errors;
use crate::http::Counter;
use crate::kube::config::Cluster;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
counted_errors! {
    /// x
    pub enum ClientError { Connect = "connect", Tls = "tls", HeadTimeout = "head_timeout", Idle = "idle_timeout", Cut = "cut", Malformed = "malformed", TooLong = "too_long", }
}
#[derive(Debug, Default)]
pub struct ClientStats {
    pub received_bytes: Counter,
    pub sent_bytes: Counter,
    pub connections: Counter,
}
pub struct Head {
    pub status: u16,
    pub retry_after: Option<Duration>,
}
pub struct Request<'a> {
    pub method: &'static str,
    pub target: &'a str,
    pub bearer: Option<&'a str>,
    pub body: Option<&'a [u8]>,
}
pub struct Connection {
    cluster: Rc<Cluster>,
    stats: Rc<ClientStats>,
    stream: Option<TcpStream>,
    buf: Vec<u8>,
    at: usize,
    len: usize,
    out: Vec<u8>,
    left: Option<usize>,
    chunked: bool,
    chunk_left: usize,
    done: bool,
}
impl Connection {
    pub fn new(cluster: Rc<Cluster>, stats: Rc<ClientStats>) -> Self {
        Connection {
            cluster,
            stats,
            stream: None,
            buf: vec![0; 16384],
            at: 0,
            len: 0,
            out: vec![0; 16384],
            left: None,
            chunked: false,
            chunk_left: 0,
            done: true,
        }
    }
    pub fn bytes() -> u64 {
        0
    }
    pub async fn request(&mut self, r: &Request<'_>) -> Result<Head, ClientError> {
        if self.stream.is_none() || !self.done {
            let s = TcpStream::connect((self.cluster.host.as_str(), self.cluster.port))
                .await
                .map_err(|_| ClientError::Connect)?;
            self.stats.connections.one();
            self.stream = Some(s);
            self.at = 0;
            self.len = 0;
        }
        let body = r.body.unwrap_or(b"");
        let text = format!(
            "{} {} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n",
            r.method,
            r.target,
            body.len()
        );
        let s = self.stream.as_mut().unwrap();
        s.write_all(text.as_bytes()).await.map_err(|_| ClientError::Cut)?;
        s.write_all(body).await.map_err(|_| ClientError::Cut)?;
        self.at = 0;
        self.len = 0;
        loop {
            let n = s.read(&mut self.buf[self.len..]).await.map_err(|_| ClientError::Cut)?;
            if n == 0 {
                self.stream = None;
                return Err(ClientError::Cut);
            }
            self.len += n;
            let mut h = [httparse::EMPTY_HEADER; 64];
            let mut p = httparse::Response::new(&mut h);
            match p.parse(&self.buf[..self.len]) {
                Ok(httparse::Status::Complete(used)) => {
                    let status = p.code.unwrap();
                    self.left = None;
                    self.chunked = false;
                    for x in p.headers.iter() {
                        if x.name.eq_ignore_ascii_case("content-length") {
                            self.left = std::str::from_utf8(x.value).ok().and_then(|v| v.trim().parse().ok());
                        }
                        if x.name.eq_ignore_ascii_case("transfer-encoding") {
                            self.chunked = true;
                        }
                    }
                    self.at = used;
                    self.chunk_left = 0;
                    self.done = false;
                    return Ok(Head { status, retry_after: None });
                }
                Ok(_) => {}
                Err(_) => return Err(ClientError::Malformed),
            }
        }
    }
    async fn fill(&mut self, patience: Duration) -> Result<bool, ClientError> {
        self.buf.copy_within(self.at..self.len, 0);
        self.len -= self.at;
        self.at = 0;
        let n = tokio::time::timeout(patience, self.stream.as_mut().unwrap().read(&mut self.buf[self.len..]))
            .await
            .map_err(|_| ClientError::Idle)?
            .map_err(|_| ClientError::Cut)?;
        self.len += n;
        self.stats.received_bytes.add(n as u64);
        Ok(n > 0)
    }
    pub async fn chunk(&mut self, patience: Duration) -> Result<Option<&[u8]>, ClientError> {
        if self.done {
            return Ok(None);
        }
        loop {
            if self.chunked {
                if self.chunk_left == 0 {
                    let line = self.buf[self.at..self.len].windows(2).position(|w| w == b"\r\n");
                    if let Some(e) = line {
                        let t = std::str::from_utf8(&self.buf[self.at..self.at + e])
                            .unwrap_or("")
                            .trim()
                            .to_owned();
                        if t.is_empty() {
                            self.at += 2;
                            continue;
                        }
                        let size = usize::from_str_radix(t.split(';').next().unwrap(), 16)
                            .map_err(|_| ClientError::Malformed)?;
                        self.at += e + 2;
                        if size == 0 {
                            self.done = true;
                            self.stream = None;
                            return Ok(None);
                        }
                        self.chunk_left = size;
                        continue;
                    }
                } else if self.at < self.len {
                    let n = self.chunk_left.min(self.len - self.at);
                    self.out[..n].copy_from_slice(&self.buf[self.at..self.at + n]);
                    self.at += n;
                    self.chunk_left -= n;
                    return Ok(Some(&self.out[..n]));
                }
                if !self.fill(patience).await? {
                    self.stream = None;
                    self.done = true;
                    return Err(ClientError::Cut);
                }
                continue;
            }
            let left = self.left.unwrap_or(usize::MAX);
            if left == 0 {
                self.done = true;
                return Ok(None);
            }
            if self.at < self.len {
                let n = left.min(self.len - self.at);
                self.out[..n].copy_from_slice(&self.buf[self.at..self.at + n]);
                self.at += n;
                self.left = Some(left - n);
                return Ok(Some(&self.out[..n]));
            }
            if !self.fill(patience).await? {
                self.stream = None;
                self.done = true;
                return if self.left.is_none() { Ok(None) } else { Err(ClientError::Cut) };
            }
        }
    }
    pub async fn whole(&mut self, _m: usize, p: Duration) -> Result<Vec<u8>, ClientError> {
        let mut v = Vec::new();
        while let Some(c) = self.chunk(p).await? {
            v.extend_from_slice(c);
        }
        Ok(v)
    }
    pub fn close(&mut self) {
        self.stream = None;
        self.done = true;
    }
    pub fn trouble(&self) -> &str {
        ""
    }
}
