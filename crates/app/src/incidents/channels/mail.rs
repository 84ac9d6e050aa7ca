//! E-mail by SMTP (RFC 5321): one message, one conversation. `smtps://` speaks TLS from the first byte; `smtp://` is for a
//! relay of one's own, and gets no password.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Uri;
use incident::message::Message;
use incident::notify::email;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Sent;
use crate::config::{EmailSection, needed};
use crate::failure::Failure;

/// A whole conversation.
const PATIENCE: Duration = Duration::from_secs(20);

/// A reply is some lines.
const REPLY_LINES_MAX: usize = 100;

pub(super) struct Mail {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    /// Name and password, in the form that AUTH PLAIN wants.
    plain: Option<String>,
    from: String,
    to: Vec<String>,
}

/// Why a conversation ended early: the server's own code, where it gave one.
struct Broken {
    code: Option<u16>,
    why: String,
}

impl Mail {
    /// # Errors
    /// A usage failure that names the key, never a password.
    pub(super) fn new(section: &EmailSection, tls: &ClientConfig) -> Result<Self, Failure> {
        let bad = |what: &str| {
            Failure::usage(format!("notify.email: {what}"))
                .hint("write smtp = \"smtps://USER:PASSWORD@HOST:465\" as a reference to a secret, or smtp://HOST:25 for a relay")
        };
        let url = needed("notify.email.smtp", section.smtp.as_ref())?.resolve()?;
        let uri: Uri = url.parse().map_err(|_| bad("smtp is no URL"))?;
        let secure = match uri.scheme_str() {
            Some("smtps") => true,
            Some("smtp") => false,
            _ => return Err(bad("smtp begins with smtps:// or smtp://")),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let login = authority.rsplit_once('@').map(|(login, _)| login);
        if login.is_some() && !secure {
            return Err(bad("a password goes over smtps:// only"));
        }
        let plain = login.and_then(|login| login.split_once(':')).map(|(user, password)| {
            let decoded =
                |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            BASE64.encode(format!("\0{}\0{}", decoded(user), decoded(password)))
        });
        let from = needed("notify.email.from", section.from.as_ref())?.clone();
        if section.to.is_empty() || section.to.iter().chain([&from]).any(|address| !is_address(address)) {
            return Err(bad("from and to are plain addresses, such as oncall@example.com"));
        }
        Ok(Self {
            host: uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 465 } else { 25 }),
            tls: secure.then(|| TlsConnector::from(Arc::new(tls.clone()))),
            plain,
            from,
            to: section.to.clone(),
        })
    }

    pub(super) async fn tell(&self, message: &Message, id: &str) -> Sent {
        match tokio::time::timeout(PATIENCE, self.connect(message, id)).await {
            Ok(Ok(())) => Sent::Arrived { handle: None },
            // 5yz is for good (RFC 5321 §4.2.1); anything else may be better later.
            Ok(Err(Broken { code: Some(500..=599), why })) => Sent::Never { why },
            Ok(Err(Broken { why, .. })) => Sent::Again { after_s: None, why },
            Err(_late) => {
                Sent::Again { after_s: None, why: format!("no end within {} s", PATIENCE.as_secs()) }
            }
        }
    }

    async fn connect(&self, message: &Message, id: &str) -> Result<(), Broken> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(broken)?;
        match &self.tls {
            None => self.talk(BufReader::new(stream), message, id).await,
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(broken)?;
                let stream = tls.connect(name, stream).await.map_err(broken)?;
                self.talk(BufReader::new(stream), message, id).await
            }
        }
    }

    async fn talk<S>(&self, mut stream: BufReader<S>, message: &Message, id: &str) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        expect(&mut stream, 220).await?;
        say(&mut stream, "EHLO hubkeeper", 250).await?;
        if let Some(plain) = &self.plain {
            say(&mut stream, &format!("AUTH PLAIN {plain}"), 235).await?;
        }
        say(&mut stream, &format!("MAIL FROM:<{}>", self.from), 250).await?;
        self.address(&mut stream).await?;
        say(&mut stream, "DATA", 354).await?;
        let text = self.text(message, id);
        stream.get_mut().write_all(text.as_bytes()).await.map_err(broken)?;
        say(&mut stream, ".", 250).await?;
        let _polite = stream.get_mut().write_all(b"QUIT\r\n").await;
        Ok(())
    }

    /// One address that the server does not take keeps nobody else from being told.
    async fn address<S>(&self, stream: &mut BufReader<S>) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut refused = Vec::new();
        for to in &self.to {
            match say(stream, &format!("RCPT TO:<{to}>"), 250).await {
                // 251: it is passed on (RFC 5321 §3.4).
                Ok(()) | Err(Broken { code: Some(251), .. }) => {}
                Err(broken) if broken.code.is_some() => refused.push(broken),
                Err(broken) => return Err(broken),
            }
        }
        let (count, of) = (refused.len(), self.to.len());
        match refused.pop() {
            Some(broken) if count == of => Err(broken),
            Some(Broken { why, .. }) => {
                tracing::warn!(
                    count,
                    of,
                    why,
                    "the mail server does not take some of the addresses in notify.email.to"
                );
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Headers and text, lines ended as SMTP wants them, and a dot at a line's beginning doubled (RFC 5321 §4.5.2).
    fn text(&self, message: &Message, id: &str) -> String {
        let date =
            jiff::fmt::rfc2822::to_string(&message.at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
        let subject = email::subject(message);
        let subject =
            if subject.is_ascii() { subject } else { format!("=?utf-8?B?{}?=", BASE64.encode(subject)) };
        let mut text = format!(
            "From: <{}>\r\nTo: {}\r\nSubject: {subject}\r\nDate: {date}\r\nMessage-ID: <{id}@hubkeeper>\r\n\
             References: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n",
            self.from,
            self.to.iter().map(|to| format!("<{to}>")).collect::<Vec<_>>().join(", "),
            email::thread(message),
        );
        let encoded = BASE64.encode(email::text(message));
        for line in encoded.as_bytes().chunks(76) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push_str("\r\n");
        }
        text
    }
}

async fn say<S>(stream: &mut BufReader<S>, line: &str, code: u16) -> Result<(), Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.map_err(broken)?;
    expect(stream, code).await
}

