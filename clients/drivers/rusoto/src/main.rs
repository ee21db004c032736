//! Driver for the crate rusoto_importexport. The protocol is described in ../lines.py.

use std::fmt::Debug;
use std::io::{BufRead, Write};

use rusoto_core::credential::StaticProvider;
use rusoto_core::{HttpClient, Region, RusotoError};
use rusoto_importexport::{ImportExport, ImportExportClient};
use serde_json::{json, Map, Value};

fn client(access: &Value) -> ImportExportClient {
    let text = |name: &str| access[name].as_str().unwrap().to_owned();
    let keys = StaticProvider::new_minimal(text("access_key_id"), text("secret_access_key"));
    let region = Region::Custom {
        name: "us-east-1".to_owned(),
        endpoint: text("endpoint"),
    };
    ImportExportClient::new_with(HttpClient::new().unwrap(), keys, region)
}

/// phoneNumber, JobId -> phone_number, job_id
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut after_small = false;
    for letter in name.replace("API", "Api").chars() {
        if letter.is_uppercase() && after_small {
            snake.push('_');
        }
        after_small = letter.is_lowercase();
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// job_id -> JobId
fn wire(name: &str) -> String {
    let word = |word: &str| match word {
        "url" => "URL".to_owned(),
        word => word[..1].to_uppercase() + &word[1..],
    };
    name.split('_').map(word).collect()
}

fn renamed(value: Value, rename: fn(&str) -> String) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (rename(&name), renamed(value, rename)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.into_iter().map(|v| renamed(v, rename)).collect(),
        other => other,
    }
}

/// A typed error by its variant; `Unknown` holds an answer that the crate has no type for.
fn refusal<E: Debug>(error: RusotoError<E>) -> Value {
    match error {
        RusotoError::Service(service) => {
            let shown = format!("{service:?}");
            let (class, rest) = shown.split_once('(').unwrap_or((&shown, ""));
            let message = rest.trim_end_matches(')').trim_matches('"');
            json!({ "error": { "class": class, "code": null, "message": message } })
        }
        RusotoError::Unknown(answer) => json!({ "xml": answer.body_as_str() }),
        other => {
            json!({ "error": { "class": "other", "code": null, "message": format!("{other:?}") } })
        }
    }
}

macro_rules! ask {
    ($client:expr, $method:ident, $params:expr) => {
        match $client.$method(serde_json::from_value($params).unwrap()).await {
            Ok(answer) => json!({ "result": renamed(json!(answer), wire) }),
            Err(error) => refusal(error),
        }
    };
}

async fn call(request: &Value) -> Value {
    let client = client(&request["access"]);
    let params = renamed(request["params"].clone(), snake);
    match request["action"].as_str().unwrap() {
        "CreateJob" => ask!(client, create_job, params),
        "UpdateJob" => ask!(client, update_job, params),
        "CancelJob" => ask!(client, cancel_job, params),
        "GetStatus" => ask!(client, get_status, params),
        "ListJobs" => ask!(client, list_jobs, params),
        "GetShippingLabel" => ask!(client, get_shipping_label, params),
        other => panic!("no action {other}"),
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for line in std::io::stdin().lock().lines() {
        let request = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = runtime.block_on(call(&request));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").unwrap();
        out.flush().unwrap();
    }
}
