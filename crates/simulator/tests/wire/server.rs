//! The socket entrance, on the loopback interface and the real clock: nothing here waits for time to pass.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use simulator::{Config, Shell, Simulator, dns};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Served {
    address: SocketAddr,
    shell: Arc<Shell>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn serve() -> Served {
    let shell = Arc::new(Shell::new(Simulator::new(Config { contacts: 3, ..Config::default() })));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(simulator::serve(listener, shell.clone(), async {
        let _ = stopped.await;
    }));
    Served { address, shell, stop, task }
}

impl Served {
    fn get(&self) -> String {
        let token = self.shell.with(|simulator| simulator.default_token());
        format!("GET /account-info/v3/details HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer {token}\r\n\r\n")
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn fault(&self, body: &str) {
        let length = body.len();
        let head = format!(
            "POST /_sim/faults HTTP/1.1\r\nHost: sim\r\nContent-Length: {length}\r\nConnection: close"
        );
        let text = talk(self.connect().await, &format!("{head}\r\n\r\n{body}")).await.expect("an answer");
        assert!(text.starts_with("HTTP/1.1 201"), "{text}");
    }
}

/// Sends, then reads until the other side ends.
async fn talk(mut stream: TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await?;
    Ok(String::from_utf8_lossy(&read).into_owned())
}

#[tokio::test]
async fn answers_again_on_the_same_connection_and_stops_when_told() {
    let served = serve().await;
    let closing = served.get().replace("Host: sim", "Host: sim\r\nConnection: close");
    let text = talk(served.connect().await, &format!("{}{closing}", served.get())).await.expect("answers");
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    assert_eq!(text.matches("date: ").count(), 2, "the simulator's own date, once an answer: {text}");
    served.stop.send(()).expect("it still runs");
    served.task.await.expect("it ends well");
    assert_eq!(
        TcpStream::connect(served.address).await.expect_err("closed").kind(),
        ErrorKind::ConnectionRefused
    );
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let served = serve().await;
    served.fault(r#"{"kind":"reset"}"#).await;
    let error = talk(served.connect().await, &served.get()).await.expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_reset_after_idleness_spares_new_connections() {
    let served = serve().await;
    served.fault(r#"{"kind":"reset","after_idle_ms":0}"#).await;
    let error = talk(served.connect().await, &format!("{}{}", served.get(), served.get())).await;
    // The first call on the connection was answered before the second broke the line.
    assert!(error.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    let stats = served
        .shell
        .exchange(http::Request::get("/_sim/stats").body(bytes::Bytes::new()).expect("a request"));
    let stats: serde_json::Value =
        serde_json::from_slice(stats.await.expect("an answer").body()).expect("JSON");
    assert_eq!((&stats["statuses"], &stats["lost"]), (&json!({"200": 1}), &json!(1)));
}

#[tokio::test]
async fn a_cut_answer_promises_more_than_it_brings() {
    let served = serve().await;
    served.fault(r#"{"kind":"truncate","bytes":12}"#).await;
    let text = talk(served.connect().await, &served.get()).await.expect("the beginning");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("200 OK") && head.contains("content-length: "), "{head}");
    assert_eq!(body, r#"{"portalId":"#);
}

#[tokio::test]
async fn a_body_too_large_is_refused() {
    let served = serve().await;
    let size = 16 * 1024 * 1024 + 1;
    let mut stream = served.connect().await;
    let head =
        format!("POST /crm/v3/objects/contacts HTTP/1.1\r\nHost: sim\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let chunk = vec![b' '; 1024 * 1024];
    for _ in 0..17 {
        // The server may answer and close before all is sent.
        if stream.write_all(&chunk[..]).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn the_dns_stub_answers_as_the_faults_say() {
    let served = serve().await;
    let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port"));
    let address = socket.local_addr().expect("an address");
    let shell = served.shell.clone();
    tokio::spawn(dns::serve(socket, Ipv4Addr::LOCALHOST, move || shell.dns_behaviour()));
    let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let ask = async || {
        let query =
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x06hubapi\x03com\x00\x00\x01\x00\x01";
        asker.send_to(query, address).await.expect("sent");
        let mut answer = [0; 512];
        let length = asker.recv(&mut answer).await.expect("an answer");
        answer[..length].to_vec()
    };
    let answer = ask().await;
    assert_eq!(
        (&answer[..2], answer[3] & 0x0f, &answer[answer.len() - 4..]),
        (&[0x12, 0x34][..], 0, &[127, 0, 0, 1][..])
    );
    served.fault(r#"{"kind":"net.dns"}"#).await;
    assert_eq!(ask().await[3] & 0x0f, 3, "NXDOMAIN");
}
