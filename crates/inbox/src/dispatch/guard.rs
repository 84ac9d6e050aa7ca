//! Which addresses a subscriber may have. A name that points into our own network, or at a cloud's metadata service,
//! would make us call there in somebody else's name; so the address itself is looked at, after the name was resolved, and
//! the connection goes to that very address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::subscriber::Reach;

/// May it be called?
pub fn allows(reach: Reach, address: IpAddr) -> bool {
    match reach {
        Reach::Private => true,
        Reach::Public => is_public(address),
    }
}

/// An address that everyone on the Internet has the same idea of.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => embedded(address).map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

/// IANA's special-purpose registry, RFC 6890 and its updates.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This network", private, loopback.
        (0 | 10 | 127, _, _) => true,
        // Shared by carriers, 100.64.0.0/10; one cloud's metadata service lies there.
        (100, 64..=127, _) => true,
        // Link-local, and most clouds' metadata service.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        // IETF assignments, documentation, 6to4 relays, private.
        (192, 0, 0 | 2) | (192, 88, 99) | (192, 168, _) => true,
        // Benchmarks, documentation.
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224.., _, _) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is handed out; loopback, unique local, link-local, site-local and multicast lie outside.
    let global = (0x2000..=0x3fff).contains(&a);
    // IETF protocol assignments and Teredo, documentation.
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || (a == 0x3fff && b < 0x1000);
    global && !special
}

/// The IPv4 address inside: mapped, compatible, NAT64, 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(v4(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(v4(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1")]
    #[case("0.0.0.0")]
    #[case("10.1.2.3")]
    #[case("172.16.0.1")]
    #[case("172.31.255.255")]
    #[case("192.168.1.1")]
    #[case("169.254.169.254")]
    #[case("100.100.100.200")]
    #[case("192.0.0.192")]
    #[case("198.18.0.1")]
    #[case("203.0.113.7")]
    #[case("224.0.0.1")]
    #[case("255.255.255.255")]
    #[case("::")]
    #[case("::1")]
    #[case("fd00:ec2::254")]
    #[case("fe80::1")]
    #[case("fec0::1")]
    #[case("ff02::1")]
    #[case("2001:db8::1")]
    #[case("2001::1")]
    #[case("3fff::1")]
    #[case("::ffff:127.0.0.1")]
    #[case("::ffff:169.254.169.254")]
    #[case("::ffff:0:10.0.0.1")]
    #[case("::10.0.0.1")]
    #[case("64:ff9b::a00:1")]
    #[case("64:ff9b:1::1")]
    #[case("2002:7f00:1::")]
    #[case("2002:a9fe:a9fe::1")]
    fn an_address_that_is_not_public(#[case] address: &str) {
        let address: IpAddr = address.parse().unwrap();
        assert!(!allows(Reach::Public, address), "{address}");
        assert!(allows(Reach::Private, address), "{address}");
    }

    #[rstest]
    #[case("1.1.1.1")]
    #[case("100.63.255.255")]
    #[case("100.128.0.1")]
    #[case("172.15.0.1")]
    #[case("172.32.0.1")]
    #[case("192.0.1.1")]
    #[case("198.20.0.1")]
    #[case("223.255.255.255")]
    #[case("2606:4700:4700::1111")]
    #[case("2a00:1450:4001:81b::200e")]
    #[case("::ffff:1.1.1.1")]
    #[case("64:ff9b::101:101")]
    fn an_address_that_is(#[case] address: &str) {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}
