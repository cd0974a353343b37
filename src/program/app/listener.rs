//! The socket that the server listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that may wait to be accepted: as many as Linux allows unless told otherwise.
const BACKLOG: i32 = 4096;

/// Listens on an address. `[::]` means all addresses of the host, IPv6 and IPv4, and `0.0.0.0` all IPv4 addresses. Where
/// the host has no IPv6, `[::]` is `0.0.0.0`.
///
/// # Errors
/// If the address is in use or is not an address of this host.
pub(super) fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    bind_with(listen, open)
}

fn bind_with<T>(listen: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(listen) {
        Err(error) if is_all_addresses(listen) && says_no_ipv6(&error) => {
            tracing::info!(%error, "this host has no IPv6: listening on IPv4 only");
            open((Ipv4Addr::UNSPECIFIED, listen.port()).into())
        }
        outcome => outcome,
    }
}

fn open(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if is_all_addresses(listen) {
        // The system's default may be IPv6 only.
        socket.set_only_v6(false)?;
    }
    // A restart does not wait until the system has forgotten the connections of the process before.
    socket.set_reuse_address(true)?;
    socket.bind(&listen.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_all_addresses(listen: SocketAddr) -> bool {
    listen.is_ipv6() && listen.ip().is_unspecified()
}

/// Whether an error means that the kernel has no IPv6, or that it is switched off.
fn says_no_ipv6(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::ADDRNOTAVAIL].map(Some).contains(&errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens nothing on a host where IPv6 fails with `ipv6`, and every IPv4 address.
    fn check(listen: &str, ipv6: Errno, expected: Result<&str, Errno>) {
        let open = |address: SocketAddr| match address.is_ipv6() {
            true => Err(io::Error::from(ipv6)),
            false => Ok(address),
        };
        let bound = bind_with(listen.parse().unwrap(), open);
        let bound = bound.map(|address| address.to_string()).map_err(|error| Errno::from_io_error(&error).unwrap());
        assert_eq!(bound, expected.map(str::to_owned), "{listen}");
    }

    #[test]
    fn all_addresses_of_a_host_without_ipv6_are_those_of_ipv4() {
        for errno in [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::ADDRNOTAVAIL] {
            check("[::]:80", errno, Ok("0.0.0.0:80"));
        }
        check("[::]:80", Errno::ADDRINUSE, Err(Errno::ADDRINUSE));
        check("[::1]:80", Errno::AFNOSUPPORT, Err(Errno::AFNOSUPPORT));
        check("127.0.0.1:80", Errno::AFNOSUPPORT, Ok("127.0.0.1:80"));
    }
}
