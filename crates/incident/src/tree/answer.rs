//! Is it HubSpot that answers? A proxy, the edge, or another server altogether may speak in its place.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::configured::UpstreamKind;
use crate::facts::exchange::Exchange;

pub(super) static TREE: Tree = Tree {
    about: "who answers",
    then: Then::Stop,
    root: Step::Ask {
        question: &PROXY_REFUSES,
        yes: &Step::Found(Leaf {
            code: Code::Proxy,
            backed_by: &[&DIRECT_WORKS],
            unlike: &[(Code::EdgeBlock, &PROXY_REFUSES)],
        }),
        no: &Step::Ask {
            question: &EDGE_REFUSES,
            yes: &Step::Found(Leaf {
                code: Code::EdgeBlock,
                backed_by: &[&CLOUDFLARE_MARK],
                unlike: &[(Code::MissingScope, &EDGE_REFUSES), (Code::Proxy, &NO_PROXY_MARK)],
            }),
            no: &Step::Ask {
                question: &NOT_HUBSPOT,
                yes: &Step::Found(Leaf {
                    code: Code::BaseUrl,
                    backed_by: &[&HOST_IS_NOT_HUBSPOTS],
                    unlike: &[(Code::Sunset, &HOST_IS_NOT_HUBSPOTS)],
                }),
                no: &Step::Nothing,
            },
        },
    },
};

pub(super) static PROXY_REFUSES: Question = Question {
    asks: "Does a proxy answer in HubSpot's place?",
    answer: |facts| {
        if let Some(proxy) = &facts.probes.proxy {
            let failed = proxy.works == Some(false) && (proxy.in_use || proxy.direct_works == Some(true));
            if let Some(status) = proxy.refused_status.filter(|_| proxy.works != Some(true)) {
                return Reply::yes("proxy", format!("the proxy {} answered {status} itself", proxy.address));
            }
            if failed && proxy.direct_works == Some(true) {
                return Reply::yes(
                    "proxy",
                    format!("HubSpot answers directly, not through the proxy {}", proxy.address),
                );
            }
        }
        let ours =
            facts.probes.http.iter().chain(facts.authenticated().into_iter().map(|(_, exchange)| exchange));
        if let Some(page) = ours.into_iter().find(|exchange| exchange.is_from_proxy()) {
            let via = page.via.as_deref().map(|via| format!(", Via: {via}")).unwrap_or_default();
            return Reply::yes("http", format!("{}{via}, no correlationId", page.describe()));
        }
        if let Some(page) = facts.probes.http.as_ref().filter(|http| is_interposed(http, facts)) {
            let observed = format!("without a token: {}, where HubSpot answers JSON", page.describe());
            return Reply::yes("http", format!("{observed}; its edge has not signed it"));
        }
        let traffic = facts.going_on(&[ErrorKind::Proxy]);
        Reply::is(!facts.auth_works() && !traffic.is_empty(), "http", traffic.describe())
    },
};

/// HubSpot's own host, and a page that is neither its API's nor its edge's: a login of some network, say.
fn is_interposed(http: &Exchange, facts: &Facts) -> bool {
    let page = http.html && http.status.is_some_and(|status| (200..400).contains(&status));
    page && is_hubspots(facts) && has_foreign_shape(http) && !facts.auth_works()
}

static DIRECT_WORKS: Question = Question {
    asks: "Does HubSpot answer without the proxy?",
    answer: |facts| match facts.probes.proxy.as_ref().and_then(|proxy| proxy.direct_works) {
        Some(true) => Reply::yes("proxy", "the same call, sent directly, reaches HubSpot"),
        Some(false) => {
            Reply::could_not_tell("proxy", "sent directly, the call does not reach HubSpot either")
        }
        None => Reply::could_not_tell("proxy", "the call was not tried without a proxy"),
    },
};

static EDGE_REFUSES: Question = Question {
    asks: "Does HubSpot's edge refuse us with a page of its own, token or not?",
    answer: |facts| {
        if let Some(http) = facts.probes.http.as_ref().filter(|http| http.is_edge_refusal()) {
            return Reply::yes(
                "http",
                format!("without a token: {}, no category, no correlationId", http.describe()),
            );
        }
        let asked = facts.authenticated();
        let blocked = asked.iter().filter(|(_, exchange)| exchange.is_edge_refusal()).count();
        if blocked > 0 {
            let observed = format!("{blocked} of {} calls got a page instead of an API answer", asked.len());
            let signed = asked.iter().any(|(_, exchange)| {
                exchange.is_edge_refusal() && exchange.status == Some(403) && is_signed_by_edge(exchange)
            });
            return Reply::is(signed || blocked * 2 >= asked.len(), "families", observed);
        }
        let traffic = facts.going_on(&[ErrorKind::EdgeBlock]);
        let refused = traffic.seen.iter().any(|seen| seen.error.status == 403) && traffic.count() >= 3;
        Reply::is(refused, "http", traffic.describe())
    },
};

