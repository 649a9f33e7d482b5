//! Connections to real sockets, with a TLS server of the test.

use super::testing::{Accept, Authority, Pair, acceptor, of};
use super::*;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};
use std::future::Future;
use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tokio_rustls::rustls::version;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// What a client hears from a server that sends its bytes back: the connection, three bytes, the end.
#[expect(clippy::panic_in_result_fn, reason = "a test, whose result is that of the client")]
fn echo(accept: &Accept<'_>, settings: &TlsSettings) -> Result<String, (ConnectError, String)> {
    let acceptor = acceptor(accept);
    block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async move {
            let (tcp, _) = listener.accept().await.unwrap();
            match acceptor.accept(tcp).into_fallible().await {
                Ok(mut stream) => {
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                    let mut bytes = [0; 3];
                    stream.read_exact(&mut bytes).await.unwrap();
                    stream.write_all(&bytes).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
                // Until the client closes: unread bytes would take the alert with them.
                Err((_, mut tcp)) => while tcp.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {},
            }
        };
        let client = async {
            let target = Target { host: "127.0.0.1", port, tls: Some(settings) };
            let failed = |failure: Failure| (failure.error, failure.text);
            let mut stream = connect(target, &Patience::default()).await.map_err(failed)?;
            // What a server says of a certificate may come after the handshake.
            let late = |halt| match halt {
                Halt::Failed(error) => (ConnectError::Tls, tls_problem(&error).unwrap_or_default()),
                Halt::TimedOut => panic!("timed out"),
            };
            let deadline = Instant::now() + LONG;
            stream.write_all(b"abc", deadline).await.map_err(late)?;
            let mut heard = String::new();
            let mut buffer = [0; 16];
            loop {
                let count = stream.read(&mut buffer, deadline).await.map_err(late)?;
                if count == 0 {
                    return Ok(heard);
                }
                heard += std::str::from_utf8(&buffer[..count]).unwrap();
            }
        };
        let server = tokio::spawn(server);
        let heard = client.await;
        server.await.unwrap();
        heard
    })
}

fn trust(authority: &Authority) -> Trust<'_> {
    Trust::Authorities(authority.pem.as_bytes())
}

#[test]
fn servers_that_are_trusted() {
    let authority = Authority::new();
    let pair = authority.server(&["api.example.com", "127.0.0.1", "::1"]);
    for version in [&version::TLS12, &version::TLS13] {
        for name in ["api.example.com", "127.0.0.1", "::1"] {
            let settings = TlsSettings::new(name, trust(&authority), None).unwrap();
            let accept = Accept { version, ..of(&pair) };
            // Twice, for a session may be resumed.
            for _ in 0..2 {
                assert_eq!(echo(&accept, &settings), Ok("abc".to_owned()), "{name}");
            }
        }
    }
}

#[test]
fn one_authority_of_several_is_enough() {
    let (one, other) = (Authority::new(), Authority::new());
    let bundle = format!("# first\n{}\n# second\n{}", one.pem, other.pem);
    let settings = TlsSettings::new("x", Trust::Authorities(bundle.as_bytes()), None).unwrap();
    for authority in [&one, &other] {
        assert_eq!(echo(&of(&authority.server(&["x"])), &settings), Ok("abc".to_owned()));
    }
}

#[test]
fn servers_that_are_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let check = |pair: &Pair, name: &str, trust: Trust<'_>, expect: &str| {
        let settings = TlsSettings::new(name, trust, None).unwrap();
        let (error, text) = echo(&of(pair), &settings).unwrap_err();
        assert_eq!(error, ConnectError::Certificate);
        assert!(text.contains(expect), "{text}");
    };
    let pair = authority.server(&["x", "127.0.0.1"]);
    check(&pair, "x", trust(&other), "UnknownIssuer");
    check(&pair, "y", trust(&authority), "not valid for name");
    check(&pair, "127.0.0.2", trust(&authority), "not valid for name");
    let client = authority.sign(&["x"], ExtendedKeyUsagePurpose::ClientAuth);
    check(&client, "x", trust(&authority), "invalid peer certificate");
}

#[test]
fn anybody_is_trusted_if_that_is_wanted() {
    let pair = Authority::new().server(&["x"]);
    let settings = TlsSettings::new("y", Trust::Anybody, None).unwrap();
    for version in [&version::TLS12, &version::TLS13] {
        assert_eq!(echo(&Accept { version, ..of(&pair) }, &settings), Ok("abc".to_owned()));
    }
}

