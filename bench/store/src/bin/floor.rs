//! `floor ENDPOINT BUCKET FOLDER`: the least that any uploader does. Blocking sockets, one MD5 of
//! each body (on one stream), no signature, no retry, no check of the answer beyond its status.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use md5::{Digest as _, Md5};

const THREADS: usize = 8;
const PART_BYTES: u64 = 16 * 1024 * 1024;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, bucket, folder] = words.as_slice() else {
        return Err(io::Error::other(
            "usage: floor http://HOST:PORT BUCKET FOLDER",
        ));
    };
    let host = endpoint.trim_start_matches("http://");
    let root = Path::new(folder);
    let mut files = Vec::new();
    walk(root, &mut files)?;
    let next = AtomicUsize::new(0);
    let first_error = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let sent = sender(host, bucket, root, &files, &next);
                if let Err(error) = sent {
                    *first_error.lock().expect("no thread panics with it") = Some(error);
                }
            });
        }
    });
    match first_error.into_inner().expect("the threads are gone") {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push((entry.path(), metadata.len()));
        }
    }
    Ok(())
}

fn sender(
    host: &str,
    bucket: &str,
    root: &Path,
    files: &[(PathBuf, u64)],
    next: &AtomicUsize,
) -> io::Result<()> {
    let mut wire = Wire {
        stream: TcpStream::connect(host)?,
        host,
        answer: vec![0; 64 * 1024],
    };
    wire.stream.set_nodelay(true)?;
    let mut buffer = vec![0; usize::try_from(PART_BYTES).expect("16 MiB fit")];
    while let Some((path, size)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let key = path.strip_prefix(root).unwrap_or(path).display();
        let target = format!("/{bucket}/{key}");
        let mut file = File::open(path)?;
        if *size <= PART_BYTES {
            wire.body(&target, &mut file, *size, &mut buffer)?;
            continue;
        }
        let upload = wire.exchange("POST", &format!("{target}?uploads"), &[], &[])?;
        let upload = between(&upload, "<UploadId>", "</UploadId>");
        let (mut left, mut number, mut list) = (*size, 0, String::new());
        while left > 0 {
            number += 1;
            let here = left.min(PART_BYTES);
            let part = format!("{target}?partNumber={number}&uploadId={upload}");
            wire.body(&part, &mut file, here, &mut buffer)?;
            list.push_str(&format!("<Part><PartNumber>{number}</PartNumber></Part>"));
            left -= here;
        }
        let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        wire.exchange(
            "POST",
            &format!("{target}?uploadId={upload}"),
            &[],
            list.as_bytes(),
        )?;
    }
    Ok(())
}

/// One connection.
struct Wire<'a> {
    stream: TcpStream,
    host: &'a str,
    answer: Vec<u8>,
}

impl Wire<'_> {
    fn body(
        &mut self,
        target: &str,
        file: &mut File,
        size: u64,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let body = &mut buffer[..usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact(body)?;
        let md5: [u8; 16] = Md5::digest(&*body).into();
        self.exchange("PUT", target, &md5, body)?;
        Ok(())
    }

    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        md5: &[u8],
        body: &[u8],
    ) -> io::Result<String> {
        let guard = match md5 {
            [] => String::new(),
            md5 => format!("Content-MD5: {}\r\n", base64(md5)),
        };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{guard}Content-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        if body.len() <= 64 * 1024 {
            self.stream.write_all(&[head.as_bytes(), body].concat())?;
        } else {
            self.stream.write_all(head.as_bytes())?;
            self.stream.write_all(body)?;
        }
        let mut have = 0;
        loop {
            have += match self.stream.read(&mut self.answer[have..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => read,
            };
            let text = String::from_utf8_lossy(&self.answer[..have]);
            let Some(end) = text.find("\r\n\r\n") else {
                continue;
            };
            let length = between(&text, "Content-Length: ", "\r\n");
            if have >= end + 4 + length.parse::<usize>().unwrap_or(0) {
                return match text.starts_with("HTTP/1.1 2") {
                    true => Ok(text.into_owned()),
                    false => Err(io::Error::other(text.into_owned())),
                };
            }
        }
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or("", |(inside, _)| inside)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(word);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    out
}
