//! TLS of a client: the only file that names rustls.

use super::connect::{ConnectError, Failure};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, AlertDescription, ClientConfig, RootCertStore, SignatureScheme};
use tokio_rustls::{TlsConnector, client};

/// A connection over TLS.
pub(super) type TlsStream = client::TlsStream<TcpStream>;

/// What a connection over TLS holds beside its TCP socket: a record of 16 KiB as it came, one as it is read, what is
/// written and not yet taken, keys and certificates. 67 KB were seen with a short chain of certificates.
pub const TLS_BYTES: u64 = 80 * 1024;

/// What is written and not yet taken by the kernel.
const WRITE_BYTES: usize = 16 * 1024;

/// Sessions kept for a shorter handshake, those of all connections to one server together.
const SESSIONS_MAX: usize = 8;

/// Whom to believe to be the server.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Who has a certificate by one of these, in PEM.
    Authorities(&'a [u8]),
    /// Anybody.
    Anybody,
}

/// Who we are, in PEM: the certificate with what stands between it and its authority, and its key by PKCS#8, PKCS#1
/// or SEC 1.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    pub certificates: &'a [u8],
    pub key: &'a [u8],
}

/// Everything about TLS that is the same for all connections to a server.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// What is wrong with settings, and with which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMistake {
    /// The name is neither one of the DNS nor an IP address.
    Name,
    Authorities(String),
    Certificates(String),
    Key(String),
}

impl TlsSettings {
    /// Settings for a server that is to have a certificate for `name`, which is also told to it; or all mistakes.
    pub fn new(
        name: &str,
        trust: Trust<'_>,
        identity: Option<Identity<'_>>,
    ) -> Result<Self, Vec<TlsMistake>> {
        let mut mistakes = Vec::new();
        let name = ServerName::try_from(name.to_owned()).map_err(|_| mistakes.push(TlsMistake::Name)).ok();
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(trust, &provider).map_err(|text| mistakes.push(text)).ok();
        let identity = match identity.map(read_identity).transpose() {
            Ok(identity) => identity,
            Err(mistake) => {
                mistakes.extend(mistake);
                None
            }
        };
        let (Some(name), Some(verifier), true) = (name, verifier, mistakes.is_empty()) else {
            return Err(mistakes);
        };
        let key_mistake = |error: rustls::Error| vec![TlsMistake::Key(error.to_string())];
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(key_mistake)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            Some((certificates, key)) => {
                builder.with_client_auth_cert(certificates, key).map_err(key_mistake)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
        Ok(TlsSettings { config: Arc::new(config), name })
    }
}

fn verifier(
    trust: Trust<'_>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsMistake> {
    let wrong = |text: String| TlsMistake::Authorities(text);
    let pem = match trust {
        Trust::Authorities(pem) => pem,
        Trust::Anybody => {
            let schemes = provider.signature_verification_algorithms.supported_schemes();
            return Ok(Arc::new(Anybody { schemes }));
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(wrong)? {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().map(|verifier| verifier as _).map_err(|error| wrong(error.to_string()))
}

/// The certificates of a PEM text; at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("no certificate in PEM".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_identity(identity: Identity<'_>) -> Result<Own, Vec<TlsMistake>> {
    let certificates = certificates(identity.certificates).map_err(TlsMistake::Certificates);
    // The error would not tell a part of the key, but what is not told need not be looked at.
    let key = PrivateKeyDer::from_pem_slice(identity.key)
        .map_err(|_| TlsMistake::Key("no private key in PEM by PKCS#8, PKCS#1 or SEC 1".to_owned()));
    match (certificates, key) {
        (Ok(certificates), Ok(key)) => Ok((certificates, key)),
        (certificates, key) => Err(certificates.err().into_iter().chain(key.err()).collect()),
    }
}

/// Makes a TCP connection one over TLS. Has no deadline of its own.
pub(super) async fn handshake(settings: &TlsSettings, tcp: TcpStream) -> io::Result<TlsStream> {
    let connector = TlsConnector::from(Arc::clone(&settings.config));
    let limit = |session: &mut rustls::ClientConnection| session.set_buffer_limit(Some(WRITE_BYTES));
    connector.connect_with(settings.name.clone(), tcp, limit).await
}

/// What a failed handshake is counted as and what is said of it.
pub(super) fn failure(error: &io::Error) -> Failure {
    let certificate = matches!(reason(error), Some(rustls::Error::InvalidCertificate(_)))
        || matches!(reason(error), Some(rustls::Error::AlertReceived(alert)) if is_about_certificates(*alert));
    let kind = if certificate { ConnectError::Certificate } else { ConnectError::Tls };
    let text = problem(error).unwrap_or_else(|| format!("TLS handshake: {error}"));
    Failure { error: kind, text }
}

/// What is wrong, if it is TLS that is: also after the handshake, for a server that does not like our certificate may
/// say so only then.
pub fn problem(error: &io::Error) -> Option<String> {
    reason(error).map(|reason| match reason {
        rustls::Error::AlertReceived(alert) if is_about_certificates(*alert) => {
            format!("TLS: the server does not take our certificate, or wants one: {alert:?}")
        }
        other => format!("TLS: {other}"),
    })
}

fn reason(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Has the server refused our certificate, or the lack of one?
const fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

/// Takes anybody for the server: `insecure-skip-tls-verify`.
#[derive(Debug)]
struct Anybody {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // Who may be anybody need not prove to be somebody.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
