use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const ONE: &str = "to = [\"oncall@example.com\"]\n";

/// Where a server's script goes on under TLS.
const TLS: &str = "TLS";

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

fn mail(smtp: &str, more: &str, roots: Vec<CertificateDer<'static>>) -> Result<Mail, Failure> {
    let file = format!("smtp = \"{smtp}\"\nfrom = \"keeper@example.com\"\n{more}");
    let section: EmailSection = toml::from_str(&file).unwrap();
    let _once = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Mail::new(&section, &client::transport::tls::client_config(roots).unwrap())
}

/// The certificate of localhost, and of who vouches for it.
fn certified() -> (TlsAcceptor, CertificateDer<'static>) {
    let _once = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), issuer.der().clone())
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Line for S {}

/// Answers each line it hears with the next of these, and tells what it heard.
async fn played(listener: TcpListener, acceptor: TlsAcceptor, replies: &[&str]) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream: BufReader<Box<dyn Line>> = BufReader::new(Box::new(stream));
    let mut heard = Vec::new();
    let mut in_data = false;
    for (nth, reply) in replies.iter().enumerate() {
        if *reply == TLS {
            let Ok(secure) = acceptor.accept(stream.into_inner()).await else { return heard };
            stream = BufReader::new(Box::new(secure));
            heard.push(TLS.to_owned());
        } else {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            in_data |= reply.starts_with("354");
        }
        // TLS begins with the client's word after a 220, and with a hello after that.
        if replies.get(nth + 1) == Some(&TLS) || (*reply == TLS && nth == 0) {
            continue;
        }
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
}

/// What became of a message, and what the server heard. `login` goes before the host, `more` into the section.
async fn sent_by(
    scheme: &str,
    login: &str,
    more: &str,
    replies: &'static [&'static str],
) -> (Sent, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (acceptor, root) = certified();
    let url = format!("{scheme}://{login}localhost:{port}");
    let mail = mail(&url, &format!("{ONE}{more}"), vec![root]).unwrap();
    let serving = tokio::spawn(played(listener, acceptor, replies));
    let sent = mail.tell(&message(), "m-1").await;
    (sent, serving.await.unwrap())
}

async fn sent(replies: &'static [&'static str]) -> (Sent, Vec<String>) {
    sent_by("smtp", "", "", replies).await
}

async fn sent_to(to: &str, replies: &'static [&'static str]) -> Sent {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let mail = mail(&url, &format!("to = [{to}]"), Vec::new()).unwrap();
    let serving = tokio::spawn(played(listener, certified().0, replies));
    let sent = mail.tell(&message(), "m-1").await;
    serving.await.unwrap();
    sent
}

#[tokio::test]
async fn a_message_is_handed_over_word_by_word() {
    let replies = &["220 relay", "250-relay\r\n250 8BITMIME", "250 ok", "250 ok", "354 go on", "250 queued"];
    let (sent, heard) = sent(replies).await;
    assert_eq!(sent, Sent::Arrived { handle: None });
    assert_eq!(
        heard[..4],
        ["EHLO [127.0.0.1]", "MAIL FROM:<keeper@example.com>", "RCPT TO:<oncall@example.com>", "DATA"]
    );
    assert!(heard.contains(&"Subject: [hubkeeper] P1 HubSpot is down".to_owned()), "{heard:?}");
    assert!(heard.contains(&"References: <20261129-00002a@hubkeeper>".to_owned()), "{heard:?}");
}

const STARTTLS: &str = "starttls = \"required\"";

#[tokio::test]
async fn a_password_is_told_after_starttls_and_no_sooner() {
    let replies = &[
        "220 mail",
        "250-mail\r\n250-STARTTLS\r\n250 8BITMIME",
        "220 go on",
        TLS,
        "250-mail\r\n250 AUTH LOGIN PLAIN",
        "235 welcome",
        "250 ok",
        "250 ok",
        "354 go on",
        "250 queued",
    ];
    let (sent, heard) = sent_by("smtp", "me:se%40cret@", STARTTLS, replies).await;
    assert_eq!(sent, Sent::Arrived { handle: None });
    let plain = format!("AUTH PLAIN {}", BASE64.encode("\0me\0se@cret"));
    let hello = "EHLO [127.0.0.1]";
    assert_eq!(heard[..5], [hello, "STARTTLS", TLS, hello, &plain], "{heard:?}");
}

#[tokio::test]
async fn a_server_that_knows_login_alone_gets_it() {
    let replies = &[
        TLS,
        "220 mail",
        "250-mail\r\n250 AUTH LOGIN XOAUTH2",
        "334 VXNlcm5hbWU6",
        "334 UGFzc3dvcmQ6",
        "235 welcome",
        "250 ok",
        "250 ok",
        "354 go on",
        "250 queued",
    ];
    let (sent, heard) = sent_by("smtps", "me:secret@", "", replies).await;
    assert_eq!(sent, Sent::Arrived { handle: None });
    let told = ["AUTH LOGIN".into(), BASE64.encode("me"), BASE64.encode("secret")];
    assert_eq!(heard[2..5], told, "{heard:?}");
}

