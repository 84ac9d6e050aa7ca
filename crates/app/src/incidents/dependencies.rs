//! What else the company's programs need, checked by name: an HTTP address, a port, a PostgreSQL or a Redis. A check asks
//! the least that shows life, and needs no credential.

use std::time::Duration;

use client::clock::WallClock;
use incident::signal::{Place, Seen, Signal, Wellness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::Asked;
use crate::config::DependencySection;
use crate::failure::Failure;

/// Between two checks: three in a row that fail are told within a minute.
const BETWEEN: Duration = Duration::from_secs(15);

/// A dependency that takes longer does not serve.
const PATIENCE: Duration = Duration::from_secs(5);

/// PostgreSQL's question whether it speaks TLS: any one letter back is life (protocol 3.0, SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    name: String,
    host: String,
    port: u16,
    ask: Ask,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ask {
    Connection,
    Postgres,
    Redis,
    /// The path.
    Http(String),
}

impl Dependency {
    /// # Errors
    /// A usage failure when it is no address that can be checked.
    pub(crate) fn new(section: &DependencySection) -> Result<Self, Failure> {
        let bad = || {
            Failure::usage(format!("the check of dependency `{}` cannot be understood", section.name)).hint(
                "write http://HOST/PATH, tcp://HOST:PORT, postgres://HOST:PORT or redis://HOST:PORT, without credentials",
            )
        };
        let (scheme, rest) = section.check.split_once("://").ok_or_else(bad)?;
        let (authority, path) =
            rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
        if authority.is_empty() || authority.contains('@') {
            return Err(bad());
        }
        let (ask, port) = match scheme {
            "tcp" => (Ask::Connection, None),
            "postgres" | "postgresql" => (Ask::Postgres, Some(5432)),
            "redis" => (Ask::Redis, Some(6379)),
            "http" => (Ask::Http(path), Some(80)),
            // Whether the port answers is what a check without a certificate of its own can tell.
            "https" => (Ask::Connection, Some(443)),
            _ => return Err(bad()),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, given)) if !given.ends_with(']') => (host, Some(given.parse().map_err(|_| bad())?)),
            Some(_) | None => (authority, port),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { name: section.name.clone(), host, port: port.ok_or_else(bad)?, ask })
    }

    async fn check(&self) -> Wellness {
        match tokio::time::timeout(PATIENCE, self.answers()).await {
            Ok(Ok(true)) => Wellness::Well,
            Ok(Ok(false) | Err(_)) | Err(_) => Wellness::Ill,
        }
    }

    async fn answers(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let mut answer = [0; 16];
        match &self.ask {
            Ask::Connection => Ok(true),
            Ask::Postgres => {
                stream.write_all(&SSL_REQUEST).await?;
                Ok(stream.read(&mut answer[..1]).await? == 1 && matches!(answer[0], b'S' | b'N'))
            }
            Ask::Redis => {
                stream.write_all(b"PING\r\n").await?;
                let read = stream.read(&mut answer).await?;
                // Asking for a password is an answer, too.
                Ok(answer[..read].starts_with(b"+PONG") || answer[..read].starts_with(b"-NOAUTH"))
            }
            Ask::Http(path) => {
                let request =
                    format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.host);
                stream.write_all(request.as_bytes()).await?;
                let mut read = 0;
                while read < answer.len() {
                    match stream.read(&mut answer[read..]).await? {
                        0 => break,
                        more => read += more,
                    }
                }
                let status = std::str::from_utf8(&answer[..read])
                    .ok()
                    .and_then(|head| head.get(9..12)?.parse::<u16>().ok());
                Ok(status.is_some_and(|status| status < 500))
            }
        }
    }
}

/// Checks all of them for as long as it is polled.
pub(super) async fn run(dependencies: Vec<Dependency>, found: mpsc::Sender<Asked>, clock: WallClock) {
    if dependencies.is_empty() {
        return std::future::pending().await;
    }
    let mut due = tokio::time::interval(BETWEEN);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        let checks =
            dependencies.iter().map(|dependency| async move { (dependency, dependency.check().await) });
        for (dependency, well) in futures_util::future::join_all(checks).await {
            let seen = Seen::Health { name: dependency.name.clone(), well };
            let signal = Signal { at: clock.now(), place: Place::default(), seen };
            if found.send(Asked::Signal(signal)).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn dependency(check: &str) -> Result<Dependency, Failure> {
        Dependency::new(&DependencySection { name: "orders".into(), check: check.into() })
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for check in [
            "orders-db",
            "ftp://x",
            "tcp://host",
            "redis://user:password@host:6379",
            "tcp://host:x",
            "http://",
        ] {
            assert!(dependency(check).is_err(), "{check}");
        }
        assert_eq!(dependency("postgres://db").unwrap().port, 5432);
        assert_eq!(dependency("http://[::1]:8080/health").unwrap().host, "::1");
    }

    /// Answers one connection with these bytes.
    async fn answers(scheme: &str, answer: &'static [u8]) -> Wellness {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 256];
            assert!(stream.read(&mut heard).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
        });
        let well = dependency(&format!("{scheme}://{address}")).unwrap().check().await;
        serving.await.unwrap();
        well
    }

    #[tokio::test]
    async fn life_is_an_answer_of_the_right_kind() {
        assert_eq!(answers("postgres", b"N").await, Wellness::Well);
        assert_eq!(answers("postgres", b"H").await, Wellness::Ill);
        assert_eq!(answers("redis", b"+PONG\r\n").await, Wellness::Well);
        assert_eq!(answers("redis", b"-NOAUTH Authentication required.\r\n").await, Wellness::Well);
        assert_eq!(answers("redis", b"-LOADING\r\n").await, Wellness::Ill);
        assert_eq!(answers("http", b"HTTP/1.1 404 Not Found\r\n\r\n").await, Wellness::Well);
        assert_eq!(answers("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await, Wellness::Ill);
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(dependency(&format!("tcp://{nobody}")).unwrap().check().await, Wellness::Ill);
    }
}