#[test]
fn a_client_has_its_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let pair = authority.server(&["x"]);
    let own = clients.sign(&["me"], ExtendedKeyUsagePurpose::ClientAuth);
    let foreign = authority.sign(&["me"], ExtendedKeyUsagePurpose::ClientAuth);
    for (version, late) in [(&version::TLS12, false), (&version::TLS13, true)] {
        let accept = Accept { pair: &pair, clients: Some(&clients), version };
        let with = |pair: &Pair| {
            let (certificates, key) = (pair.certificate.as_bytes(), pair.key.as_bytes());
            TlsSettings::new("x", trust(&authority), Some(Identity { certificates, key })).unwrap()
        };
        assert_eq!(echo(&accept, &with(&own)), Ok("abc".to_owned()));
        let without = TlsSettings::new("x", trust(&authority), None).unwrap();
        for settings in [without, with(&foreign)] {
            let (error, text) = echo(&accept, &settings).unwrap_err();
            assert_eq!(error, if late { ConnectError::Tls } else { ConnectError::Certificate }, "{text}");
            assert!(text.starts_with("TLS: the server does not take our certificate"), "{text}");
        }
    }
}

/// Connects to a server of a thread.
fn plain(
    serve: impl FnOnce(std::net::TcpStream) + Send + 'static,
    tls: bool,
    patience: &Patience,
) -> Result<(), (ConnectError, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
    let settings = TlsSettings::new("x", Trust::Anybody, None).unwrap();
    let target = Target { host: "localhost", port, tls: tls.then_some(&settings) };
    let found = block_on(async { connect(target, patience).await.map(drop) });
    server.join().unwrap();
    found.map_err(|failure| (failure.error, failure.text))
}

fn until_closed(mut stream: std::net::TcpStream) {
    let mut scratch = [0; 1024];
    while stream.read(&mut scratch).is_ok_and(|count| count > 0) {}
}

#[test]
fn a_name_is_resolved() {
    assert_eq!(plain(until_closed, false, &Patience::default()), Ok(()));
}

#[test]
fn servers_that_speak_no_tls() {
    let silent = Patience { handshake: SHORT, ..Patience::default() };
    let found = plain(until_closed, true, &silent);
    assert_eq!(found, Err((ConnectError::TlsTimeout, "the TLS handshake took longer than 50ms".to_owned())));
    let (error, _) = plain(drop, true, &Patience::default()).unwrap_err();
    assert_eq!(error, ConnectError::Tls);
    let html = |mut stream: std::net::TcpStream| {
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        until_closed(stream);
    };
    let (error, text) = plain(html, true, &Patience::default()).unwrap_err();
    assert_eq!(error, ConnectError::Tls);
    assert!(text.starts_with("TLS: "), "{text}");
}

#[test]
fn nobody_is_there() {
    let failure = |host, patience: &Patience| {
        let target = Target { host, port: 1, tls: None };
        block_on(async { connect(target, patience).await.map(drop).unwrap_err() })
    };
    assert_eq!(failure("127.0.0.1", &Patience::default()).error, ConnectError::Refused);
    // No name server can be asked for this one.
    let long = "x".repeat(300);
    assert_eq!(
        failure(&long, &Patience { resolve: LONG, ..Patience::default() }).error,
        ConnectError::Resolve
    );
}

#[test]
fn a_peer_that_takes_no_connection_is_not_waited_for() {
    // A queue of one that is never emptied: the kernel answers no more than it holds.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let patience = Patience { connect: Duration::from_millis(200), ..Patience::default() };
    let target = Target { host: "127.0.0.1", port, tls: None };
    let failed = block_on(async {
        let mut held = Vec::new();
        for _ in 0..8 {
            match connect(target, &patience).await {
                Ok(stream) => held.push(stream),
                Err(failure) => return failure.error,
            }
        }
        panic!("all of {} were taken", held.len())
    });
    assert_eq!(failed, ConnectError::Timeout);
}

#[test]
fn settings_that_are_wrong() {
    let authority = Authority::new();
    let pair = authority.server(&["x"]);
    let mistake = |name: &str, pem: &str, certificate: &str, key: &str| {
        let identity = Identity { certificates: certificate.as_bytes(), key: key.as_bytes() };
        TlsSettings::new(name, Trust::Authorities(pem.as_bytes()), Some(identity)).unwrap_err()
    };
    let none = || "no certificate in PEM".to_owned();
    let no_key = "no private key in PEM by PKCS#8, PKCS#1 or SEC 1".to_owned();
    assert_eq!(
        mistake("a b", "", "", ""),
        [
            TlsMistake::Name,
            TlsMistake::Authorities(none()),
            TlsMistake::Certificates(none()),
            TlsMistake::Key(no_key)
        ]
    );
    let broken = authority.pem.replace("END CERTIFICATE", "END");
    assert!(matches!(mistake("x", &broken, &pair.certificate, &pair.key)[..], [TlsMistake::Authorities(_)]));
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert!(matches!(mistake("x", &authority.pem, &pair.certificate, &other)[..], [TlsMistake::Key(_)]));
}
