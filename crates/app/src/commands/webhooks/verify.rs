//! `hubkeeper webhooks verify`: why a delivery does not verify. A file is looked at here, without a gateway.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hubspot::secret::Secret;
use hubspot::signature::TIMESTAMP_HEADER;
use inbox::address::PublicAddress;
use inbox::explain::{Case, Explanation, explain};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::{Desk, tell};
use crate::cli::VerifyOptions;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::webhooks;

/// A request as it came.
struct Captured {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

pub(super) async fn run(desk: &Desk<'_>, options: &VerifyOptions) -> Result<Exit, Failure> {
    let Some(what) = &options.what else {
        let said = desk.ask(Method::POST, "/api/v1/webhooks/verify", Some(&json!({}))).await?;
        desk.print(&said, tell::reverified)?;
        return Ok(if said["reverified"]["still"] == 0 { Exit::Fine } else { Exit::Problem });
    };
    if let Ok(number) = what.parse::<i64>() {
        let path = format!("/api/v1/webhooks/quarantine/{number}");
        let said = desk.ask(Method::GET, &path, None).await?;
        desk.print(&said, |said| tell::explanation(&said["explanation"]))?;
        return Ok(exit(said["explanation"]["verifies"] == true));
    }
    let bytes = std::fs::read(what).map_err(|error| {
        Failure::usage(format!("{what} cannot be read: {error}"))
            .hint("name a file with a captured request, or the number of one in quarantine")
    })?;
    let captured = parse(&bytes).ok_or_else(|| {
        Failure::usage(format!("{what} does not hold a request"))
            .hint("it begins with `POST /webhooks/hubspot HTTP/1.1`, then headers, an empty line, and the body byte for byte")
    })?;
    let explanation = judge(desk.config, options, &captured)?;
    let mut shown = serde_json::to_value(&explanation).map_err(Failure::work)?;
    shown["schema"] = json!(1);
    desk.print(&shown, tell::explanation)?;
    Ok(exit(explanation.verifies))
}

fn exit(verifies: bool) -> Exit {
    if verifies { Exit::Fine } else { Exit::Problem }
}

fn judge(config: &Config, options: &VerifyOptions, captured: &Captured) -> Result<Explanation, Failure> {
    let public = options.public_url.as_ref().or(config.webhooks.public_url.as_ref()).ok_or_else(|| {
        Failure::usage("what HubSpot calls is not known")
            .hint("set webhooks.public_url, or give --public-url")
    })?;
    let public = PublicAddress::new(public).map_err(Failure::usage)?;
    let secrets: Vec<Secret> =
        webhooks::apps(config)?.into_iter().flat_map(|app| app.secrets.all(Instant::now())).collect();
    // A capture is old by nature: what is judged is whether it was right when it came.
    let own = captured.headers.get(TIMESTAMP_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    let own = own.and_then(|at| Timestamp::from_millisecond(at).ok());
    Ok(explain(&Case {
        method: &captured.method,
        target: &captured.target,
        headers: &captured.headers,
        body: &captured.body,
        public: &public,
        secrets: &secrets,
        now: options.received_at.or(own).unwrap_or_default(),
    }))
}

fn parse(bytes: &[u8]) -> Option<Captured> {
    let (end, gap) = [&b"\r\n\r\n"[..], b"\n\n"].iter().find_map(|gap| {
        let at = bytes.windows(gap.len()).position(|window| window == *gap)?;
        Some((at, gap.len()))
    })?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(HeaderName::try_from(name.trim()).ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    let fits = method.bytes().all(|byte| byte.is_ascii_uppercase()) && target.starts_with('/');
    fits.then(|| Captured { method, target, headers, body: bytes[end + gap..].to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_byte_for_byte() {
        let captured =
            parse(b"POST /webhooks/hubspot?a=1 HTTP/1.1\r\nHost: x\r\nA: b: c\r\n\r\n[{}]\n").unwrap();
        assert_eq!((captured.target.as_str(), &captured.body[..]), ("/webhooks/hubspot?a=1", &b"[{}]\n"[..]));
        assert_eq!(captured.headers["a"], "b: c");
        assert!(parse(b"[{}]").is_none() && parse(b"hello\n\nworld").is_none());
    }
}
