//! Faults without a story: any status, any delay, any broken line.

use std::time::Duration;

use http::StatusCode;

use super::Effect;
use super::aim::DefaultAim;
use super::catalogue::{Kind, Param, Scene};
use super::hubspot::{self, Form, form};
use super::network::{self, Instead, Line, When};
use super::params::{BadParam, Params};
use crate::backlog::Capacity;

const APPLIED: Param = Param {
    name: "applied",
    meaning: "true: HubSpot carries the call out and only the answer is lost",
    default: "false",
};

pub const KINDS: &[Kind] = &[
    Kind {
        code: "status",
        id: None,
        seen: "the given status, before auth and limits",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "status", meaning: "HTTP status, 400 to 599", default: "503" },
            Param { name: "body", meaning: "json or html", default: "json" },
            Param { name: "retry_after", meaning: "seconds, as a Retry-After header", default: "absent" },
        ],
        build: |params, _| status(params, Form::Json),
    },
    Kind {
        code: "html",
        id: None,
        seen: "an HTML page where JSON was expected",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "status", meaning: "HTTP status, 200 or 400 to 599", default: "503" },
            Param { name: "retry_after", meaning: "seconds, as a Retry-After header", default: "absent" },
        ],
        build: |params, _| status(params, Form::Html),
    },
    Kind {
        code: "latency",
        id: None,
        seen: "answers come later",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "ms", meaning: "added to each answer, give or take half", default: "1000" }],
        build: |params, _| {
            let ms = params.whole("ms")?.unwrap_or(1_000);
            Ok(vec![Effect::HubSpot(hubspot::Trouble::Slow { ms })])
        },
    },
    Kind {
        code: "capacity",
        id: None,
        seen: "answers come later the more calls come, and 504 past a while",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "per_second", meaning: "calls answered a second, all together", default: "10" },
            Param { name: "patience_ms", meaning: "the longest time in line", default: "10000" },
        ],
        build: capacity,
    },
    Kind {
        code: "reset",
        id: None,
        seen: "the connection is reset without an answer",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "after_idle_ms", meaning: "only on connections idle this long", default: "absent" },
            APPLIED,
        ],
        build: |params, _| {
            let after_idle = params.whole("after_idle_ms")?.map(Duration::from_millis);
            broken(params, Line::Reset { after_idle })
        },
    },
    Kind {
        code: "hang",
        id: None,
        seen: "no answer ever comes and the connection stays open",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[APPLIED],
        build: |params, _| broken(params, Line::Hang),
    },
    Kind {
        code: "truncate",
        id: None,
        seen: "the connection closes in the middle of the body",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "bytes", meaning: "bytes of the body that arrive", default: "20" }],
        build: |params, _| {
            let bytes = params.whole("bytes")?.unwrap_or(20).try_into().unwrap_or(usize::MAX);
            let line = Line::Truncate { bytes };
            Ok(vec![Effect::Network(network::Trouble::Broken { line, when: When::After })])
        },
    },
    Kind {
        code: "lost_answer",
        id: None,
        seen: "writes are carried out, and their answers never come; reads are answered",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "instead", meaning: "reset, hang, 502, 503 or 504", default: "reset" }],
        build: |params, _| {
            let instead = match params.word("instead", &["reset", "hang", "502", "503", "504"])? {
                Some("hang") => Instead::Hang,
                Some("502") => Instead::Page(StatusCode::BAD_GATEWAY),
                Some("503") => Instead::Page(StatusCode::SERVICE_UNAVAILABLE),
                Some("504") => Instead::Page(StatusCode::GATEWAY_TIMEOUT),
                _ => Instead::Reset,
            };
            Ok(vec![Effect::Network(network::Trouble::LostAnswer(instead))])
        },
    },
    Kind {
        code: "slow_body",
        id: None,
        seen: "the body trickles in",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "ms", meaning: "how long the body takes", default: "5000" }],
        build: |params, _| {
            let over = Duration::from_millis(params.whole("ms")?.unwrap_or(5_000));
            let line = Line::SlowBody { over };
            Ok(vec![Effect::Network(network::Trouble::Broken { line, when: When::After })])
        },
    },
];

fn status(params: Params<'_>, default: Form) -> Result<Vec<Effect>, BadParam> {
    let body = match default {
        Form::Json => form(params)?.unwrap_or(Form::Json),
        Form::Html => Form::Html,
    };
    let wanted =
        || BadParam { name: "status".to_owned(), wanted: "an HTTP status, 200 or 400 to 599".to_owned() };
    let code = params.whole("status")?.unwrap_or(503);
    let code = u16::try_from(code)
        .ok()
        .filter(|code| *code == 200 || (400..600).contains(code))
        .ok_or_else(wanted)?;
    let status = StatusCode::from_u16(code).map_err(|_| wanted())?;
    let retry_after_s = params.whole("retry_after")?;
    Ok(vec![Effect::HubSpot(hubspot::Trouble::Status { status, body, retry_after_s })])
}

fn capacity(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let wanted = || BadParam { name: "per_second".to_owned(), wanted: "a number above 0".to_owned() };
    let per_second = params.number("per_second")?.unwrap_or(10.0);
    let per_second = Some(per_second).filter(|rate| *rate > 0.0).ok_or_else(wanted)?;
    let patience = Duration::from_millis(params.whole("patience_ms")?.unwrap_or(10_000));
    Ok(vec![Effect::HubSpot(hubspot::Trouble::Strained(Capacity { per_second, patience }))])
}

fn broken(params: Params<'_>, line: Line) -> Result<Vec<Effect>, BadParam> {
    let when = if params.yes_or_no("applied")?.unwrap_or(false) { When::After } else { When::Before };
    Ok(vec![Effect::Network(network::Trouble::Broken { line, when })])
}
