//! Certificates by host name: those of custom domains, and the node's own for every other name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tollgate_model::{Certificate, Model};

/// Why a certificate cannot be used. Has the code TG0008.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The PEM text holds no certificate, no key, or a key of another certificate.
    #[error("certificate {name}: {reason}")]
    Unusable {
        /// The certificate's name, or its file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// The certificates that are shown, exchanged as a whole when the configuration changes.
#[derive(Debug, Default)]
pub struct Certificates {
    table: ArcSwap<Table>,
    fallback: Option<Arc<CertifiedKey>>,
}

#[derive(Debug, Default)]
struct Table {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    /// Certificates with one for names that nothing else matches, if files are given.
    ///
    /// # Errors
    /// [`Error`] when the files cannot be used.
    pub fn new(files: Option<(&Path, &Path)>) -> Result<Self, Error> {
        let fallback = match files {
            None => None,
            Some((chain, key)) => {
                let read = |path: &Path| {
                    std::fs::read_to_string(path).map_err(|source| Error::Read {
                        path: path.display().to_string(),
                        source,
                    })
                };
                let name = chain.display().to_string();
                Some(certified(&name, &read(chain)?, &read(key)?)?)
            }
        };
        Ok(Self {
            table: ArcSwap::default(),
            fallback,
        })
    }

    /// Takes over the certificates of a model's domains. One that cannot be used is left out and
    /// logged; the others are served.
    pub fn publish(&self, model: &Model) {
        let mut table = Table::default();
        for (name, domain) in &model.domain_names {
            let named = domain.certificate_name();
            let Some(certificate) = named.and_then(|it| model.certificates.get(it)) else {
                continue;
            };
            match certified(
                &certificate.name,
                &certificate.certificate,
                &certificate.private_key,
            ) {
                Ok(key) => match name.strip_prefix("*.") {
                    Some(suffix) => table.wildcard.insert(suffix.into(), key),
                    None => table.exact.insert(name.clone(), key),
                },
                Err(error) => {
                    tracing::error!(domain = name, %error, "a certificate is not served");
                    None
                }
            };
        }
        self.table.store(Arc::new(table));
    }

    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let table = self.table.load();
        let wildcard = || table.wildcard.get(name.split_once('.')?.1);
        table.exact.get(&name).or_else(wildcard).cloned()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        hello
            .server_name()
            .and_then(|name| self.find(name))
            .or_else(|| self.fallback.clone())
    }
}

/// The TLS settings of the data listeners: 1.2 and 1.3, HTTP/2 and HTTP/1.1, tickets for
/// resumption.
///
/// # Errors
/// [`Error::Setup`].
pub fn server_config(certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Whether a certificate of a model can be shown to clients.
///
/// # Errors
/// [`Error::Unusable`]
pub fn check(it: &Certificate) -> Result<(), Error> {
    certified(&it.name, &it.certificate, &it.private_key).map(drop)
}

fn certified(name: &str, chain: &str, key: &str) -> Result<Arc<CertifiedKey>, Error> {
    let bad = |reason: String| Error::Unusable {
        name: name.into(),
        reason,
    };
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| bad(error.to_string()))?;
    if certificates.is_empty() {
        return Err(bad("there is no certificate in the PEM text".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| bad(format!("private key: {error}")))?;
    CertifiedKey::from_der(certificates, key, &aws_lc_rs::default_provider())
        .map(Arc::new)
        .map_err(|error| bad(error.to_string()))
}

#[cfg(test)]
mod tests {
    use tollgate_model::DomainName;

    use super::*;

    fn pem(name: &str) -> Certificate {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Certificate {
            name: name.into(),
            certificate: made.cert.pem(),
            private_key: made.signing_key.serialize_pem(),
        }
    }

    #[test]
    fn exact_names_before_wildcards_before_nothing() {
        let mut model = Model::default();
        for name in ["api.example.com", "*.example.com"] {
            model.certificates.insert(name.into(), Arc::new(pem(name)));
            let domain = DomainName {
                domain_name: name.into(),
                certificate: Some(name.into()),
                ..DomainName::default()
            };
            model.domain_names.insert(name.into(), Arc::new(domain));
        }
        let certificates = Certificates::new(None).unwrap();
        certificates.publish(&model);
        let exact = certificates.find("API.example.com").unwrap();
        let wildcard = certificates.find("other.example.com").unwrap();
        assert!(!Arc::ptr_eq(&exact, &wildcard));
        assert!(certificates.find("a.b.example.com").is_none());
        assert!(certificates.find("example.org").is_none());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, two) = (pem("a.test"), pem("b.test"));
        let error = certified("a.test", &one.certificate, &two.private_key).unwrap_err();
        assert!(error.to_string().contains("a.test"), "{error}");
        assert!(certified("x", "nothing", &one.private_key).is_err());
    }
}
