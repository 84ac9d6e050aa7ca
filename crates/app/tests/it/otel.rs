//! OTLP export: real HTTP to a stand-in collector that reads strictly.

use serde_json::{Value, json};

use crate::house::{Act, Program, Start, Upstream, ask, canary, json_answer};

mod decode;

use decode::attributes;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const TOKEN: &str = "Authorization: Bearer pat-na1-c0ffee00-1111-2222-3333-444455556666";
const CORRELATION_ID: &str = "8f2d4c1e-3b6a-4e57-9d10-2c5b7a9e0f31";

/// Exports nothing before it ends, so that a test need not wait.
const AT_THE_END: &str = "3600000";

/// Of no call by its number, as far as anybody will see.
const HARDLY_ANY: &str = "1e-18";

async fn collector() -> Upstream {
    Upstream::saying("HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
        .await
}

/// 200 for records with even ids, 500 for odd ones.
async fn hubspot() -> Upstream {
    Upstream::start(|heard| {
        let path = heard.request_line().split(' ').nth(1).unwrap_or_default().to_owned();
        let body = format!(
            r#"{{"status":"error","message":"jane.doe@example.com","correlationId":"{CORRELATION_ID}"}}"#
        );
        match path.split('?').next().and_then(|path| path.bytes().last()) {
            Some(b'1' | b'3' | b'5' | b'7' | b'9') => vec![json_answer("500 Internal Server Error", &body)],
            _ => vec![json_answer(&format!("200 OK\r\nX-HubSpot-Correlation-Id: {CORRELATION_ID}"), "{}")],
        }
    })
    .await
}

fn exporting(hubspot: &Upstream, collector: &str, ratio: &str) -> Start {
    Start::up(&hubspot.url)
        .env("HUBKEEPER__OTEL__ENDPOINT", collector)
        .env("HUBKEEPER__OTEL__SAMPLE_RATIO", ratio)
        .env("HUBKEEPER__OTEL__INTERVAL_MS", AT_THE_END)
}

/// Everything that arrived at one path, decoded.
fn arrived(collector: &Upstream, path: &str, decode: fn(&[u8]) -> Value) -> Vec<Value> {
    let requests =
        collector.heard().into_iter().filter(|heard| heard.request_line() == format!("POST {path} HTTP/1.1"));
    requests
        .map(|heard| {
            assert_eq!(heard.header("content-type"), Some("application/x-protobuf"), "{}", heard.head);
            canary::assert_absent("what is exported", &heard.body);
            decode(&heard.body)
        })
        .collect()
}

fn spans(collector: &Upstream) -> Vec<Value> {
    let requests = arrived(collector, "/v1/traces", decode::traces);
    let mut all = Vec::new();
    for request in &requests {
        let resource = &request["resource_spans"][0];
        assert_eq!(attributes(&resource["resource"])["service.name"], "hubkeeper");
        all.extend(resource["scope_spans"][0]["spans"].as_array().unwrap().iter().cloned());
    }
    all
}

async fn get(up: &Program, id: u32, traceparent: Option<&str>) {
    let traceparent = traceparent.map(|value| format!("traceparent: {value}"));
    let headers: Vec<&str> = [TOKEN].into_iter().chain(traceparent.as_deref()).collect();
    let target = format!("/crm/v3/objects/contacts/{id}?email=jane.doe@example.com");
    // The id stands last in the path, where the stand-in looks.
    ask(up.url(), "GET", &target, &headers, "").await;
}

#[tokio::test]
async fn a_callers_trace_goes_on_in_ours_and_passes_through() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let up = exporting(&hubspot, &collector.url, HARDLY_ANY).ready().await;
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    get(&up, 42, Some(&traceparent)).await;
    assert_eq!(hubspot.only().header("traceparent"), Some(&*traceparent), "it goes on as it came");
    up.stop().await;
    let spans = spans(&collector);
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let (attempt, call) = (&spans[0], &spans[1]);
    assert!(spans.iter().all(|span| span["trace_id"] == TRACE), "{spans:#?}");
    assert_eq!((&call["parent_span_id"], &attempt["parent_span_id"]), (&json!(PARENT), &call["span_id"]));
    assert_eq!((&call["kind"], &attempt["kind"]), (&json!(2), &json!(3)), "server, then client");
    assert_eq!(call["name"], "GET /crm/v3/objects/contacts/{id}");
    let time = |span: &Value, name: &str| span[name].as_u64().unwrap();
    assert!(time(call, "start_time_unix_nano") <= time(attempt, "start_time_unix_nano"));
    assert!(time(attempt, "end_time_unix_nano") <= time(call, "end_time_unix_nano"));
    assert!(time(call, "start_time_unix_nano") > 1_700_000_000_000_000_000, "nanoseconds since 1970");
    let told = attributes(call);
    for (name, value) in [
        ("http.request.method", json!("GET")),
        ("http.route", json!("/crm/v3/objects/contacts/{id}")),
        ("http.response.status_code", json!(200)),
        ("hubkeeper.caller", json!("-")),
        ("hubkeeper.lane", json!("interactive")),
        ("hubkeeper.family", json!("objects")),
        ("hubkeeper.source", json!("live")),
        ("hubkeeper.attempts", json!(1)),
    ] {
        assert_eq!(told.get(name), Some(&value), "{name} of {told:#?}");
    }
    let lasted_ms =
        (time(call, "end_time_unix_nano") - time(call, "start_time_unix_nano")).div_ceil(1_000_000);
    assert!(told["hubkeeper.waited_ms"].as_u64().is_some_and(|waited| waited <= lasted_ms), "{told:#?}");
    assert!(call["status"].is_null(), "{call:#}");
    assert_eq!(attributes(attempt)["hubkeeper.number"], 1);
    for span in [call, attempt] {
        assert_eq!(attributes(span)["hubkeeper.correlation_id"], CORRELATION_ID, "of a good answer, too");
    }
}

