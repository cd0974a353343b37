//! Certificates in PEM files, read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where a certificate and its key are, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct TlsError {
    /// The file.
    path: PathBuf,
    /// What is wrong with it.
    problem: String,
}

/// The newest certificates that work.
#[derive(Debug, Clone)]
pub struct Certificates(watch::Receiver<Arc<ServerConfig>>);

impl Certificates {
    /// Reads the files, and again whenever they change until `stop` is cancelled. New ones that do not work are
    /// reported, and the old ones stay.
    ///
    /// # Errors
    /// [`TlsError`] if they do not work now.
    pub fn watch(files: TlsFiles, tasks: &TaskTracker, stop: CancellationToken) -> Result<Self, TlsError> {
        let (newest, seen) = watch::channel(Arc::new(load(&files)?));
        tasks.spawn(async move { stop.run_until_cancelled(follow(files, newest)).await });
        Ok(Self(seen))
    }

    /// Accepts connections with the newest certificates.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

async fn follow(files: TlsFiles, newest: watch::Sender<Arc<ServerConfig>>) {
    let mut known = contents(&files);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = contents(&files);
        if now == known {
            continue;
        }
        known = now;
        match load(&files) {
            Ok(config) => {
                newest.send_replace(Arc::new(config));
                tracing::info!(cert = %files.cert.display(), "loaded new certificates");
            }
            Err(error) => tracing::warn!(%error, "the new certificates do not work; the old ones stay in use"),
        }
    }
}

fn contents(files: &TlsFiles) -> [Option<Vec<u8>>; 2] {
    [&files.cert, &files.key].map(|path| std::fs::read(path).ok())
}

fn load(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &Path, problem: String| TlsError { path: path.to_owned(), problem };
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&files.cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(&files.cert, "has no certificate; give a PEM file with the chain".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, error.to_string()))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| wrong(&files.cert, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
