//! The mail server, and how the way to it is kept secret: TLS from the first byte (`smtps://`), or from STARTTLS on
//! (RFC 3207, `smtp://`). A password and an unprotected way to another machine cannot be configured together.

use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::smtp::{Broken, Conversation, Envelope, Login};
use crate::config::StartTls;
use crate::failure::Failure;

/// Submission with TLS from the first byte (RFC 8314), submission (RFC 6409), and a relay.
const SMTPS: u16 = 465;
const SUBMISSION: u16 = 587;
const RELAY: u16 = 25;

pub(super) struct Server {
    host: String,
    port: u16,
    cover: Cover,
    tls: TlsConnector,
    login: Option<Login>,
}

enum Cover {
    FromTheStart,
    StartTls(StartTls),
}

impl Server {
    /// Of `smtp[s]://[USER:PASSWORD@]HOST[:PORT]`, both parts of the login percent-encoded where need be.
    ///
    /// # Errors
    /// A usage failure, never with a password in it.
    pub(super) fn new(url: &str, starttls: Option<StartTls>, tls: &ClientConfig) -> Result<Self, Failure> {
        let bad = |what: &str, hint: &'static str| Failure::usage(format!("notify.email: {what}")).hint(hint);
        let form = "write smtp = \"smtp://USER:PASSWORD@HOST:587\" as a reference to a secret, or smtp://HOST:25 for a relay; \
                    percent-encode what is no letter or digit of the password";
        let uri: Uri = url.parse().map_err(|_| bad("smtp is no URL", form))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let at_home = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let cover = match (uri.scheme_str(), starttls) {
            (Some("smtps"), None) => Cover::FromTheStart,
            (Some("smtps"), Some(_)) => {
                return Err(bad(
                    "starttls is set, and smtps:// speaks TLS from the first byte",
                    "leave starttls out, or write smtp://",
                ));
            }
            (Some("smtp"), None) if at_home => Cover::StartTls(StartTls::None),
            (Some("smtp"), wanted) => Cover::StartTls(wanted.unwrap_or(StartTls::Required)),
            _ => return Err(bad("smtp begins with smtps:// or smtp://", form)),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let login = match authority.rsplit_once('@').map(|(login, _)| login.split_once(':')) {
            None => None,
            Some(Some((user, password))) => Some(Login { user: decoded(user), password: decoded(password) }),
            Some(None) => return Err(bad("smtp names a user and no password", form)),
        };
        let in_the_clear = matches!(cover, Cover::StartTls(StartTls::Opportunistic | StartTls::None));
        if login.is_some() && in_the_clear && !at_home {
            return Err(bad(
                "a password goes over TLS only",
                "leave starttls out, write \"required\", or use smtps://",
            ));
        }
        let usual = match (&cover, &login) {
            (Cover::FromTheStart, _) => SMTPS,
            (Cover::StartTls(_), Some(_)) => SUBMISSION,
            (Cover::StartTls(_), None) => RELAY,
        };
        let port = uri.port_u16().unwrap_or(usual);
        Ok(Self { host, port, cover, tls: TlsConnector::from(Arc::new(tls.clone())), login })
    }

    pub(super) async fn hand_over(&self, envelope: &Envelope<'_>) -> Result<(), Broken> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(Broken::line)?;
        // Of a machine without a name that others know, the address is its name (RFC 5321 §4.1.3).
        let name = match stream.local_addr().map_err(Broken::line)?.ip() {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        };
        let login = self.login.as_ref();
        let wanted = match self.cover {
            Cover::StartTls(wanted) => wanted,
            Cover::FromTheStart => {
                let mut secure = Conversation::new(self.secure(stream).await?);
                secure.greeting().await?;
                let offers = secure.hello(&name).await?;
                return secure.message(&offers, login, envelope).await;
            }
        };
        let mut clear = Conversation::new(stream);
        clear.greeting().await?;
        let offers = clear.hello(&name).await?;
        match wanted {
            StartTls::Required if !offers.starttls => {
                let why = "it offers no STARTTLS (notify.email.starttls says whether it has to)";
                Err(Broken { code: None, why: why.into() })
            }
            StartTls::Required | StartTls::Opportunistic if offers.starttls => {
                let mut secure = Conversation::new(self.secure(clear.starttls().await?).await?);
                // What it offered in the clear may be somebody else's word (RFC 3207 §4.2).
                let offers = secure.hello(&name).await?;
                secure.message(&offers, login, envelope).await
            }
            StartTls::Required | StartTls::Opportunistic | StartTls::None => {
                clear.message(&offers, login, envelope).await
            }
        }
    }

    async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Broken> {
        let name = ServerName::try_from(self.host.clone()).map_err(Broken::line)?;
        let told = |error| Broken { code: None, why: format!("TLS: {error}") };
        self.tls.connect(name, stream).await.map_err(told)
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
