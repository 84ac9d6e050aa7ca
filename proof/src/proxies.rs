//! nginx and haproxy in front, each rewriting what it can: scheme, host, port, prefix, the whole path. HubSpot signs what it
//! calls; hubkeeper sees what arrives, and must find the one in the other.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use simulator::webhooks::sign;

use crate::http::Client;
use crate::random::Random;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, scratch};

/// How the address HubSpot calls becomes the one that arrives.
struct Layout {
    /// As `webhooks.public_url` has it.
    public: &'static str,
    /// What HubSpot calls below the origin.
    path: &'static str,
    nginx: &'static str,
    haproxy: &'static str,
}

const LAYOUTS: [Layout; 5] = [
    Layout {
        public: "https://hooks.example.com",
        path: "/webhooks/hubspot",
        nginx: "location / { proxy_pass http://GATEWAY; }",
        haproxy: "",
    },
    Layout {
        public: "https://hooks.example.com:8443/hk",
        path: "/hk/webhooks/hubspot",
        nginx: "location /hk/ { proxy_pass http://GATEWAY/; }",
        haproxy: "http-request replace-path /hk(/.*) \\1",
    },
    Layout {
        public: "https://crm.example.com/in/hubspot",
        path: "/in/hubspot",
        nginx: "location = /in/hubspot { proxy_pass http://GATEWAY/webhooks/hubspot; }",
        haproxy: "http-request set-path /webhooks/hubspot",
    },
    Layout {
        public: "http://hooks.example.com:8080",
        path: "/webhooks/hubspot/default",
        nginx: "location / { proxy_pass http://GATEWAY; }",
        haproxy: "",
    },
    Layout {
        public: "https://hooks.example.com/a/b",
        path: "/a/b/webhooks/hubspot",
        nginx: "location /a/b/ { proxy_pass http://GATEWAY/; }",
        haproxy: "http-request replace-path /a/b(/.*) \\1",
    },
];

/// What may stand behind the path; escapes among them, which the signature undoes in part.
const QUERIES: [&str; 5] =
    ["", "?a=1&b=2", "?u=https%3A%2F%2Fx.example%2F%3Fy%40z", "?q=a%20b%26c", "?x=%2C%3B%24%27"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proxy {
    Nginx,
    Haproxy,
}

impl Proxy {
    const fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    fn place(self) -> Option<PathBuf> {
        let directories = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
        directories
            .iter()
            .map(|directory| Path::new(directory).join(self.program()))
            .find(|place| place.exists())
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub(crate) fn run(rig: &Rig) -> io::Result<Report> {
    let proxies = [Proxy::Nginx, Proxy::Haproxy];
    let missing: Vec<&str> =
        proxies.iter().filter(|proxy| proxy.place().is_none()).map(|proxy| proxy.program()).collect();
    if !missing.is_empty() {
        let why = format!("{} not installed; scripts/setup proof does it", missing.join(" and "));
        return Ok(Report::skipped("proxies", &why));
    }
    let (mut taken, mut refused, mut forged) = (0_u64, Vec::new(), 0_u64);
    for layout in &LAYOUTS {
        let places = scratch::Places::new("proxies")?;
        let town =
            Town::found(&Plan { public_url: layout.public, ..Plan::quiet(rig, &rig.binary, &places) })?;
        let program = town.up().ready()?;
        for proxy in proxies {
            let (running, address) = start(proxy, layout, town.gateway, &places.histories)?;
            let (good, bad) = deliver(rig, &town, layout, address, &mut refused)?;
            taken += good;
            forged += bad;
            drop(running);
        }
        program.kill()?;
    }
    refused.sort();
    refused.dedup();
    Ok(Report::new("proxies")
        .with("layouts", LAYOUTS.len())
        .with("proxies", proxies.len())
        .with("genuine_each", rig.n)
        .with("taken", taken)
        .with("refused", refused.clone())
        .with("forged_taken", forged)
        .must("every genuine delivery is taken", refused.is_empty())
        .must("the control, signed for what arrives instead of what was called, is refused", forged == 0))
}

/// Genuine ones, and after each tenth one that was signed for the inner address.
fn deliver(
    rig: &Rig,
    town: &Town,
    layout: &Layout,
    proxy: SocketAddr,
    refused: &mut Vec<String>,
) -> io::Result<(u64, u64)> {
    let origin_end = layout.public.match_indices('/').nth(2).map_or(layout.public.len(), |(at, _)| at);
    let origin = &layout.public[..origin_end];
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let mut client = Client::new(proxy);
    let mut random = Random::new(rig.seed, 5_000);
    let (mut taken, mut forged) = (0, 0);
    for number in 0..rig.n {
        let query = QUERIES[usize::try_from(random.below(QUERIES.len() as u64)).unwrap_or(0)];
        let target = format!("{}{query}", layout.path);
        let body = json!([{"eventId": number, "portalId": 1, "appId": 1, "objectId": number, "attemptNumber": 0,
            "occurredAt": Timestamp::now().as_millisecond(), "subscriptionType": "contact.creation"}]);
        let body = body.to_string();
        let mut send = |url: &str| -> io::Result<u16> {
            let signed = sign::headers(&town.load.hook.secret, url, body.as_bytes(), Timestamp::now());
            let mut headers: Vec<(&str, &str)> = signed
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
                .collect();
            // The older generation covers no address: with it nothing would be shown.
            headers.retain(|(name, _)| !name.starts_with("x-hubspot-signature") || name.ends_with("-v3"));
            headers.extend([
                ("host", host),
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-proto", "gopher"),
            ]);
            Ok(client.ask("POST", &target, &headers, body.as_bytes())?.status())
        };
        match send(&format!("{origin}{target}"))? {
            200 => taken += 1,
            status => refused.push(format!("{} {target}: {status}", layout.public)),
        }
        if number % 10 == 0 {
            forged += u64::from(send(&format!("http://{}/webhooks/hubspot{query}", town.gateway))? == 200);
        }
    }
    Ok((taken, forged))
}

fn start(
    proxy: Proxy,
    layout: &Layout,
    gateway: SocketAddr,
    scratch: &Path,
) -> io::Result<(Running, SocketAddr)> {
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let at = scratch.display();
    let file = scratch.join(format!("{}.conf", proxy.program()));
    let gateway = gateway.to_string();
    let (text, arguments) = match proxy {
        Proxy::Nginx => {
            let location = layout.nginx.replace("GATEWAY", &gateway);
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {at}/{name};"))
                .join(" ");
            let text = format!(
                "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log warn; events {{}}\n\
                 http {{ access_log off; {temporary}\n\
                 proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host 127.0.0.1;\n\
                 server {{ listen {listen}; {location} }} }}\n"
            );
            (text, vec!["-c".to_owned(), file.display().to_string(), "-p".to_owned(), at.to_string()])
        }
        Proxy::Haproxy => {
            let text = format!(
                "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
                 frontend hooks\n bind {listen}\n http-request set-header Host 127.0.0.1\n {}\n default_backend inner\n\
                 backend inner\n server hubkeeper {gateway}\n",
                layout.haproxy
            );
            (text, vec!["-db".to_owned(), "-f".to_owned(), file.display().to_string()])
        }
    };
    std::fs::write(&file, text)?;
    let program = proxy.place().ok_or(io::ErrorKind::NotFound)?;
    let log = std::fs::File::create(scratch.join(format!("{}.out", proxy.program())))?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let running = Running(child);
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(listen).is_err() {
        if Instant::now() > until {
            return Err(io::Error::other(format!("{} does not start; see {at}", proxy.program())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((running, listen))
}
