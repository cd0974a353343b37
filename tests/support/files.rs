//! A server of a few files in memory, which does not answer for some of them.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;

/// The body of each path; `None` for a path without an answer.
pub(crate) type Files = HashMap<String, Option<Bytes>>;

/// Serves until the test ends. Returns the URL of the root, without a slash at its end.
pub(crate) fn serve(files: Files) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let files = Arc::new(files);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let files = Arc::clone(&files);
            std::thread::spawn(move || answer(&stream, &files));
        }
    });
    format!("http://{address}")
}

/// Answers requests of one connection until the client closes it.
fn answer(mut stream: &TcpStream, files: &Files) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let path = line.split(' ').nth(1)?.split('?').next()?.to_owned();
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let line = line.to_ascii_lowercase();
            length = line.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok()).unwrap_or(length);
        }
        io::copy(&mut (&mut reader).take(length), &mut io::sink()).ok()?;
        let (status, body) = match files.get(&path) {
            Some(Some(body)) => ("200 OK", body.clone()),
            Some(None) => {
                std::thread::park();
                return None;
            }
            None => ("404 Not Found", Bytes::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}
