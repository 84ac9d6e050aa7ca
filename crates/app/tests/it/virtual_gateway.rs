//! The gateway's listener in front of the client's layers over the simulator, in one process and in virtual time.

use std::sync::Arc;
use std::time::Duration;

use gateway::admit::Admission;
use gateway::rules::Rules;
use gateway::{ForwardSettings, Gateway, ListenerSettings, OwnHosts};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::virtual_hubspot::Virtual;

/// Where a gateway listens, as long as this is kept.
pub(crate) struct Listening {
    pub(crate) url: String,
    _stop: watch::Sender<bool>,
}

/// A gateway that lets everything through to this HubSpot; a law sets what it is about.
pub(crate) fn plain(hubspot: &Virtual) -> Gateway {
    Gateway {
        stack: hubspot.stack.clone(),
        admission: Admission::Passthrough,
        rules: Rules::default(),
        upstream: "https://api.hubapi.com".into(),
        public_url: None,
        own_hosts: OwnHosts::default(),
        intake: None,
        outbox: None,
        forward: ForwardSettings {
            deadline: Duration::from_secs(60),
            deadline_max: Duration::from_secs(60),
            body_bytes_max: 1_000_000,
        },
        listener: ListenerSettings::default(),
        witness: None,
        scopes: None,
        turned_away: Arc::default(),
    }
}

pub(crate) async fn listen(gateway: Gateway) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, draining) = watch::channel(false);
    tokio::spawn(gateway.serve(listener, draining));
    Listening { url, _stop: stop }
}
