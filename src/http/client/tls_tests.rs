//! The client over TLS.

use super::*;
use crate::net::TlsSettings;
use crate::net::testing::{Accept, Authority, acceptor, of};
use crate::net::{Identity, Trust};
use rcgen::ExtendedKeyUsagePurpose;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Two GETs of a large body from a server that greets in this way, on one connection.
fn check(accept: &Accept<'_>, settings: TlsSettings) -> (Result<u64, ClientError>, Connection) {
    let acceptor = acceptor(accept);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            match acceptor.accept(tcp).into_fallible().await {
                Ok(mut stream) => {
                    let mut scratch = [0; 1024];
                    while stream.read(&mut scratch).await.is_ok_and(|count| count > 0) {
                        stream.write_all(ANSWER.as_bytes()).await.unwrap();
                        for _ in 0..300 {
                            stream.write_all(b"3e8\r\n").await.unwrap();
                            stream.write_all(&[b'x'; 1000]).await.unwrap();
                            stream.write_all(b"\r\n").await.unwrap();
                        }
                        stream.write_all(b"0\r\n\r\n").await.unwrap();
                        stream.flush().await.unwrap();
                    }
                }
                // Until the client closes: unread bytes would take the alert with them.
                Err((_, mut tcp)) => while tcp.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {},
            }
        });
        let of = Server { host: "127.0.0.1".into(), port, tls: Some(settings), base_path: String::new() };
        let stats = Rc::new(ClientStats::default());
        let mut connection = Connection::new(Rc::new(of), Patience::default(), stats);
        let found = twice(&mut connection).await;
        connection.close();
        server.await.unwrap();
        (found, connection)
    })
}

async fn twice(connection: &mut Connection) -> Result<u64, ClientError> {
    let mut bytes = 0;
    for _ in 0..2 {
        connection.request(&Request::get("/x")).await?;
        while let Some(piece) = connection.chunk(Instant::now() + Duration::from_secs(30)).await? {
            bytes += piece.len() as u64;
        }
    }
    Ok(bytes)
}

#[test]
fn a_body_over_tls_is_whole_and_its_connection_is_kept() {
    let authority = Authority::new();
    let pair = authority.server(&["127.0.0.1"]);
    let trust = Trust::Authorities(authority.pem.as_bytes());
    let (found, connection) = check(&of(&pair), TlsSettings::new("127.0.0.1", trust, None).unwrap());
    assert_eq!((found, connection.stats.connections.get()), (Ok(600_000), 1));
    assert_eq!(connection.problem(), "");
}

#[test]
fn a_server_that_is_not_trusted_is_asked_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    let pair = authority.server(&["127.0.0.1"]);
    let trust = Trust::Authorities(other.pem.as_bytes());
    let (found, connection) = check(&of(&pair), TlsSettings::new("127.0.0.1", trust, None).unwrap());
    assert_eq!((found, connection.connect_error()), (Err(ClientError::Tls), Some(ConnectError::Certificate)));
    assert!(connection.problem().contains("UnknownIssuer"), "{}", connection.problem());
    assert_eq!(connection.stats.requests.get(), 0);
}

#[test]
fn a_server_may_want_a_certificate() {
    let authority = Authority::new();
    let pair = authority.server(&["127.0.0.1"]);
    let own = authority.sign(&["me"], ExtendedKeyUsagePurpose::ClientAuth);
    let accept = Accept { clients: Some(&authority), ..of(&pair) };
    let settings = |identity| {
        TlsSettings::new("127.0.0.1", Trust::Authorities(authority.pem.as_bytes()), identity).unwrap()
    };
    let identity = Identity { certificates: own.certificate.as_bytes(), key: own.key.as_bytes() };
    assert_eq!(check(&accept, settings(Some(identity))).0, Ok(600_000));
    let (found, connection) = check(&accept, settings(None));
    assert_eq!(found, Err(ClientError::Tls));
    assert_eq!(
        connection.problem(),
        "TLS: the server does not take our certificate, or wants one: CertificateRequired"
    );
}
