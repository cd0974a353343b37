//! Self-signed certificates.

use std::path::Path;
use std::process::Command;

/// Creates a certificate for `localhost` and its key. Returns their paths.
pub(crate) fn certify(directory: &Path) -> [String; 2] {
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| directory.join(name).to_str().expect("UTF-8").to_owned());
    let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    let made = Command::new("openssl")
        .args(arguments)
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &cert])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [cert, key]
}
