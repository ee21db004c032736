//! Starting, being ready, stopping.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::support::{Ran, Server, packhorse, run};

/// The status line and everything after it.
fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn says_when_it_is_ready_and_ends_with_0_on_sigterm() {
    let server = Server::start();
    assert!(get(&server.api, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&server.api, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(get(&server.s3, "/").starts_with("HTTP/1.1 403"));
    assert_eq!(server.console, format!("{}/console/", server.api));
    assert!(get(&server.api, "/console/").starts_with("HTTP/1.1 200"));
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for (flag, other) in [("--listen", "--s3-listen"), ("--s3-listen", "--listen")] {
        let arguments = [
            "serve",
            "--data-dir",
            data,
            flag,
            &address,
            other,
            "127.0.0.1:0",
        ];
        let ran = run(&arguments).expect(1);
        ran.says(&format!("error: listen on {address}"))
            .says("hint: another program");
        ran.says(flag);
    }
}

#[test]
fn a_data_folder_is_served_by_one_server_only() {
    let server = Server::start();
    let mut second = packhorse();
    second.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--s3-listen",
        "127.0.0.1:0",
        "--data-dir",
    ]);
    Ran::of(second.arg(server.data_dir()))
        .expect(1)
        .says("in use")
        .says("hint: is another");
}

#[test]
fn what_it_cannot_do_as_safely_as_asked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = packhorse();
    command.args(["serve", "--data-dir"]).arg(folder.path());
    command.env("PACKHORSE_SERVER__TLS_CERT", "cert.pem");
    Ran::of(&mut command)
        .expect(1)
        .says("server.tls_key is not");
    run(&["serve"])
        .expect(1)
        .says("no data folder is configured");
}