#[tokio::test]
async fn failures_always_go_and_the_rest_by_their_share() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let up = exporting(&hubspot, &collector.url, HARDLY_ANY).gateway("breaker", "false").ready().await;
    for id in [2, 4, 6, 8, 1] {
        get(&up, id, None).await;
    }
    get(&up, 10, Some(&format!("00-{TRACE}-{PARENT}-00"))).await;
    up.stop().await;
    let spans = spans(&collector);
    let (calls, attempts): (Vec<&Value>, Vec<_>) = spans.iter().partition(|span| span["kind"] == 2);
    assert_eq!((calls.len(), attempts.len()), (1, 3), "the one that failed, with its retries: {spans:#?}");
    let told = attributes(calls[0]);
    assert_eq!((&told["error.type"], &calls[0]["status"]["code"]), (&json!("internal"), &json!(2)));
    assert_eq!(told["hubkeeper.correlation_id"], CORRELATION_ID);
    assert!(calls[0]["parent_span_id"].is_null(), "nobody called it in a trace");
    let ids: std::collections::BTreeSet<_> =
        spans.iter().map(|span| span["span_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), spans.len(), "each span has an id of its own");
}

#[tokio::test]
async fn without_a_share_there_are_no_traces_and_metrics_all_the_same() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let up = exporting(&hubspot, &collector.url, "0.0").gateway("breaker", "false").ready().await;
    get(&up, 1, Some(&format!("00-{TRACE}-{PARENT}-01"))).await;
    up.stop().await;
    let paths: Vec<_> = collector.heard().iter().map(|heard| heard.request_line().to_owned()).collect();
    assert!(!paths.is_empty() && paths.iter().all(|line| line.starts_with("POST /v1/metrics ")), "{paths:?}");
}

/// The same readings as `/metrics`, in OTLP's form.
#[tokio::test]
async fn metrics_go_as_sums_gauges_and_histograms() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let up = exporting(&hubspot, &collector.url, "1.0").ready().await;
    get(&up, 2, None).await;
    get(&up, 4, None).await;
    let scraped = ask(up.admin(), "GET", "/metrics", &[], "").await.text();
    up.stop().await;
    let requests = arrived(&collector, "/v1/metrics", decode::metrics);
    let metrics = requests.last().unwrap()["resource_metrics"][0]["scope_metrics"][0]["metrics"].clone();
    let metrics = metrics.as_array().unwrap();
    let of = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap();
    let names: Vec<_> = metrics.iter().map(|metric| metric["name"].as_str().unwrap()).collect();
    let scraped_names = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    assert_eq!(names, scraped_names.collect::<Vec<_>>());

    let calls = &of("hubkeeper_calls")["sum"];
    assert_eq!((&calls["aggregation_temporality"], &calls["is_monotonic"]), (&json!(2), &json!(1)));
    let point = &calls["data_points"][0];
    assert_eq!(point["as_int"], 2);
    assert_eq!((&attributes(point)["status"], &attributes(point)["category"]), (&json!("200"), &json!("ok")));
    assert!(point["start_time_unix_nano"].as_u64() < point["time_unix_nano"].as_u64());

    let took = of("hubkeeper_hubspot_seconds");
    assert_eq!(took["unit"], "s");
    let point = &took["histogram"]["data_points"][0];
    let length = |name: &str| point[name].as_array().unwrap().len();
    assert_eq!(length("bucket_counts"), length("explicit_bounds") + 1, "the last range is open");
    assert_eq!(point["count"], 2);
    let memory = &of("process_resident_memory_bytes")["gauge"]["data_points"][0];
    assert!(memory["as_double"].as_f64() > Some(1e6), "{memory}");
}

