//! The same behind nginx and haproxy: what they pass on is read as they meant it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::{Ending, OK, send_all, smuggled_in};
use crate::house::{PATIENCE, Start, Upstream, ask};

#[derive(Clone, Copy)]
enum Front {
    Nginx,
    Haproxy,
}

/// A proxy that runs; it is killed when dropped.
struct Running {
    url: String,
    directory: TempDir,
    _child: Child,
}

impl Front {
    const fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Passes all on to `behind` over connections that it keeps, and logs each request line as it read it.
    fn configuration(self, listen: &str, behind: &str, at: &Path) -> String {
        let at = at.display();
        match self {
            Self::Nginx => {
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|name| format!("{name}_temp_path {at}/{name};"))
                    .join(" ");
                format!(
                    "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log; events {{}}\n\
                     http {{ log_format line '$request'; access_log {at}/requests line; {temporary}\n\
                     upstream inner {{ server {behind}; keepalive 4; }}\n\
                     server {{ listen {listen}; location / {{ proxy_pass http://inner; proxy_http_version 1.1;\n\
                     proxy_request_buffering off; proxy_set_header Connection \"\"; proxy_set_header Host localhost; }} }} }}\n"
                )
            }
            Self::Haproxy => format!(
                "global\n nbthread 1\n log stdout format raw local0\n\
                 defaults\n mode http\n log global\n log-format %r\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n \
                 http-reuse always\n\
                 frontend outer\n bind {listen}\n http-request set-header Host localhost\n default_backend inner\n\
                 backend inner\n server hubkeeper {behind}\n"
            ),
        }
    }

    async fn start(self, behind: &str) -> Running {
        let directory = TempDir::new().unwrap();
        let at = directory.path();
        let listen = Upstream::nobody().await.trim_start_matches("http://").to_owned();
        let file = at.join("proxy.conf");
        let behind = behind.trim_start_matches("http://");
        std::fs::write(&file, self.configuration(&listen, behind, at)).unwrap();
        let mut command = Command::new(place(self.program()));
        match self {
            Self::Nginx => command.arg("-p").arg(at).arg("-c").arg(&file),
            Self::Haproxy => command.arg("-db").arg("-f").arg(&file),
        };
        // nginx has a file of its own for the requests.
        let out = std::fs::File::create(at.join(match self {
            Self::Nginx => "out",
            Self::Haproxy => "requests",
        }));
        let child =
            command.stdin(Stdio::null()).stdout(out.unwrap()).stderr(Stdio::null()).kill_on_drop(true);
        let child = child.spawn().unwrap();
        let listens = async { while TcpStream::connect(&listen).await.is_err() {} };
        tokio::time::timeout(PATIENCE, listens).await.expect("the proxy starts");
        Running { url: format!("http://{listen}"), directory, _child: child }
    }
}

/// Debian keeps them off a user's path.
fn place(program: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let place = places.iter().map(|place| Path::new(place).join(program)).find(|place| place.exists());
    place.unwrap_or_else(|| panic!("{program} is missing; scripts/setup test installs it"))
}

/// No request is hidden from the proxy and made all the same.
async fn nothing_passes_unseen(front: Front) {
    let upstream = Upstream::saying(OK).await;
    let up = Start::up(&upstream.url).ready().await;
    let proxy = front.start(up.url()).await;
    let sent = send_all(&proxy.url, Ending::Farewell).await + send_all(&proxy.url, Ending::HalfClose).await;
    // It is behind the proxy that all this arrives.
    assert_eq!(ask(&proxy.url, "GET", "/through", &[], "").await.text(), "ok");
    let heard = upstream.heard();
    let lines = std::fs::read_to_string(proxy.directory.path().join("requests")).unwrap();
    let meant = smuggled_in(lines.lines());
    let unseen: Vec<_> = super::smuggled(&heard).into_iter().filter(|name| !meant.contains(name)).collect();
    assert_eq!(unseen, Vec::<String>::new());
    // The control: had one been made unseen, it would stand here.
    assert!(!meant.is_empty() && !super::smuggled(&heard).is_empty(), "hidden requests are not recognised");
    assert!(heard.len() > sent / 10, "hardly anything came through: {}", heard.len());
    up.stop().await;
}

#[tokio::test]
async fn behind_nginx_no_second_request_is_executed() {
    nothing_passes_unseen(Front::Nginx).await;
}

#[tokio::test]
async fn behind_haproxy_no_second_request_is_executed() {
    nothing_passes_unseen(Front::Haproxy).await;
}
