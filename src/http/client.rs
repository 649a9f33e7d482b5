//! stub
use crate::counted_errors;
use crate::http::Counter;
use crate::kube::config::Cluster;
use std::rc::Rc;
use std::time::Duration;
counted_errors! {
    /// x
    pub enum ClientError { Connect = "connect", Tls = "tls", HeadTimeout = "head_timeout", Idle = "idle_timeout", Cut = "cut", Malformed = "malformed", TooLong = "too_long", }
}
#[derive(Debug, Default)]
pub struct ClientStats { pub received_bytes: Counter, pub sent_bytes: Counter, pub connections: Counter }
pub struct Head { pub status: u16, pub retry_after: Option<Duration> }
pub struct Request<'a> { pub method: &'static str, pub target: &'a str, pub bearer: Option<&'a str>, pub body: Option<&'a [u8]> }
pub struct Connection;
impl Connection {
    pub fn new(_c: Rc<Cluster>, _s: Rc<ClientStats>) -> Self { Connection }
    pub fn bytes() -> u64 { 0 }
    pub async fn request(&mut self, _r: &Request<'_>) -> Result<Head, ClientError> { Err(ClientError::Connect) }
    pub async fn chunk(&mut self, _p: Duration) -> Result<Option<&[u8]>, ClientError> { Ok(None) }
    pub async fn whole(&mut self, _m: usize, _p: Duration) -> Result<Vec<u8>, ClientError> { Ok(Vec::new()) }
    pub fn close(&mut self) {}
    pub fn trouble(&self) -> &str { "" }
}
