//! HTTPS for the double: a certificate from files, or a CA of its own for names of the caller's choice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where the double's certificate comes from.
#[derive(Clone, Debug)]
pub enum Tls {
    /// PEM files of a chain and its key.
    Files {
        /// Certificate chain.
        cert: PathBuf,
        /// Private key.
        key: PathBuf,
    },
    /// A CA made at the start; its certificate is written to `dir`/ca.crt when a folder is given.
    OwnCa {
        /// Names and addresses the leaf is for.
        names: Vec<String>,
        /// Where to write ca.crt.
        dir: Option<PathBuf>,
    },
}

/// A ready configuration, and the CA's certificate where there is one.
#[derive(Debug)]
pub struct Ready {
    /// For the accept loop.
    pub config: Arc<ServerConfig>,
    /// PEM of the CA to trust.
    pub ca_pem: Option<String>,
}

impl Tls {
    /// Loads or makes the certificate.
    pub fn ready(&self) -> Result<Ready> {
        let (chain, key, ca_pem) = match self {
            Self::Files { cert, key } => {
                let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
                    .and_then(Iterator::collect)
                    .with_context(|| format!("cannot read the certificate {}", cert.display()))?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .with_context(|| format!("cannot read the key {}", key.display()))?;
                (chain, key, None)
            }
            Self::OwnCa { names, dir } => {
                let made = make(names).context("cannot make the double's CA")?;
                if let Some(dir) = dir {
                    write(dir, &made.ca_pem)?;
                }
                (made.chain, made.key, Some(made.ca_pem))
            }
        };
        // Not the process's default provider: a library must not depend on who installed one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the certificate and the key do not fit")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Ready {
            config: Arc::new(config),
            ca_pem,
        })
    }
}

struct Made {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ca_pem: String,
}

fn make(names: &[String]) -> Result<Made> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, "Discord double CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names.to_vec())?;
    leaf.distinguished_name
        .push(DnType::CommonName, "Discord double");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = leaf.signed_by(&key, &issuer)?;
    Ok(Made {
        chain: vec![leaf.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?,
        ca_pem,
    })
}

fn write(dir: &Path, ca_pem: &str) -> Result<()> {
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(dir.join("ca.crt"), ca_pem))
        .with_context(|| format!("cannot write {}", dir.join("ca.crt").display()))
}
