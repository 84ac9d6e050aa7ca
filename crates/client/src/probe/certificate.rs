//! Reads the parts of a certificate that people ask about.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::answer::bounded;
use super::report::network::Certificate;

/// Names listed at most: some certificates serve thousands.
const NAMES_MAX: usize = 20;

/// What cannot be read is empty: the judgement of the chain says why.
pub(super) fn read(der: &CertificateDer<'_>) -> Certificate {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Certificate {
            subject: String::new(),
            issuer: String::new(),
            not_before: None,
            not_after: None,
            names: Vec::new(),
        };
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|extension| &extension.value.general_names);
    Certificate {
        subject: bounded(&certificate.subject().to_string()),
        issuer: bounded(&certificate.issuer().to_string()),
        not_before: timestamp(&certificate.validity().not_before),
        not_after: timestamp(&certificate.validity().not_after),
        names: names
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(bounded(name)),
                _ => None,
            })
            .take(NAMES_MAX)
            .collect(),
    }
}

/// From when until when it is valid; `None` where that cannot be read.
pub fn validity(der: &CertificateDer<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let Certificate { not_before, not_after, .. } = read(der);
    (not_before, not_after)
}

impl Certificate {
    /// The moment closest to `now` at which it was, is, or will be valid.
    pub(super) fn nearest_valid(&self, now: Timestamp) -> Timestamp {
        let late_enough = self.not_before.map_or(now, |start| now.max(start));
        self.not_after.map_or(late_enough, |end| late_enough.min(end))
    }
}

fn timestamp(time: &ASN1Time) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}