fn is_signed_by_edge(page: &Exchange) -> bool {
    let server = page.server.as_deref().unwrap_or_default();
    page.cf_ray.is_some() || server.eq_ignore_ascii_case("cloudflare")
}

static CLOUDFLARE_MARK: Question = Question {
    asks: "Is the page signed by the edge?",
    answer: |facts| {
        let http = facts.probes.http.as_ref();
        let server = http.and_then(|http| http.server.as_deref()).unwrap_or("-");
        match http.and_then(|http| http.cf_ray.as_deref()) {
            Some(ray) => Reply::yes("http", format!("cf-ray {ray}")),
            None if server.to_ascii_lowercase().contains("cloudflare") => {
                Reply::yes("http", format!("server {server}"))
            }
            None => Reply::could_not_tell("http", format!("no cf-ray header, server {server}")),
        }
    },
};

static NO_PROXY_MARK: Question = Question {
    asks: "Is there no trace of a proxy of ours?",
    answer: |facts| {
        let via = facts.probes.http.as_ref().and_then(|http| http.via.as_deref());
        match (via, facts.probes.proxy.as_ref().is_some_and(|proxy| proxy.in_use)) {
            (None, false) => Reply::yes("proxy", "no proxy in use, no Via header"),
            (via, _) => Reply::no("proxy", format!("a proxy stands between (Via: {})", via.unwrap_or("-"))),
        }
    },
};

static NOT_HUBSPOT: Question = Question {
    asks: "Does something answer that is not HubSpot?",
    answer: |facts| {
        let Some(http) = &facts.probes.http else {
            return Reply::could_not_tell("http", "no unauthenticated answer");
        };
        let strange = strange_at_times(facts);
        if !strange.is_empty() {
            let observed =
                format!("{} answered by HubSpot and, at times, by something else", strange.join(", "));
            return Reply::yes("families", observed);
        }
        let foreign = has_foreign_shape(http) && !facts.auth_works();
        let mark = if http.hubspot_shaped { "in HubSpot's shape" } else { "without a mark of HubSpot's" };
        let server = http.server.as_deref().map(|server| format!(", server {server}")).unwrap_or_default();
        Reply::is(foreign, "http", format!("without a token: {}, {mark}{server}", http.describe()))
    },
};

/// Questions that something else than HubSpot answers with 404 while it answers others: one name leads to two servers. A
/// single path may have been switched off instead, and then nothing answers on it.
fn strange_at_times(facts: &Facts) -> Vec<&str> {
    let foreign = |exchange: &Exchange| exchange.status == Some(404) && has_foreign_shape(exchange);
    if !facts.auth_works() {
        return Vec::new();
    }
    let probes = &facts.probes.families;
    let answered = |route: &str| probes.iter().any(|probe| probe.route == route && probe.exchange.is_ok());
    let mut strange: Vec<&str> =
        probes.iter().filter(|probe| foreign(&probe.exchange)).map(|probe| probe.route.as_str()).collect();
    strange.extend(facts.probes.http.as_ref().filter(|http| foreign(http)).map(|_| "the account details"));
    strange.sort_unstable();
    strange.dedup();
    let at_times = strange.iter().any(|route| answered(route) || *route == "the account details");
    if at_times { strange } else { Vec::new() }
}

/// An answer that neither HubSpot's API nor a failing edge in front of it would give.
fn has_foreign_shape(http: &Exchange) -> bool {
    let answered = http.status.is_some() || http.failure == Some(crate::facts::exchange::Failure::Malformed);
    let failed = http.is_server_failure() && http.status.is_some();
    answered && !http.hubspot_shaped && !failed && !http.is_throttle() && http.cf_ray.is_none()
}

pub(super) static HOST_IS_HUBSPOTS: Question = Question {
    asks: "Is the upstream HubSpot's own API host?",
    answer: |facts| {
        Reply::is(
            is_hubspots(facts),
            "configuration",
            format!("the upstream is {}", facts.configured.upstream),
        )
    },
};

static HOST_IS_NOT_HUBSPOTS: Question = Question {
    asks: "Is the upstream some other host than HubSpot's?",
    answer: |facts| {
        let observed =
            format!("the upstream is {}, HubSpot's API host is api.hubapi.com", facts.configured.upstream);
        Reply::is(!is_hubspots(facts), "configuration", observed)
    },
};

fn is_hubspots(facts: &Facts) -> bool {
    facts.configured.upstream_kind == UpstreamKind::HubSpot
}
