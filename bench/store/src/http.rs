//! As much of HTTP/1.1 as uploaders speak: heads, lengths, `Expect`, and bodies in `aws-chunked`.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use md5::{Digest as _, Md5};

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes taken from the socket at once while a body is drained.
const BUFFER_BYTES: usize = 256 * 1024;
/// Longest line between the chunks of an `aws-chunked` body.
const LINE_BYTES_MAX: usize = 1024;

/// The head of a request.
#[derive(Debug, Default)]
pub struct Request {
    /// `PUT`, …
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// `Content-Length`; 0 without one.
    pub body_bytes: u64,
    /// `Content-MD5`, as sent.
    pub content_md5: Option<String>,
    /// Whether the body is in `aws-chunked` pieces.
    pub aws_chunked: bool,
    /// Whether the client waits for leave to send its body.
    pub expects_leave: bool,
}

impl Request {
    /// A parameter of the query, decoded; empty when it has no value.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| decode(value, true))
        })
    }
}

/// What is known of a body after it was drained.
#[derive(Debug, Default)]
pub struct Drained {
    /// Its bytes, without the frame of `aws-chunked`.
    pub bytes: u64,
    /// Its MD5, where it was computed.
    pub md5: Option<[u8; 16]>,
    /// Its first bytes, where they were wanted.
    pub kept: Vec<u8>,
}

/// One client's connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What is in the buffer and not yet used.
    from: usize,
    to: usize,
}

impl Connection {
    /// Takes an accepted connection.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
            from: 0,
            to: 0,
        }
    }

    /// The next request; `None` when the client has closed.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            let ready = &self.buffer[self.from..self.to];
            if let Some(end) = find(ready, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&ready[..end]).into_owned();
                self.from += end + 4;
                return parse(&head).map(Some);
            }
            if ready.len() > HEAD_BYTES_MAX {
                return Err(io::Error::other("the head is too long"));
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads a body to its end. `keep` bytes of it at the most are kept.
    pub fn drain(&mut self, request: &Request, md5: bool, keep: usize) -> io::Result<Drained> {
        if request.expects_leave {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut drained = Drained::default();
        let mut hash = md5.then(Md5::new);
        if request.aws_chunked {
            loop {
                let line = self.line()?;
                let size = line.split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
                if size == 0 {
                    break;
                }
                self.take(size, &mut drained, hash.as_mut(), keep)?;
                self.line()?;
            }
            while !self.line()?.is_empty() {}
        } else {
            self.take(request.body_bytes, &mut drained, hash.as_mut(), keep)?;
        }
        drained.md5 = hash.map(|hash| hash.finalize().into());
        Ok(drained)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn take(
        &mut self,
        mut left: u64,
        drained: &mut Drained,
        mut hash: Option<&mut Md5>,
        keep: usize,
    ) -> io::Result<()> {
        drained.bytes += left;
        while left > 0 {
            if self.from == self.to && self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let here = (self.to - self.from).min(usize::try_from(left).unwrap_or(usize::MAX));
            let piece = &self.buffer[self.from..self.from + here];
            if let Some(hash) = &mut hash {
                hash.update(piece);
            }
            let wanted = keep.saturating_sub(drained.kept.len()).min(here);
            drained.kept.extend_from_slice(&piece[..wanted]);
            self.from += here;
            left -= here as u64;
        }
        Ok(())
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            let ready = &self.buffer[self.from..self.to];
            if let Some(end) = find(ready, b"\r\n") {
                let line = String::from_utf8_lossy(&ready[..end]).into_owned();
                self.from += end + 2;
                return Ok(line);
            }
            if ready.len() > LINE_BYTES_MAX || self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads what has come, after making room.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        let read = self.stream.read(&mut self.buffer[self.to..])?;
        self.to += read;
        Ok(read)
    }
}

fn parse(head: &str) -> io::Result<Request> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        ..Request::default()
    };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("content-length") {
            request.body_bytes = value.parse().map_err(io::Error::other)?;
        } else if is("content-md5") {
            request.content_md5 = Some(value.to_owned());
        } else if is("content-encoding") {
            request.aws_chunked = value.contains("aws-chunked");
        } else if is("expect") {
            request.expects_leave = true;
        } else if is("transfer-encoding") {
            return Err(io::Error::other("a body without a length"));
        }
    }
    Ok(request)
}

/// Undoes percent-encoding; in a query a plus is a blank.
pub fn decode(text: &str, query: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()].map(|d| d.unwrap_or(b'0') as char);
                let value = digits.map(|d| d.to_digit(16).unwrap_or(0) as u8);
                out.push(value[0] << 4 | value[1]);
            }
            b'+' if query => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