/// A collector that is not there, answers with an error, or says nothing costs telemetry and nothing else.
#[tokio::test]
async fn a_collector_in_trouble_costs_no_call() {
    let broken = Upstream::saying("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n").await;
    let silent = Upstream::start(|_| vec![Act::Stall]).await;
    for url in [Upstream::nobody().await, broken.url.clone(), silent.url.clone()] {
        let hubspot = hubspot().await;
        let up = exporting(&hubspot, &url, "1.0").env("HUBKEEPER__OTEL__INTERVAL_MS", "100").ready().await;
        for id in 0..20 {
            let target = format!("/crm/v3/objects/contacts/{}", 2 * id);
            assert_eq!(ask(up.url(), "GET", &target, &[TOKEN], "").await.status, 200);
        }
        if url != silent.url {
            // It is tried again and again; each time the spans of then are lost, and counted.
            let lost = |text: &str| {
                let line = text
                    .lines()
                    .find_map(|line| line.strip_prefix("hubkeeper_telemetry_lost_total{signal=\"traces\"} "));
                line.map_or(0, |count| count.parse::<u64>().unwrap())
            };
            while lost(&ask(up.admin(), "GET", "/metrics", &[], "").await.text()) < 40 {}
        }
        let ended = up.stop().await;
        let told = ended.stderr.lines().filter(|line| line.contains("collector does not take")).count();
        assert!(told <= 1, "it is said once: {}", ended.stderr);
        assert!(url == silent.url || told == 1, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_collectors_key_is_sent_and_shown_to_nobody_else() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let config = "[otel]\nheaders = { authorization = \"env:OTEL_KEY\" }\n";
    let endpoint = format!("{}/prefix/", collector.url);
    let up = exporting(&hubspot, &endpoint, "1.0").file("hubkeeper.toml", config);
    let up = up.env("OTEL_KEY", "Basic s3cr3t").env("HUBKEEPER_LOG", "trace").ready().await;
    get(&up, 2, None).await;
    let metrics = ask(up.admin(), "GET", "/metrics", &[], "").await.text();
    let ended = up.stop().await;
    let heard = collector.heard();
    let paths: std::collections::BTreeSet<_> = heard.iter().map(crate::house::Heard::request_line).collect();
    assert_eq!(
        paths.into_iter().collect::<Vec<_>>(),
        ["POST /prefix/v1/metrics HTTP/1.1", "POST /prefix/v1/traces HTTP/1.1"]
    );
    assert!(heard.iter().all(|heard| heard.header("authorization") == Some("Basic s3cr3t")), "{heard:?}");
    assert!(!ended.stderr.contains("s3cr3t") && !metrics.contains("s3cr3t"), "{}", ended.stderr);
    assert!(hubspot.heard().iter().all(|heard| !heard.head.contains("s3cr3t")));
}

/// L5: whatever callers and HubSpot do, no token, person or query is exported.
#[tokio::test]
async fn nothing_exported_tells_a_secret() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let up = exporting(&hubspot, &collector.url, "1.0")
        .gateway("breaker", "false")
        .gateway("retries", "false")
        .ready()
        .await;
    for target in [
        "/crm/v3/objects/contacts/jane.doe@example.com?idProperty=email&hapikey=pat-na1-c0ffee00",
        "/crm/v3/objects/jane.doe@example.com/1?q=jane",
        "/oauth/v1/access-tokens/pat-na1-c0ffee00-1111-2222-3333-444455556666",
        "/jane.doe@example.com/1",
    ] {
        for traceparent in ["traceparent: 00-jane.doe@example.com-c0ffee00-01", "tracestate: jane=c0ffee00"] {
            for method in ["GET", "JANE"] {
                ask(up.url(), method, target, &[TOKEN, traceparent, "User-Agent: jane"], "").await;
            }
        }
    }
    up.stop().await;
    assert!(!spans(&collector).is_empty());
    for heard in collector.heard() {
        let body = String::from_utf8_lossy(&heard.body).into_owned() + &heard.head;
        for forbidden in ["c0ffee00", "jane", "example.com", "idProperty", "hapikey"] {
            assert!(!body.contains(forbidden), "the export tells `{forbidden}`: {body}");
        }
    }
}

/// Off unless asked for.
#[tokio::test]
async fn without_an_endpoint_nothing_is_exported() {
    let (hubspot, collector) = (hubspot().await, collector().await);
    let up = Start::up(&hubspot.url).ready().await;
    get(&up, 1, Some(&format!("00-{TRACE}-{PARENT}-01"))).await;
    let metrics = ask(up.admin(), "GET", "/metrics", &[], "").await.text();
    up.stop().await;
    assert!(collector.heard().is_empty() && !metrics.contains("hubkeeper_telemetry_lost"));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    for (key, value) in [("ENDPOINT", "collector:4318"), ("SAMPLE_RATIO", "7.5"), ("INTERVAL_MS", "1")] {
        let check = Start::new(&["config", "check"]).env(&format!("HUBKEEPER__OTEL__{key}"), value);
        let ended = check.ended().await;
        assert_eq!(ended.code, Some(2), "{key}: {ended:#?}");
    }
}
