//! The sockets that the server listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::base::os_error;

/// Length of the queue of connections to be accepted, the maximum of Linux by default.
const BACKLOG: i32 = 4096;

/// Binds a listening socket. `[::]` means all IPv6 and IPv4 addresses of the host, and `0.0.0.0` all IPv4 addresses. On
/// a host without IPv6, `[::]` means `0.0.0.0`.
///
/// # Errors
/// If the address is in use or is not an address of this host.
pub(super) fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    bind_with(listen, open)
}

/// Binds a UDP socket, with the same meaning of addresses as [`bind`].
///
/// # Errors
/// As for [`bind`].
pub(super) fn bind_udp(listen: SocketAddr) -> io::Result<UdpSocket> {
    bind_with(listen, |listen| {
        let socket = Socket::new(Domain::for_address(listen), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if is_all_addresses(listen) {
            socket.set_only_v6(false)?;
        }
        socket.bind(&listen.into())?;
        Ok(socket.into())
    })
}

fn bind_with<T>(listen: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(listen) {
        Err(error) if is_all_addresses(listen) && says_no_ipv6(&error) => {
            tracing::info!(error = os_error::text(&error), "this host has no IPv6: listening on IPv4 only");
            open((Ipv4Addr::UNSPECIFIED, listen.port()).into())
        }
        outcome => outcome,
    }
}

fn open(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if is_all_addresses(listen) {
        // The default of the system may be IPv6 only.
        socket.set_only_v6(false)?;
    }
    // Allows a restart while connections of the previous process are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&listen.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_all_addresses(listen: SocketAddr) -> bool {
    listen.is_ipv6() && listen.ip().is_unspecified()
}

/// Whether the error means that the kernel has no IPv6 or that IPv6 is disabled.
fn says_no_ipv6(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::ADDRNOTAVAIL].map(Some).contains(&errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the address that is bound on a host where IPv6 fails with `ipv6`.
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
    fn without_ipv6_all_addresses_means_ipv4() {
        for errno in [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::ADDRNOTAVAIL] {
            check("[::]:80", errno, Ok("0.0.0.0:80"));
        }
        check("[::]:80", Errno::ADDRINUSE, Err(Errno::ADDRINUSE));
        check("[::1]:80", Errno::AFNOSUPPORT, Err(Errno::AFNOSUPPORT));
        check("127.0.0.1:80", Errno::AFNOSUPPORT, Ok("127.0.0.1:80"));
    }
}
