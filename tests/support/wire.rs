//! A reader of HTTP/1.1 answers that returns the pieces of a body, which client libraries hide.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// An answer with the arrival time of each piece.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status line and headers.
    pub(crate) head: String,
    /// Pieces of `Transfer-Encoding: chunked`; empty for other answers.
    pub(crate) pieces: Vec<(Vec<u8>, Instant)>,
}

/// Requests `path` and blocks until the last piece has arrived.
pub(crate) fn get(address: &str, path: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let mut pieces = Vec::new();
    while head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        let mut piece = vec![0; length + 2];
        reader.read_exact(&mut piece)?;
        if length == 0 {
            break;
        }
        piece.truncate(length);
        pieces.push((piece, Instant::now()));
    }
    Ok(Answer { head, pieces })
}
