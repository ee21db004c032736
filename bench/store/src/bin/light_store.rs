//! `light-store [OPTION VALUE]…`: serves on a free port of 127.0.0.1, prints the address as JSON,
//! and ends when its standard input does.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use light_store::Store;
use light_store::faults::Knobs;

const USAGE: &str = "usage: light-store [--latency-ms N] [--bandwidth BYTES/S] [--compute-md5 0|1]
  of 1000 bodies: [--slow-down N] [--reset N] [--hang N] [--corrupt N] [--seed N]";

fn main() -> ExitCode {
    let (knobs, compute_md5) = match arguments() {
        Ok(known) => known,
        Err(problem) => {
            eprintln!("error: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    println!("{{\"event\":\"ready\",\"s3\":\"http://{address}\"}}");
    std::io::stdout()
        .flush()
        .expect("somebody reads the address");
    let store = Arc::new(Store::new(knobs, compute_md5));
    let serving = Arc::clone(&store);
    std::thread::spawn(move || light_store::serve(&listener, &serving));
    // Whoever started the store closes its input, also by dying.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    println!("{{\"event\":\"end\",\"requests\":{}}}", store.requests());
    ExitCode::SUCCESS
}

fn arguments() -> Result<(Knobs, bool), String> {
    let mut knobs = Knobs::default();
    let mut compute_md5 = false;
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or(format!("{name} needs a value"))?;
        let number: u64 = value
            .parse()
            .map_err(|_| format!("{name} needs a number, not {value}"))?;
        match name.as_str() {
            "--latency-ms" => knobs.latency = Duration::from_millis(number),
            "--bandwidth" => knobs.bandwidth = number,
            "--slow-down" => knobs.slow_down = number,
            "--reset" => knobs.reset = number,
            "--hang" => knobs.hang = number,
            "--corrupt" => knobs.corrupt = number,
            "--seed" => knobs.seed = number,
            "--compute-md5" => compute_md5 = number != 0,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok((knobs, compute_md5))
}