/// Reads a reply to its last line.
async fn expect<S: AsyncRead + Unpin>(stream: &mut BufReader<S>, code: u16) -> Result<(), Broken> {
    for _ in 0..REPLY_LINES_MAX {
        let mut line = String::new();
        if stream.read_line(&mut line).await.map_err(broken)? == 0 {
            return Err(Broken { code: None, why: "the server hung up".into() });
        }
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        let said = line.get(..3).and_then(|code| code.parse().ok());
        if said == Some(code) {
            return Ok(());
        }
        // Its own words may name people; the code tells enough.
        let why = said.map_or("it does not speak SMTP".to_owned(), |said: u16| format!("it answered {said}"));
        return Err(Broken { code: said, why });
    }
    Err(Broken { code: None, why: "its reply does not end".into() })
}

fn broken(error: impl std::fmt::Display) -> Broken {
    Broken { code: None, why: error.to_string() }
}

/// Nothing that could end a command early.
fn is_address(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | ';' | ' ');
    text.contains('@') && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    fn message() -> Message {
        let message = json!({
            "incident": "20261129-00002a", "moment": "opened", "at": "2026-11-29T12:00:00Z", "severity": "P1",
            "stage": "open", "title": "HubSpot is down", "code": null, "confidence": null,
            "began_at": "2026-11-29T11:59:00Z", "inside": "It is down.", "outside": "-", "impact": "3 of 3 calls failed",
            "reach": "everything", "evidence": [], "remedy": "Wait.", "escalation": "HubSpot", "correlation_ids": [],
            "acknowledged_by": null, "next_update_at": null,
        });
        serde_json::from_value(message).unwrap()
    }

    fn mail(smtp: &str) -> Result<Mail, Failure> {
        mail_to("\"oncall@example.com\"", smtp)
    }

    fn mail_to(to: &str, smtp: &str) -> Result<Mail, Failure> {
        let section = toml::from_str::<EmailSection>(&format!(
            "smtp = \"{smtp}\"\nfrom = \"keeper@example.com\"\nto = [{to}]"
        ));
        let _once = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let tls = client::transport::tls::client_config(Vec::new()).unwrap();
        Mail::new(&section.unwrap(), &tls)
    }

    /// A server that answers each line it hears with the next of these.
    async fn sent(replies: &'static [&'static str]) -> (Sent, Vec<String>) {
        sent_to("\"oncall@example.com\"", replies).await
    }

    async fn sent_to(to: &str, replies: &'static [&'static str]) -> (Sent, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mail = mail_to(to, &format!("smtp://{}", listener.local_addr().unwrap())).unwrap();
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut heard = Vec::new();
            let mut in_data = false;
            for reply in replies {
                stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
                in_data |= reply.starts_with("354");
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return heard;
                    }
                    heard.push(line.trim_end().to_owned());
                    if !in_data || line == ".\r\n" {
                        break;
                    }
                }
            }
            heard
        });
        let sent = mail.tell(&message(), "m-1").await;
        (sent, serving.await.unwrap())
    }

    #[tokio::test]
    async fn a_message_is_handed_over_word_by_word() {
        let replies =
            &["220 relay", "250-relay\r\n250 8BITMIME", "250 ok", "250 ok", "354 go on", "250 queued"];
        let (sent, heard) = sent(replies).await;
        assert_eq!(sent, Sent::Arrived { handle: None });
        assert_eq!(
            heard[..4],
            ["EHLO hubkeeper", "MAIL FROM:<keeper@example.com>", "RCPT TO:<oncall@example.com>", "DATA"]
        );
        assert!(heard.contains(&"Subject: [hubkeeper] P1 HubSpot is down".to_owned()), "{heard:?}");
        assert!(heard.contains(&"References: <20261129-00002a@hubkeeper>".to_owned()), "{heard:?}");
    }

    #[tokio::test]
    async fn what_the_server_says_decides_whether_it_is_tried_again() {
        let (later, _) = sent(&["421 too busy"]).await;
        assert!(matches!(later, Sent::Again { .. }), "{later:?}");
        let (never, _) = sent(&["220 relay", "250 ok", "550 no such sender"]).await;
        assert_eq!(never, Sent::Never { why: "it answered 550".into() });
        let (lost, _) = sent(&["220 relay", "250 ok", "250 ok", "250 ok", "354 go on"]).await;
        assert!(
            matches!(lost, Sent::Again { .. }),
            "hung up after the text: it may have arrived, and is sent again"
        );
    }

    #[tokio::test]
    async fn one_address_that_is_gone_keeps_nobody_else_from_being_told() {
        let two = "\"gone@example.com\", \"oncall@example.com\"";
        let replies: &[&str] =
            &["220 relay", "250 ok", "250 ok", "550 gone", "251 passed on", "354 go on", "250 queued"];
        assert_eq!(sent_to(two, replies).await.0, Sent::Arrived { handle: None });
        let (never, _) = sent_to(two, &["220 relay", "250 ok", "250 ok", "550 gone", "550 gone"]).await;
        assert_eq!(never, Sent::Never { why: "it answered 550".into() });
    }

    #[test]
    fn a_password_goes_over_tls_only_and_addresses_are_plain() {
        assert!(mail("smtp://me:secret@relay.example").is_err());
        let kept = mail("smtps://me:se%40cret@relay.example").unwrap();
        assert_eq!((kept.port, kept.plain.is_some()), (465, true));
        assert!(!is_address("a@b>\r\nDATA") && !is_address("nobody"));
    }
}
