//! Asks a running gateway what its traffic shows. No gateway, or one that does not answer in time, is no evidence.

use std::time::Duration;

use http::{Method, StatusCode, Uri};
use incident::facts::traffic::Traffic;

use crate::admin_api;

/// The gateway is near and answers from memory; one that is busy takes a moment.
const PATIENCE: Duration = Duration::from_secs(2);

const PATH: &str = "/api/v1/traffic";

/// What the gateway whose admin API is at `admin` tells.
pub(super) enum Told {
    Traffic(Box<Traffic>),
    /// It is there, and wants a key that we do not show.
    Locked,
    Nothing,
}

pub(super) async fn fetch(admin: &Uri) -> Told {
    let asked = admin_api::ask(admin, Method::GET, PATH, None);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _))) => Told::Locked,
        Ok(Ok((status, body))) if status.is_success() => {
            serde_json::from_slice(&body).map_or(Told::Nothing, |traffic| Told::Traffic(Box::new(traffic)))
        }
        Ok(Ok((status, _))) => {
            tracing::debug!(%status, "no gateway to ask about traffic");
            Told::Nothing
        }
        Ok(Err(why)) => {
            tracing::debug!(%why, "no gateway to ask about traffic");
            Told::Nothing
        }
        Err(_late) => Told::Nothing,
    }
}

impl Told {
    pub(super) fn traffic(self) -> Option<Traffic> {
        match self {
            Self::Traffic(traffic) => Some(*traffic),
            Self::Locked | Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes.
    async fn admin(answer: &'static str) -> Uri {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /api/v1/traffic HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        format!("http://{address}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_report_is_read() {
        let admin = admin(
            "HTTP/1.1 200 OK\r\ncontent-length: 38\r\n\r\n{\"schema\":1,\"known_ids_gone\":4,\"x\":{}}",
        )
        .await;
        assert_eq!(fetch(&admin).await.traffic().unwrap().known_ids_gone, 4);
    }

    #[tokio::test]
    async fn anything_else_is_no_evidence() {
        assert!(
            fetch(&admin("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await)
                .await
                .traffic()
                .is_none()
        );
        assert!(
            fetch(&admin("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhtml").await).await.traffic().is_none()
        );
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(fetch(&format!("http://{closed}").parse().unwrap()).await.traffic().is_none());
    }
}
