//! The file in which a running server publishes its API token for commands of the same user. There is one file for each
//! address that the server listens on. Only the user can read it, and the server holds a lock on it while it runs.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat, renameat, stat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Permission bits that give access to other users.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);
/// Maximum size of the file in bytes, above the 1024 bytes of the longest token.
const MAX_BYTES: u64 = 4096;

/// The API token of this process, published for one address until this value is dropped.
#[derive(Debug)]
pub struct TokenFile {
    directory: File,
    name: String,
    /// The open file, whose lock shows that the server runs. The system releases the lock however the process ends.
    file: File,
}

/// A directory that may contain these files.
#[derive(Debug, PartialEq, Eq)]
struct Location {
    /// Parent directory, which must exist. If `is_own`, it must belong to this user.
    base: PathBuf,
    /// Path of the directory relative to `base`.
    path: PathBuf,
    is_own: bool,
}

impl TokenFile {
    /// Writes `token` for commands that connect to `address` into the first usable directory. Replaces the file of an
    /// earlier server at the same address.
    ///
    /// # Errors
    /// If no directory can be used.
    pub fn publish(address: SocketAddr, token: &str) -> io::Result<Self> {
        Self::publish_in(&locations(|name| std::env::var_os(name)), address, token)
    }

    fn publish_in(locations: &[Location], address: SocketAddr, token: &str) -> io::Result<Self> {
        let mut last = io::ErrorKind::NotFound.into();
        for location in locations {
            match location.create().and_then(|directory| Self::write(directory, &address.to_string(), token)) {
                Ok(published) => return Ok(published),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn write(directory: File, name: &str, token: &str) -> io::Result<Self> {
        let part = format!(".{name}.{}", std::process::id());
        // An earlier process with the same id may have left the file.
        let _ = unlinkat(&directory, &part, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file: File = openat(&directory, &part, flags, Mode::RUSR | Mode::WUSR)?.into();
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        writeln!(file, "{token}")?;
        renameat(&directory, &part, &directory, name)?;
        Ok(Self { directory, name: name.to_owned(), file })
    }
}

impl Drop for TokenFile {
    /// Deletes the file, unless the next server at this address has replaced it.
    fn drop(&mut self) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let there = openat(&self.directory, &self.name, flags, Mode::empty()).and_then(fstat);
        let is_own = matches!((there, fstat(&self.file)), (Ok(there), Ok(own)) if there.st_ino == own.st_ino);
        if is_own {
            let _ = unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// The token of a running server of this user that accepts connections to `host` and `port`.
pub fn find(host: &str, port: u16) -> Option<String> {
    find_in(&locations(|name| std::env::var_os(name)), host, port)
}

fn find_in(locations: &[Location], host: &str, port: u16) -> Option<String> {
    let names: Vec<_> = listeners(host).into_iter().map(|ip| SocketAddr::new(ip, port).to_string()).collect();
    let directories: Vec<_> = locations.iter().filter_map(|location| private(&location.directory()).ok()).collect();
    directories.iter().find_map(|directory| names.iter().find_map(|name| read(directory, name)))
}

/// Whether `host` is the loopback interface of this machine.
pub fn is_loopback(host: &str) -> bool {
    listeners(host).iter().any(IpAddr::is_loopback)
}

/// Addresses a server that accepts connections to `host` may listen on; empty for another machine.
fn listeners(host: &str) -> Vec<IpAddr> {
    let [v4, v6]: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let [all_v4, all_v6]: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(ip) if ip.is_loopback() => vec![ip, if ip.is_ipv4() { all_v4 } else { all_v6 }],
        Ok(ip) => vec![ip],
        Err(_) if host.eq_ignore_ascii_case("localhost") => vec![v6, v4, all_v6, all_v4],
        Err(_) => Vec::new(),
    }
}

/// The token in a file that a running server has locked.
fn read(directory: &File, name: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file: File = openat(directory, name, flags, Mode::empty()).ok()?.into();
    let status = fstat(&file).ok()?;
    let is_private = FileType::from_raw_mode(status.st_mode).is_file() && is_private(&status);
    // Without a lock the server has ended, and another user may listen at its address and would receive the token.
    if !is_private || flock(&file, FlockOperation::NonBlockingLockShared) != Err(Errno::WOULDBLOCK) {
        return None;
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Directories for the file, the best first. A command searches all of them, because its environment may differ from
/// that of the server.
fn locations(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Location> {
    let user = geteuid().as_raw();
    let path = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = path("XDG_RUNTIME_DIR").unwrap_or_else(|| format!("/run/user/{user}").into());
    let state = match (path("XDG_STATE_HOME"), path("HOME")) {
        (Some(state), _) => Some(Location { base: state, path: "barstone/servers".into(), is_own: true }),
        (None, Some(home)) => Some(Location { base: home, path: ".local/state/barstone/servers".into(), is_own: true }),
        (None, None) => None,
    };
    let temporary = path("TMPDIR").unwrap_or_else(|| "/tmp".into());
    let temporary = Location { base: temporary, path: format!("barstone-servers-{user}").into(), is_own: false };
    let runtime = Location { base: runtime, path: "barstone".into(), is_own: true };
    [Some(runtime), state, Some(temporary)].into_iter().flatten().collect()
}

impl Location {
    fn directory(&self) -> PathBuf {
        self.base.join(&self.path)
    }

    /// Opens the directory and creates it if it does not exist.
    fn create(&self) -> io::Result<File> {
        let base = stat(&self.base)?;
        if self.is_own && base.st_uid != geteuid().as_raw() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let directory = self.directory();
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        private(&directory)
    }
}

/// Opens a directory that only this user can access. A symbolic link is refused.
fn private(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory: File = openat(CWD, path, flags, Mode::empty())?.into();
    match is_private(&fstat(&directory)?) {
        true => Ok(directory),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

fn is_private(status: &rustix::fs::Stat) -> bool {
    status.st_uid == geteuid().as_raw() && !Mode::from_raw_mode(status.st_mode).intersects(OTHERS)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    fn location(base: &Path) -> Location {
        Location { base: base.to_owned(), path: "barstone".into(), is_own: true }
    }

    fn publish(base: &Path, address: &str, token: &str) -> io::Result<TokenFile> {
        TokenFile::publish_in(&[location(base)], address.parse().unwrap(), token)
    }

    fn found(base: &Path, host: &str, port: u16) -> Option<String> {
        find_in(&[location(base)], host, port)
    }

    #[test]
    fn the_token_file_exists_while_the_server_runs_for_its_user_only() {
        let base = TempDir::new().unwrap();
        assert_eq!(found(base.path(), "127.0.0.1", 8080), None);
        let published = publish(base.path(), "127.0.0.1:8080", "sesame").unwrap();
        assert_eq!(found(base.path(), "127.0.0.1", 8080).as_deref(), Some("sesame"));
        let directory = base.path().join("barstone");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join("127.0.0.1:8080"))), (0o700, 0o600));
        drop(published);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }

    #[test]
    fn each_address_has_its_own_file_which_the_next_server_replaces() {
        let base = TempDir::new().unwrap();
        let _other = publish(base.path(), "127.0.0.1:8081", "other").unwrap();
        let first = publish(base.path(), "127.0.0.1:8080", "first").unwrap();
        let _next = publish(base.path(), "127.0.0.1:8080", "next").unwrap();
        drop(first);
        assert_eq!(found(base.path(), "127.0.0.1", 8080).as_deref(), Some("next"));
        assert_eq!(found(base.path(), "127.0.0.1", 8081).as_deref(), Some("other"));
        assert_eq!(found(base.path(), "127.0.0.1", 8082), None);
    }

    #[test]
    fn the_token_of_a_killed_server_is_not_used() {
        let base = TempDir::new().unwrap();
        let published = publish(base.path(), "127.0.0.1:8080", "sesame").unwrap();
        let file = base.path().join("barstone/127.0.0.1:8080");
        let left = fs::read(&file).unwrap();
        drop(published);
        fs::write(&file, left).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(found(base.path(), "127.0.0.1", 8080), None);
        let _next = publish(base.path(), "127.0.0.1:8080", "next").unwrap();
        assert_eq!(found(base.path(), "127.0.0.1", 8080).as_deref(), Some("next"));
    }

    #[test]
    fn symbolic_links_and_files_that_others_can_read_are_ignored() {
        let [base, elsewhere] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o700)).unwrap();
        symlink(elsewhere.path(), base.path().join("barstone")).unwrap();
        assert!(publish(base.path(), "127.0.0.1:8080", "sesame").is_err());
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        fs::remove_file(base.path().join("barstone")).unwrap();

        let published = publish(base.path(), "127.0.0.1:8080", "sesame").unwrap();
        let directory = base.path().join("barstone");
        symlink(directory.join("127.0.0.1:8080"), directory.join("127.0.0.1:8081")).unwrap();
        assert_eq!(found(base.path(), "127.0.0.1", 8081), None);
        for (path, mode) in [(directory.join("127.0.0.1:8080"), 0o640), (directory.clone(), 0o750)] {
            let before = fs::metadata(&path).unwrap().permissions();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(found(base.path(), "127.0.0.1", 8080), None, "{}", path.display());
            fs::set_permissions(&path, before).unwrap();
        }
        assert!(found(base.path(), "127.0.0.1", 8080).is_some());
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(publish(base.path(), "127.0.0.1:8080", "sesame").is_err(), "others may look into it");
        drop(published);
    }

    #[test]
    fn the_first_usable_directory_is_chosen() {
        let base = TempDir::new().unwrap();
        let locations = [location(Path::new("/nowhere")), location(base.path())];
        let _published = TokenFile::publish_in(&locations, "[::1]:1".parse().unwrap(), "sesame").unwrap();
        assert_eq!(find_in(&locations, "[::1]", 1).as_deref(), Some("sesame"));
        assert!(publish(Path::new("/nowhere"), "[::1]:1", "sesame").is_err());
    }

    #[track_caller]
    fn check_found(address: &str, hosts: &[(&str, bool)]) {
        let base = TempDir::new().unwrap();
        let _published = publish(base.path(), address, "sesame").unwrap();
        for (host, expected) in hosts {
            assert_eq!(found(base.path(), host, 8080).is_some(), *expected, "{host} where {address} is listened on");
        }
    }

    #[test]
    fn a_host_matches_every_address_that_a_server_may_listen_on() {
        check_found("0.0.0.0:8080", &[("localhost", true), ("127.0.0.1", true), ("127.9.9.9", true), ("[::1]", false)]);
        check_found("[::]:8080", &[("LOCALHOST", true), ("::1", true), ("[::1]", true), ("127.0.0.1", false)]);
        check_found("127.0.0.1:8080", &[("localhost", true), ("127.0.0.2", false), ("192.0.2.1", false)]);
        check_found("192.0.2.1:8080", &[("192.0.2.1", true), ("localhost", false), ("a.example", false)]);
        check_found("0.0.0.0:8080", &[("192.0.2.1", false), ("a.example", false), ("localhost.a.example", false)]);
    }

    #[test]
    fn directories_belong_to_the_user() {
        let user = geteuid().as_raw();
        let directories = |variables: &[(&str, &str)]| {
            let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            locations(variable).iter().map(|location| location.directory().display().to_string()).collect::<Vec<_>>()
        };
        let temporary = format!("/tmp/barstone-servers-{user}");
        assert_eq!(directories(&[]), [format!("/run/user/{user}/barstone"), temporary.clone()]);
        let home = [("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "relative")];
        let in_home = "/home/a/.local/state/barstone/servers".to_owned();
        assert_eq!(directories(&home), [format!("/run/user/{user}/barstone"), in_home, temporary]);
        let all = [("XDG_RUNTIME_DIR", "/r"), ("XDG_STATE_HOME", "/s"), ("HOME", "/home/a"), ("TMPDIR", "/t")];
        let temporary = format!("/t/barstone-servers-{user}");
        assert_eq!(directories(&all), ["/r/barstone", "/s/barstone/servers", &temporary]);
    }
}
