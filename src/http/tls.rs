//! TLS certificates from PEM files, reloaded when the files change.

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

use crate::base::os_error;

/// Interval of checking the files for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Paths of the PEM files with certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, the certificate of the server first.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct TlsError {
    /// Path of the file.
    path: PathBuf,
    /// What is wrong with the file.
    problem: String,
}

/// The newest valid certificates.
#[derive(Debug, Clone)]
pub struct Certificates(watch::Receiver<Arc<ServerConfig>>);

impl Certificates {
    /// Reads the files, and reads them again after each change until `stop` is cancelled. Invalid new files are logged
    /// and the previous certificates stay in use.
    ///
    /// # Errors
    /// [`TlsError`] if the files are invalid now.
    pub fn watch(files: TlsFiles, tasks: &TaskTracker, stop: CancellationToken) -> Result<Self, TlsError> {
        let (newest, seen) = watch::channel(Arc::new(load(&files)?));
        tasks.spawn(async move { stop.run_until_cancelled(follow(files, newest)).await });
        Ok(Self(seen))
    }

    /// TLS acceptor with the newest certificates.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

async fn follow(files: TlsFiles, newest: watch::Sender<Arc<ServerConfig>>) {
    let mut known = contents(&files);
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
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
        .map_err(|error| wrong(&files.cert, os_error::without_numbers(&error.to_string())))?;
    if chain.is_empty() {
        return Err(wrong(&files.cert, "has no certificate; give a PEM file with the chain".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| wrong(&files.key, os_error::without_numbers(&error.to_string())))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| wrong(&files.cert, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
