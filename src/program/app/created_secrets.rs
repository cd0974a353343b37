//! Secrets that are created at the first start and stored beside the definitions.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::rand::{GetRandomFlags, getrandom};

/// Name of the file in a state directory that contains the API token.
pub const TOKEN: &str = "token";
/// Name of the file in a state directory that contains the viewer key.
pub(super) const VIEWER_KEY: &str = "viewer_key";
/// Length of a secret in bytes; 128 bits cannot be guessed.
const BYTES: usize = 16;

/// Reads the secret in the file `name` of a locked state directory, or creates it. Without a directory the secret lasts
/// as long as the process.
pub(super) fn open_or_create(state: Option<&Path>, name: &str) -> io::Result<String> {
    let Some(state) = state else { return make() };
    let path = state.join(name);
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let token = make()?;
    let part = path.with_extension("part");
    // A partly written file may be readable by other users.
    let _ = fs::remove_file(&part);
    let attempt = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&part)?;
        writeln!(file, "{token}")?;
        file.sync_all()?;
        fs::rename(&part, &path)
    };
    attempt().inspect_err(|_| _ = fs::remove_file(&part))?;
    Ok(token)
}

fn make() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    // `getrandom` returns so few bytes in one call (getrandom(2)).
    getrandom(&mut bytes[..], GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_created_once_and_readable_by_its_owner_only() {
        let state = tempfile::TempDir::new().unwrap();
        fs::write(state.path().join("token.part"), "half").unwrap();
        let token = open_or_create(Some(state.path()), TOKEN).unwrap();
        assert_eq!((token.len(), &open_or_create(Some(state.path()), TOKEN).unwrap()), (32, &token));
        let meta = fs::metadata(state.path().join(TOKEN)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        let others =
            [open_or_create(Some(state.path()), VIEWER_KEY), open_or_create(None, TOKEN), open_or_create(None, TOKEN)];
        let others = others.map(Result::unwrap);
        assert!(!others.contains(&token) && others[1] != others[2]);
    }
}
