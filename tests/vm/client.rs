//! `client PATH [COUNT]`: asks the agent COUNT times over one kept-alive connection and prints the last body.
//!
//! Stands alone, so that `rustc` makes a static program of it: Debian's static busybox cannot open connections on a
//! machine without glibc's name service modules.

use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "/metrics".into());
    let count = args.next().and_then(|count| count.parse().ok()).unwrap_or(1);
    let mut socket = TcpStream::connect("127.0.0.1:10333")?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut body = Vec::new();
    for _ in 0..count {
        socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: vm\r\n\r\n").as_bytes())?;
        body = response(&mut reader)?;
        if body.last() != Some(&b'\n') {
            return Err(Error::other("the body does not end with a newline"));
        }
    }
    std::io::stdout().write_all(&body)
}

/// The body of a response with status 200.
fn response(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut length = None;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200 ") {
        return Err(Error::other(line));
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = Vec::new();
    if let Some(length) = length {
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        return Ok(body);
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(Error::other)?;
        let begun = body.len();
        body.resize(begun + size, 0);
        reader.read_exact(&mut body[begun..])?;
        reader.read_exact(&mut [0; 2])?;
        if size == 0 {
            return Ok(body);
        }
    }
}
