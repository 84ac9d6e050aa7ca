//! Vault's own API, for machines without its program, as containers are: one question where the path's engine is mounted, and
//! one for the secret (`vault kv get` asks the same). The other stores want signed requests or a way to log in, and that is
//! their programs' matter.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::transport::{HttpTransport, Transport, TransportSettings, tls};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hubspot::secret::Secret;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use crate::commands::certificates;
use crate::failure::Failure;
use crate::process;

const ADDRESS: &str = "VAULT_ADDR";
const TOKEN: &str = "VAULT_TOKEN";
/// Where `vault login` leaves a token.
const TOKEN_FILE: &str = ".vault-token";
const NAMESPACE: &str = "VAULT_NAMESPACE";
const AUTHORITY: &str = "VAULT_CACERT";

/// Both questions together.
const PATIENCE: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What would end a path, or begin an escape.
const PATH: &AsciiSet = &CONTROLS.add(b'?').add(b'%').add(b'"').add(b'<').add(b'>').add(b'`').add(b'\\');

/// How Vault is asked, as its program would.
struct Desk {
    address: Uri,
    token: Secret,
    namespace: Option<HeaderValue>,
    transport: HttpTransport,
}

/// The engine that a path belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Engine {
    /// KV version 2, mounted there.
    Versioned { mount: String },
    /// KV version 1.
    Plain,
}

/// The field of the secret at `path`, both as `vault kv get` takes them.
///
/// # Errors
/// A usage failure, without the secret or the token.
pub(super) fn get(path: &str, field: &str) -> Result<String, Failure> {
    let (path, field) = (path.trim_matches('/').to_owned(), field.to_owned());
    // The caller may be a task of a runtime, which cannot wait for another one.
    let asked = std::thread::spawn(move || {
        let desk = Desk::open()?;
        let reads = async { tokio::time::timeout(PATIENCE, desk.read(&path, &field)).await };
        let read = process::runtime()?.block_on(reads);
        let name = format!("vault:{path}#{field}");
        let failed = |why: String| Failure::usage(format!("the secret at `{name}` cannot be had: {why}"));
        read.map_err(|_late| failed("Vault does not answer in time".into()))?.map_err(failed)
    });
    asked.join().unwrap_or_else(|_panicked| Err(Failure::usage("Vault could not be asked")))
}

impl Desk {
    fn open() -> Result<Self, Failure> {
        let unset = |what: &str| {
            Failure::usage(format!("Vault cannot be asked: {what}")).hint(format!(
                "the program `vault` is not on the PATH, so Vault is asked at {ADDRESS}, with {TOKEN} or ~/{TOKEN_FILE}"
            ))
        };
        let address = process::environment(ADDRESS).ok_or_else(|| unset("VAULT_ADDR is not set"))?;
        let address: Uri = address.parse().map_err(|_| unset("VAULT_ADDR is no URL"))?;
        let token = token().ok_or_else(|| unset("there is no token"))?;
        let namespace = process::environment(NAMESPACE).map(HeaderValue::try_from).transpose();
        let namespace = namespace.map_err(|_| unset("VAULT_NAMESPACE is no name"))?;
        let roots = certificates(process::environment(AUTHORITY).map(PathBuf::from).as_deref())?;
        let tls = tls::client_config(roots).map_err(Failure::work)?;
        let settings = TransportSettings { idle_connections_max: 0, ..TransportSettings::default() };
        let transport =
            HttpTransport::new(&address, tls, settings).map_err(|error| unset(&error.to_string()))?;
        Ok(Self { address, token, namespace, transport })
    }

    async fn read(&self, path: &str, field: &str) -> Result<String, String> {
        let mounts = self.ask(&format!("sys/internal/ui/mounts/{path}")).await?;
        let engine = engine(path, mounts.ok().as_ref());
        let secret = self.ask(&place(path, &engine).ok_or("the path names an engine and no secret")?).await?;
        let secret = secret.map_err(|status| match status {
            StatusCode::FORBIDDEN => "the token may not read it".to_owned(),
            StatusCode::NOT_FOUND => "nothing lies there".to_owned(),
            other => format!("Vault answers {}", other.as_u16()),
        })?;
        pick(&secret, &engine, field).ok_or_else(|| "it has no such field".to_owned())
    }

