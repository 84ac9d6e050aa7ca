//! E-mail: where it goes, how it is kept secret on the way, and the message as it is handed over.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use incident::message::Message;
use incident::notify::email;
use rustls::ClientConfig;

use super::Sent;
use crate::config::{EmailSection, needed};
use crate::failure::Failure;

mod server;
mod smtp;

use server::Server;
use smtp::{Broken, Envelope};

/// A whole conversation.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Mail {
    server: Server,
    from: String,
    to: Vec<String>,
}

impl Mail {
    /// # Errors
    /// A usage failure that names the key, never a password.
    pub(super) fn new(section: &EmailSection, tls: &ClientConfig) -> Result<Self, Failure> {
        let url = needed("notify.email.smtp", section.smtp.as_ref())?.resolve()?;
        let server = Server::new(&url, section.starttls, tls)?;
        let from = needed("notify.email.from", section.from.as_ref())?.clone();
        if section.to.is_empty() || section.to.iter().chain([&from]).any(|address| !is_address(address)) {
            return Err(Failure::usage("notify.email: from or to is no address")
                .hint("write plain addresses, such as oncall@example.com"));
        }
        Ok(Self { server, from, to: section.to.clone() })
    }

    pub(super) async fn tell(&self, message: &Message, id: &str) -> Sent {
        let text = self.text(message, id);
        let envelope = Envelope { from: &self.from, to: &self.to, text: &text };
        match tokio::time::timeout(PATIENCE, self.server.hand_over(&envelope)).await {
            Ok(Ok(())) => Sent::Arrived { handle: None },
            // 5yz is for good (RFC 5321 §4.2.1); anything else may be better later.
            Ok(Err(Broken { code: Some(500..=599), why })) => Sent::Never { why },
            Ok(Err(Broken { why, .. })) => Sent::Again { after_s: None, why },
            Err(_late) => {
                Sent::Again { after_s: None, why: format!("no end within {} s", PATIENCE.as_secs()) }
            }
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

/// Nothing that could end a command early.
fn is_address(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | ';' | ' ');
    text.contains('@') && text.chars().all(fits)
}

#[cfg(test)]
mod tests;
