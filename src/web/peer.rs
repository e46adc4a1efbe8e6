//! Who is at the other end of a connection, as far as it can be believed: headers of a proxy count only where they come
//! from one that the settings name.

use std::net::IpAddr;

use actix_web::{HttpRequest, web};

use super::shared::{Network, Shared};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Whether the way to the browser is encrypted.
    pub is_tls: bool,
    /// Whose request it is; none where the connection has no address.
    pub address: Option<IpAddr>,
}

impl Peer {
    pub fn of(request: &HttpRequest) -> Peer {
        let trusted = request
            .app_data::<web::Data<Shared>>()
            .map_or(&[][..], |shared| &shared.trusted_proxies);
        let address = request.peer_addr().map(|address| address.ip().to_canonical());
        let header = |name| -> Vec<&str> {
            let values = request
                .headers()
                .get_all(name)
                .filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(str::trim).collect()
        };
        if !address.is_some_and(|address| is_in(address, trusted)) {
            return Peer {
                is_tls: false,
                address,
            };
        }
        // Each proxy adds at the right what it knows itself; what stands left of that anybody may have sent.
        let is_https = |scheme: &&str| scheme.eq_ignore_ascii_case("https");
        let behind = header("x-forwarded-for")
            .into_iter()
            .rev()
            .map(str::parse::<IpAddr>);
        let mut behind = behind.map_while(Result::ok).map(|ip| ip.to_canonical());
        Peer {
            is_tls: header("x-forwarded-proto").last().is_some_and(is_https),
            // Of several proxies in a row the first one that is not ours, seen from here.
            address: behind.find(|ip| !is_in(*ip, trusted)).or(address),
        }
    }

    /// The number under which failed sign-ins of this address are counted. An IPv6 line has 64 bits of addresses.
    pub fn number(&self) -> u128 {
        match self.address {
            None => 0,
            Some(IpAddr::V4(v4)) => u128::from(u32::from(v4)),
            Some(IpAddr::V6(v6)) => u128::from(v6) >> 64 << 64,
        }
    }
}

fn is_in(address: IpAddr, networks: &[Network]) -> bool {
    networks.iter().any(|(network, bits)| match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let apart = u32::from(a) ^ u32::from(*n);
            apart.leading_zeros() >= u32::from(*bits)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let apart = u128::from(a) ^ u128::from(*n);
            apart.leading_zeros() >= u32::from(*bits)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_the_addresses_that_begin_alike() {
        let networks = [(ip("10.1.0.0"), 16), (ip("127.0.0.1"), 32), (ip("fd00::"), 8)];
        for inside in ["10.1.255.3", "127.0.0.1", "fdff::1"] {
            assert!(is_in(ip(inside), &networks), "{inside}");
        }
        for outside in ["10.2.0.1", "127.0.0.2", "fe80::1", "::1"] {
            assert!(!is_in(ip(outside), &networks), "{outside}");
        }
        assert!(is_in(ip("192.0.2.1"), &[(ip("0.0.0.0"), 0)]));
    }

    #[test]
    fn addresses_of_one_line_count_as_one() {
        let number = |text| {
            let address = Some(ip(text));
            Peer {
                is_tls: false,
                address,
            }
            .number()
        };
        assert_eq!(number("2001:db8::1"), number("2001:db8::ffff:1"));
        assert_ne!(number("2001:db8::1"), number("2001:db8:0:1::1"));
        assert_ne!(number("192.0.2.1"), number("192.0.2.2"));
    }
}