    /// What lies at a path of the API, or the status that is none of success.
    async fn ask(&self, path: &str) -> Result<Result<Value, StatusCode>, String> {
        let base = self.address.path().trim_end_matches('/');
        let target = format!("{base}/v1/{}", utf8_percent_encode(path, PATH));
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = target.parse().map_err(|_| "its path cannot be written as an address")?;
        let mut token = HeaderValue::from_str(self.token.expose()).map_err(|_| "the token is no token")?;
        token.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert("x-vault-token", token);
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        if let Some(namespace) = &self.namespace {
            headers.insert("x-vault-namespace", namespace.clone());
        }
        let response = self.transport.send(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        if !status.is_success() {
            return Ok(Err(status));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body: Bytes = body.map_err(|_cut| "Vault's answer was cut off, or too long")?.to_bytes();
        serde_json::from_slice(&body).map(Ok).map_err(|_| "Vault's answer is no JSON".to_owned())
    }
}

fn token() -> Option<Secret> {
    let given = process::environment(TOKEN).or_else(|| {
        let home = process::environment("HOME")?;
        std::fs::read_to_string(PathBuf::from(home).join(TOKEN_FILE)).ok()
    })?;
    Some(Secret::new(given.trim())).filter(|token| !token.expose().is_empty())
}

/// Who may not ask where engines are mounted most likely reads the usual kind, mounted at the first name of the path.
fn engine(path: &str, told: Option<&Value>) -> Engine {
    let Some(told) = told.map(|told| &told["data"]) else {
        let mount = path.split('/').next().unwrap_or_default().to_owned();
        return Engine::Versioned { mount };
    };
    match (told["options"]["version"].as_str(), told["path"].as_str()) {
        (Some("2"), Some(mount)) => Engine::Versioned { mount: mount.trim_end_matches('/').to_owned() },
        _ => Engine::Plain,
    }
}

/// Where the API keeps what people know by `path`.
fn place(path: &str, engine: &Engine) -> Option<String> {
    match engine {
        Engine::Plain => Some(path.to_owned()),
        Engine::Versioned { mount } => {
            Some(format!("{mount}/data/{}", path.strip_prefix(mount.as_str())?.strip_prefix('/')?))
        }
    }
}

fn pick(secret: &Value, engine: &Engine, field: &str) -> Option<String> {
    let fields = match engine {
        Engine::Plain => &secret["data"],
        Engine::Versioned { mount: _ } => &secret["data"]["data"],
    };
    fields[field].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn versioned(mount: &str) -> Engine {
        Engine::Versioned { mount: mount.into() }
    }

    #[test]
    fn the_engine_says_where_a_secret_lies() {
        let told =
            |path: &str, version: &str| json!({"data": {"path": path, "options": {"version": version}}});
        let of = |path, told: Option<&Value>| place(path, &engine(path, told));
        assert_eq!(of("secret/crm", Some(&told("secret/", "2"))).as_deref(), Some("secret/data/crm"));
        assert_eq!(of("team/kv/a/b", Some(&told("team/kv/", "2"))).as_deref(), Some("team/kv/data/a/b"));
        assert_eq!(of("old/crm", Some(&told("old/", "1"))).as_deref(), Some("old/crm"));
        assert_eq!(
            of("old/crm", Some(&json!({"data": {"path": "old/", "options": null}}))).as_deref(),
            Some("old/crm")
        );
        assert_eq!(of("secret/crm", None).as_deref(), Some("secret/data/crm"), "nobody says");
        assert_eq!(of("secret", None), None);
        assert_eq!(of("secrets/crm", Some(&told("secret/", "2"))), None, "another engine's path");
    }

    #[test]
    fn a_field_is_where_its_engine_has_it() {
        let secret = json!({"data": {"data": {"token": "s3cret"}, "metadata": {"version": 3}, "token": "of version 1"}});
        assert_eq!(pick(&secret, &versioned("secret"), "token").as_deref(), Some("s3cret"));
        assert_eq!(pick(&secret, &Engine::Plain, "token").as_deref(), Some("of version 1"));
        assert_eq!(pick(&secret, &versioned("secret"), "other"), None);
        let deleted = json!({"data": {"data": null, "metadata": {"deletion_time": "2026-01-01T00:00:00Z"}}});
        assert_eq!(pick(&deleted, &versioned("secret"), "token"), None);
    }
}
