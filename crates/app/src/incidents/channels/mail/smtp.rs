//! One conversation by SMTP (RFC 5321), over whatever carries it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// A reply is some lines.
const REPLY_LINES_MAX: usize = 100;

/// A line has 512 bytes at most (RFC 5321 §4.5.3.1.5); some servers say more.
const REPLY_LINE_BYTES_MAX: u64 = 4096;

pub(super) struct Conversation<S>(BufReader<S>);

pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

/// What is handed over: the text as it goes over the wire, but for the dot that ends it.
pub(super) struct Envelope<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a [String],
    pub(super) text: &'a str,
}

/// What a server said of itself.
pub(super) struct Offers {
    pub(super) starttls: bool,
    plain: bool,
    login: bool,
}

/// Why a conversation ended early: the server's own code, where it gave one.
pub(super) struct Broken {
    pub(super) code: Option<u16>,
    pub(super) why: String,
}

impl Broken {
    pub(super) fn line(error: impl std::fmt::Display) -> Self {
        Self { code: None, why: error.to_string() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(super) async fn greeting(&mut self) -> Result<(), Broken> {
        self.expect("the call", 220).await.map(drop)
    }

    pub(super) async fn hello(&mut self, name: &str) -> Result<Offers, Broken> {
        let lines = self.say("EHLO", &format!("EHLO {name}"), 250).await?;
        let offered = |word: &str| {
            let mut words = lines.iter().map(|line| line.split_ascii_whitespace());
            words.find(|words| words.clone().next().is_some_and(|first| first.eq_ignore_ascii_case(word)))
        };
        let auth = |way: &str| {
            offered("AUTH").is_some_and(|mut words| words.any(|word| word.eq_ignore_ascii_case(way)))
        };
        Ok(Offers { starttls: offered("STARTTLS").is_some(), plain: auth("PLAIN"), login: auth("LOGIN") })
    }

    /// The bare stream, for TLS to begin on.
    pub(super) async fn starttls(mut self) -> Result<S, Broken> {
        self.say("STARTTLS", "STARTTLS", 220).await?;
        // What came before TLS did is nobody's word, and must not be read as if it had come after.
        if !self.0.buffer().is_empty() {
            return Err(Broken { code: None, why: "it went on in the clear after STARTTLS".into() });
        }
        Ok(self.0.into_inner())
    }

    pub(super) async fn message(
        mut self,
        offers: &Offers,
        login: Option<&Login>,
        envelope: &Envelope<'_>,
    ) -> Result<(), Broken> {
        if let Some(login) = login {
            self.log_in(offers, login).await?;
        }
        self.say("MAIL FROM", &format!("MAIL FROM:<{}>", envelope.from), 250).await?;
        self.address(envelope.to).await?;
        self.say("DATA", "DATA", 354).await?;
        self.0.get_mut().write_all(envelope.text.as_bytes()).await.map_err(Broken::line)?;
        self.say("the message", ".", 250).await?;
        let _polite = self.0.get_mut().write_all(b"QUIT\r\n").await;
        let _pushed = self.0.get_mut().flush().await;
        Ok(())
    }

    /// By PLAIN (RFC 4616), or by LOGIN, which is all that some large providers offer.
    async fn log_in(&mut self, offers: &Offers, login: &Login) -> Result<(), Broken> {
        let Login { user, password } = login;
        if offers.plain {
            let both = BASE64.encode(format!("\0{user}\0{password}"));
            self.say("AUTH", &format!("AUTH PLAIN {both}"), 235).await?;
        } else if offers.login {
            self.say("AUTH", "AUTH LOGIN", 334).await?;
            self.say("AUTH", &BASE64.encode(user), 334).await?;
            self.say("AUTH", &BASE64.encode(password), 235).await?;
        } else {
            let why = "it takes no password: it offers neither AUTH PLAIN nor LOGIN";
            return Err(Broken { code: None, why: why.into() });
        }
        Ok(())
    }

    /// One address that the server does not take keeps nobody else from being told.
    async fn address(&mut self, all: &[String]) -> Result<(), Broken> {
        let mut refused = Vec::new();
        for to in all {
            match self.say("RCPT TO", &format!("RCPT TO:<{to}>"), 250).await {
                // 251: it is passed on (RFC 5321 §3.4).
                Ok(_) | Err(Broken { code: Some(251), .. }) => {}
                Err(broken) if broken.code.is_some() => refused.push(broken),
                Err(broken) => return Err(broken),
            }
        }
        let (count, of) = (refused.len(), all.len());
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

    /// `what` is how the line is told of: itself may be a password.
    async fn say(&mut self, what: &str, line: &str, code: u16) -> Result<Vec<String>, Broken> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.map_err(Broken::line)?;
        self.0.get_mut().flush().await.map_err(Broken::line)?;
        self.expect(what, code).await
    }

    /// Reads a reply to its last line; gives what each says behind the code.
    async fn expect(&mut self, what: &str, code: u16) -> Result<Vec<String>, Broken> {
        let mut lines = Vec::new();
        for _ in 0..REPLY_LINES_MAX {
            let mut line = String::new();
            let read = (&mut self.0).take(REPLY_LINE_BYTES_MAX).read_line(&mut line).await;
            if read.map_err(Broken::line)? == 0 {
                return Err(Broken { code: None, why: "the server hung up".into() });
            }
            lines.push(line.get(4..).unwrap_or_default().trim_end().to_owned());
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            let said = line.get(..3).and_then(|code| code.parse().ok());
            if said == Some(code) {
                return Ok(lines);
            }
            // Its own words may name people; the code tells enough.
            let why = said.map_or("it does not speak SMTP".to_owned(), |said: u16| {
                format!("it answered {said} to {what}")
            });
            return Err(Broken { code: said, why });
        }
        Err(Broken { code: None, why: "its reply does not end".into() })
    }
}
