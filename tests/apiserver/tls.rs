//! Certificates of the API server: an authority of its own, the server's, and one for a client.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio_rustls::rustls;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, version};

/// What may be wrong with the server's certificate, or old about its protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    #[default]
    Good,
    /// TLS 1.2 only.
    Old,
    /// For another name than 127.0.0.1 and localhost.
    OtherName,
    /// No longer valid.
    Expired,
    /// Signed by an authority that the kubeconfig does not name.
    OtherAuthority,
}

/// The server's side, and what a kubeconfig needs.
#[derive(Debug)]
pub struct Certificates {
    pub server: Arc<ServerConfig>,
    /// The authority that a kubeconfig names.
    pub authority_pem: String,
    pub client_pem: String,
    pub client_key_pem: String,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Certificates {
    pub fn new(kind: Tls) -> Certificates {
        let _ready = rustls::crypto::ring::default_provider().install_default();
        let named = authority("kubernetes");
        let other = authority("other");
        let signer = if kind == Tls::OtherAuthority { &other } else { &named };

        let names = if kind == Tls::OtherName { vec!["10.96.0.1"] } else { vec!["127.0.0.1", "localhost"] };
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if kind == Tls::Expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, signer).unwrap();

        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "trimeter");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate().unwrap();
        let client = params.signed_by(&client_key, &named).unwrap();

        let mut roots = RootCertStore::empty();
        roots.add(named.der().clone()).unwrap();
        // As the real one: a certificate is asked for, and who has none shows a token.
        let verifier =
            WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().unwrap();
        let versions =
            if kind == Tls::Old { vec![&version::TLS12] } else { vec![&version::TLS13, &version::TLS12] };
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_protocol_versions(&versions)
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap();
        Certificates {
            server: Arc::new(server),
            authority_pem: named.pem(),
            client_pem: client.pem(),
            client_key_pem: client_key.serialize_pem(),
        }
    }
}