#[tokio::test]
async fn without_starttls_nothing_is_said_where_it_has_to_be() {
    let (sent, heard) = sent_by("smtp", "me:secret@", STARTTLS, &["220 mail", "250 AUTH PLAIN"]).await;
    assert!(matches!(&sent, Sent::Again { why, .. } if why.contains("STARTTLS")), "{sent:?}");
    assert_eq!(heard, ["EHLO [127.0.0.1]"]);
}

#[tokio::test]
async fn starttls_is_taken_where_it_is_offered_if_that_is_enough() {
    let opportunistic = "starttls = \"opportunistic\"";
    let replies = &["220 mail", "250 mail", "250 ok", "250 ok", "354 go on", "250 queued"];
    let (clear, heard) = sent_by("smtp", "", opportunistic, replies).await;
    assert_eq!(
        (clear, heard[1].as_str()),
        (Sent::Arrived { handle: None }, "MAIL FROM:<keeper@example.com>")
    );
    let replies = &[
        "220 mail",
        "250 STARTTLS",
        "220 go on",
        TLS,
        "250 mail",
        "250 ok",
        "250 ok",
        "354 go on",
        "250 queued",
    ];
    let (secure, heard) = sent_by("smtp", "", opportunistic, replies).await;
    assert_eq!((secure, heard[2].as_str()), (Sent::Arrived { handle: None }, TLS));
}

/// Whoever sits in between could have added a line that is read as if it had come under TLS.
#[tokio::test]
async fn what_is_said_in_the_clear_after_starttls_ends_it() {
    let (sent, heard) =
        sent_by("smtp", "", STARTTLS, &["220 mail", "250 STARTTLS", "220 go on\r\n250 AUTH PLAIN"]).await;
    assert!(matches!(&sent, Sent::Again { why, .. } if why.contains("in the clear")), "{sent:?}");
    assert_eq!(heard.len(), 2, "{heard:?}");
}

/// The control: the same server, and nobody here knows who vouches for it.
#[tokio::test]
async fn control_a_certificate_that_nobody_vouches_for_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://localhost:{}", listener.local_addr().unwrap().port());
    let mail = mail(&url, &format!("{ONE}{STARTTLS}"), Vec::new()).unwrap();
    let replies: &[&str] = &["220 mail", "250 STARTTLS", "220 go on", TLS];
    let serving = tokio::spawn(played(listener, certified().0, replies));
    let sent = mail.tell(&message(), "m-1").await;
    assert!(matches!(&sent, Sent::Again { why, .. } if why.starts_with("TLS: ")), "{sent:?}");
    assert!(!serving.await.unwrap().contains(&TLS.to_owned()));
}

#[tokio::test]
async fn what_the_server_says_decides_whether_it_is_tried_again() {
    let (later, _) = sent(&["421 too busy"]).await;
    assert!(matches!(later, Sent::Again { .. }), "{later:?}");
    let (never, _) = sent(&["220 relay", "250 ok", "550 no such sender"]).await;
    assert_eq!(never, Sent::Never { why: "it answered 550 to MAIL FROM".into() });
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
    assert_eq!(sent_to(two, replies).await, Sent::Arrived { handle: None });
    let never = sent_to(two, &["220 relay", "250 ok", "250 ok", "550 gone", "550 gone"]).await;
    assert_eq!(never, Sent::Never { why: "it answered 550 to RCPT TO".into() });
}

#[test]
fn a_password_and_a_way_in_the_clear_do_not_go_together() {
    let refused = |smtp: &str, more: &str| mail(smtp, &format!("{ONE}{more}"), Vec::new()).is_err();
    for starttls in ["opportunistic", "none"] {
        assert!(
            refused("smtp://me:secret@relay.example", &format!("starttls = \"{starttls}\"")),
            "{starttls}"
        );
        assert!(!refused("smtp://relay.example", &format!("starttls = \"{starttls}\"")), "{starttls}");
    }
    assert!(!refused("smtp://me:secret@127.0.0.1:25", ""), "it does not leave the machine");
    assert!(!refused("smtp://me:secret@mail.example", ""), "STARTTLS has to be");
    assert!(refused("smtps://me:secret@mail.example", STARTTLS), "it has begun already");
    assert!(refused("smtps://me@mail.example", ""), "a user, and no password");
    assert!(refused("http://mail.example", ""));
    assert!(!is_address("a@b>\r\nDATA") && !is_address("nobody"));
}
