//! The way to every address of the upstream, and no further: nothing that HubSpot counts, and cheap enough to be asked
//! again and again.

use super::pace::Pace;
use super::report::Upstream;
use super::report::network::Tcp;
use super::target::Target;
use super::{dns, ladder};

/// Connects to each; `None` where the name has no address.
pub async fn connects(target: &Target) -> Option<Tcp> {
    let target = Target { control_host: None, dns_servers: Vec::new(), ..target.clone() };
    let pace = Pace::begin(target.timeouts.overall);
    let upstream = Upstream::of(&target.upstream);
    let dns = dns::probe(&target, &pace).await;
    ladder::connect(&target, &upstream, &dns, &pace).await
}
