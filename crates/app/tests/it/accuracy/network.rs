//! The network as the probes see it: names, addresses, certificates and a proxy, all in memory and virtual time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use client::probe::report::network::Lookup;
use client::probe::terrain::{Coming, Roots, Terrain, Wire};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use simulator::Shell;
use tokio_rustls::TlsAcceptor;

use super::own::{Certificate, Names, ProxyMood, Reach, Shared};

pub(super) const HOST: &str = "api.hubapi.com";
pub(super) const STATUS_HOST: &str = "status.example";
pub(super) const CONTROL_HOST: &str = "control.example";
pub(super) const PROXY: &str = "http://proxy.corp.example:3128";
pub(super) const SECOND_RESOLVER: &str = "198.51.100.53:53";

const UPSTREAM: &str = "203.0.113.10";
const UPSTREAM_V6: &str = "2001:db8::10";
const STATUS: &str = "203.0.113.20";
const CONTROL: &str = "198.51.100.5";
const PROXY_AT: &str = "198.51.100.9";

pub(super) struct Network {
    pub(super) shell: Arc<Shell>,
    pub(super) own: Shared,
}

impl Terrain for Network {
    fn connect(&self, address: SocketAddr) -> Coming<'_, io::Result<Box<dyn Wire>>> {
        Box::pin(async move {
            let own = self.own.lock().ground;
            let is = |text: &str| text.parse::<IpAddr>().is_ok_and(|ip| ip == address.ip());
            let reach = if is(UPSTREAM) {
                own.upstream
            } else if is(UPSTREAM_V6) {
                own.ipv6
            } else {
                own.others
            };
            tokio::time::sleep(Duration::from_millis(8 + own.connect_ms)).await;
            match reach {
                Reach::Open => Ok(self.open(address, is(UPSTREAM) || is(UPSTREAM_V6), is(PROXY_AT))),
                Reach::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
                Reach::Absent => Err(io::ErrorKind::NetworkUnreachable.into()),
                Reach::Hanging => std::future::pending().await,
            }
        })
    }

    fn look_up<'a>(&'a self, resolver: Option<SocketAddr>, name: &'a str) -> Coming<'a, Lookup> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(4)).await;
            let own = self.own.lock().ground;
            if resolver.is_none() && name.trim_end_matches('.') == HOST {
                match own.names {
                    Names::Found => {}
                    Names::Missing => return Lookup::NoSuchName,
                    Names::Failing => return Lookup::ServerFailed,
                    Names::Silent => std::future::pending().await,
                }
            }
            let found: &[&str] = match name.trim_end_matches('.') {
                HOST if own.ipv6 == Reach::Absent => &[UPSTREAM],
                HOST => &[UPSTREAM, UPSTREAM_V6],
                STATUS_HOST => &[STATUS],
                CONTROL_HOST => &[CONTROL],
                "proxy.corp.example" => &[PROXY_AT],
                _ => return Lookup::NoSuchName,
            };
            Lookup::Addresses { addresses: found.iter().filter_map(|text| text.parse().ok()).collect() }
        })
    }

    fn roots(&self) -> Roots {
        let papers = papers();
        Roots { ours: vec![papers.usual.der().to_vec()], public: papers.public() }
    }
}

impl Network {
    /// The far end of a connection: HubSpot, somebody with a certificate, a proxy, or the status page.
    fn open(&self, address: SocketAddr, upstream: bool, proxy: bool) -> Box<dyn Wire> {
        let (near, far) = tokio::io::duplex(256 * 1024);
        let (shell, own) = (self.shell.clone(), self.own.clone());
        let certificate = self.own.lock().ground.certificate;
        tokio::spawn(async move {
            if upstream && address.port() == 443 {
                if certificate == Certificate::None {
                    return;
                }
                let acceptor = TlsAcceptor::from(papers().serving(certificate));
                if let Ok(stream) = acceptor.accept(far).await {
                    serve(stream, shell, own, proxy).await;
                }
            } else {
                serve(far, shell, own, proxy).await;
            }
        });
        Box::new(near)
    }
}

async fn serve(wire: impl Wire + 'static, shell: Arc<Shell>, own: Shared, proxy: bool) {
    let service = service_fn(|request: Request<Incoming>| answer(request, shell.clone(), own.clone(), proxy));
    let _ended_as_it_may =
        http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(wire), service).await;
}

async fn answer(
    request: Request<Incoming>,
    shell: Arc<Shell>,
    own: Shared,
    proxy: bool,
) -> io::Result<Response<Full<Bytes>>> {
    if let (true, ProxyMood::Refuses(status)) = (proxy, own.lock().ground.proxy) {
        let mut response = Response::new(Full::new(Bytes::from_static(b"<html><body>proxy</body></html>")));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        response.headers_mut().insert(header::CONTENT_TYPE, "text/html".parse().expect("a type"));
        response.headers_mut().insert(header::VIA, "1.1 proxy.corp.example".parse().expect("a name"));
        return Ok(response);
    }
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse::<Uri>().map_err(io::Error::other)?;
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let answered = shell.exchange(Request::from_parts(parts, body)).await.map_err(io::Error::other)?;
    // Our own lag stands in every time we measure.
    let lag = Duration::from_millis(own.lock().process.lag_ms_max);
    tokio::time::sleep(lag).await;
    Ok(answered.map(Full::new))
}

/// Issuers and certificates, made once.
struct Papers {
    usual: CertifiedIssuer<'static, KeyPair>,
    renewed: CertifiedIssuer<'static, KeyPair>,
    corporate: CertifiedIssuer<'static, KeyPair>,
}

fn papers() -> &'static Papers {
    static PAPERS: OnceLock<Papers> = OnceLock::new();
    PAPERS.get_or_init(|| Papers {
        usual: issuer("Public Root 1"),
        renewed: issuer("Public Root 2"),
        corporate: issuer("Corporate Inspection"),
    })
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an issuer")
}

impl Papers {
    fn public(&self) -> Vec<Vec<u8>> {
        vec![self.usual.der().to_vec(), self.renewed.der().to_vec()]
    }

    fn serving(&self, certificate: Certificate) -> Arc<rustls::ServerConfig> {
        let (issuer, name, until) = match certificate {
            Certificate::Good | Certificate::None => (&self.usual, HOST, 2028),
            Certificate::Corporate => (&self.corporate, HOST, 2028),
            Certificate::Renewed => (&self.renewed, HOST, 2028),
            Certificate::Expired => (&self.usual, HOST, 2026),
            Certificate::OfAnotherHost => (&self.usual, "other.example", 2028),
        };
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(2025, 6, 1), date_time_ymd(until, 1, 1));
        let signed = params.signed_by(&key, issuer).expect("a leaf");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("both versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .expect("they belong together");
        Arc::new(config)
    }
}
