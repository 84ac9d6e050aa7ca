//! What the details call tells of a credential.

use http::{HeaderMap, StatusCode};
use hubspot::rate_headers::RateHeaders;
use serde::Deserialize;

use super::Portal;
use crate::governor::Asked;

/// The cheapest authenticated read; it touches no CRM data (hubspot-facts §1.8, spec Account_Info/144923).
pub(crate) const DETAILS: &str = "/account-info/v3/details";

/// What became known, as far as it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    pub(crate) portal: Option<Portal>,
    pub(crate) seen: Option<RateHeaders>,
    pub(crate) asked: Asked,
    /// HubSpot will not tell this credential anything: asking again is no use.
    pub(crate) refused: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    portal_id: u64,
    time_zone: Option<String>,
    data_hosting_location: Option<String>,
}

impl Learned {
    /// No answer came, and the question may be counted.
    pub(crate) fn unanswered() -> Self {
        Self { asked: Asked::Unanswered, ..Self::default() }
    }

    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let seen = RateHeaders::read(headers);
        let details =
            (status == StatusCode::OK).then(|| serde_json::from_slice::<Details>(body).ok()).flatten();
        let portal = details.map(|details| Portal {
            id: details.portal_id,
            time_zone: details.time_zone,
            hosting: details.data_hosting_location,
        });
        let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Self { portal, seen: seen.max.map(|_| seen), asked: Asked::Answered, refused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there_and_shrugs_at_the_rest() {
        let body = br#"{"portalId":62515,"timeZone":"US/Eastern","dataHostingLocation":"na1","uiDomain":"app.hubspot.com"}"#;
        let learned = Learned::read(StatusCode::OK, &HeaderMap::new(), body);
        let portal = Portal { id: 62515, time_zone: Some("US/Eastern".into()), hosting: Some("na1".into()) };
        assert_eq!(learned.portal, Some(portal));
        assert_eq!(Learned::read(StatusCode::OK, &HeaderMap::new(), b"<html>").portal, None);
        assert_eq!(Learned::read(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body).portal, None);
    }
}
