use http::HeaderValue;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::secret::Secret;

const SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const URI: &str = "https://www.example.com/webhook_uri";
const SENT_MS: i64 = 1_693_657_560_000;
const BODY: &str = r#"{"example_field":"example_value"}"#;
const SINGLE_QUOTED: &str = "{'example_field':'example_value'}";
const EVENT: &str = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;

fn secret() -> Secret {
    Secret::new(SECRET)
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn judge(headers: &HeaderMap, body: &str, now_ms: i64) -> Result<Verified, Refusal> {
    let request = SignedRequest { method: "POST", uri: URI, headers, body: body.as_bytes() };
    let judged = verify(&request, &[secret()], at(now_ms), &Rules::default());
    let ready = verify(&request, &[ReadySecret::from(secret())], at(now_ms), &Rules::default());
    assert_eq!(ready, judged, "made ready, a secret judges as it did");
    judged
}

fn v3_headers(signature: &str, timestamp: &str) -> HeaderMap {
    headers(&[(&SIGNATURE_V3_HEADER, signature), (&TIMESTAMP_HEADER, timestamp)])
}

fn v1_headers() -> HeaderMap {
    headers(&[(&SIGNATURE_HEADER, &sign_v1(&secret(), EVENT.as_bytes())), (&SIGNATURE_VERSION_HEADER, "v1")])
}

/// HubSpot's published vectors, and those of its SDKs' own tests: facts §6.6.
mod published {
    use super::*;

    #[test]
    fn v1() {
        let signature = sign_v1(&secret(), EVENT.as_bytes());
        assert_eq!(signature, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de");
    }

    #[rstest]
    #[case("GET", "", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e")]
    #[case("POST", BODY, "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900")]
    fn v2(#[case] method: &str, #[case] body: &str, #[case] expected: &str) {
        assert_eq!(sign_v2(&secret(), method, URI, body.as_bytes()), expected);
    }

    #[rstest]
    #[case(SINGLE_QUOTED, "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=")]
    #[case(SINGLE_QUOTED, "1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw=")]
    #[case(BODY, "1693657560000", "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go=")]
    fn v3(#[case] body: &str, #[case] timestamp: &str, #[case] expected: &str) {
        assert_eq!(sign_v3(&secret(), "POST", URI, body.as_bytes(), timestamp), expected);
        let verified = judge(&v3_headers(expected, timestamp), body, timestamp.parse().unwrap());
        assert_eq!(verified.map(|verified| verified.version()), Ok(SignatureVersion::V3));
    }
}

#[test]
fn each_version_verifies() {
    let v1 = judge(&v1_headers(), EVENT, 0).unwrap();
    assert_eq!((v1.version(), v1.sent_at(), v1.secret_index()), (SignatureVersion::V1, None, 0));

    let signature = sign_v2(&secret(), "POST", URI, BODY.as_bytes());
    let v2 = judge(&headers(&[(&SIGNATURE_HEADER, &signature), (&SIGNATURE_VERSION_HEADER, "v2")]), BODY, 0);
    assert_eq!(v2.unwrap().version(), SignatureVersion::V2);

    let signature = sign_v3(&secret(), "POST", URI, BODY.as_bytes(), "1693657560000");
    let v3 = judge(&v3_headers(&signature, "1693657560000"), BODY, SENT_MS).unwrap();
    assert_eq!((v3.version(), v3.sent_at()), (SignatureVersion::V3, Some(at(SENT_MS))));
}

#[rstest]
#[case(0, Ok(()))]
#[case(300_000, Ok(()))]
#[case(300_001, Err(Refusal::Stale { age_ms: 300_001 }))]
#[case(-300_000, Ok(()))]
#[case(-300_001, Err(Refusal::FromTheFuture { ahead_ms: 300_001 }))]
fn the_timestamp_must_be_near(#[case] age_ms: i64, #[case] expected: Result<(), Refusal>) {
    let signature = sign_v3(&secret(), "POST", URI, BODY.as_bytes(), "1693657560000");
    let judged = judge(&v3_headers(&signature, "1693657560000"), BODY, SENT_MS + age_ms);
    assert_eq!(judged.map(|_| ()), expected);
}

#[rstest]
#[case("")]
#[case("NaN")]
#[case("-1693657560000")]
#[case("+1693657560000")]
#[case("1693657560000 ")]
#[case("1693657560000.0")]
#[case("99999999999999999999")]
#[case("9223372036854775807")]
fn a_timestamp_that_is_no_number_is_refused(#[case] timestamp: &str) {
    let signature = sign_v3(&secret(), "POST", URI, BODY.as_bytes(), timestamp);
    assert_eq!(judge(&v3_headers(&signature, timestamp), BODY, SENT_MS), Err(Refusal::NoTimestamp));
}

/// Guides that take the header for seconds refuse every genuine request; taken as milliseconds, seconds are stale.
#[test]
fn seconds_are_not_milliseconds() {
    let signature = sign_v3(&secret(), "POST", URI, BODY.as_bytes(), "1693657560");
    let judged = judge(&v3_headers(&signature, "1693657560"), BODY, SENT_MS);
    assert!(matches!(judged, Err(Refusal::Stale { .. })), "{judged:?}");
}

#[test]
fn a_timestamp_is_required() {
    let signature = sign_v3(&secret(), "POST", URI, BODY.as_bytes(), "");
    assert_eq!(
        judge(&headers(&[(&SIGNATURE_V3_HEADER, &signature)]), BODY, SENT_MS),
        Err(Refusal::NoTimestamp)
    );
}

#[test]
fn the_version_is_never_guessed() {
    assert_eq!(judge(&HeaderMap::new(), EVENT, 0), Err(Refusal::Unsigned));
    let mut map = v1_headers();
    map.remove(&SIGNATURE_VERSION_HEADER);
    assert_eq!(judge(&map, EVENT, 0), Err(Refusal::UnknownVersion));
    for version in ["v3", "V1", "", "1"] {
        map.insert(&SIGNATURE_VERSION_HEADER, HeaderValue::from_str(version).unwrap());
        assert_eq!(judge(&map, EVENT, 0), Err(Refusal::UnknownVersion), "{version}");
    }
    map.insert(&SIGNATURE_VERSION_HEADER, HeaderValue::from_static("v2"));
    assert_eq!(judge(&map, EVENT, 0), Err(Refusal::Mismatch(SignatureVersion::V2)));
}

#[test]
fn a_wrong_v3_is_not_saved_by_a_right_v1() {
    let mut map = v1_headers();
    map.insert(&SIGNATURE_V3_HEADER, HeaderValue::from_static("AAAA"));
    map.insert(&TIMESTAMP_HEADER, HeaderValue::from_static("1693657560000"));
    assert_eq!(judge(&map, EVENT, SENT_MS), Err(Refusal::Mismatch(SignatureVersion::V3)));
    map.insert(&SIGNATURE_V3_HEADER, HeaderValue::from_static(""));
    assert_eq!(judge(&map, EVENT, SENT_MS), Err(Refusal::Mismatch(SignatureVersion::V3)));
    map.remove(&TIMESTAMP_HEADER);
    assert_eq!(judge(&map, EVENT, SENT_MS), Err(Refusal::NoTimestamp));
}

#[test]
fn older_versions_can_be_switched_off() {
    let map = v1_headers();
    let request = SignedRequest { method: "POST", uri: URI, headers: &map, body: EVENT.as_bytes() };
    let rules = Rules { oldest: SignatureVersion::V3, ..Rules::default() };
    let judged = verify(&request, &[secret()], at(0), &rules);
    assert_eq!(judged, Err(Refusal::TooOldVersion(SignatureVersion::V1)));
}

#[test]
fn a_doubled_header_is_ambiguous() {
    for name in [SIGNATURE_HEADER, SIGNATURE_VERSION_HEADER] {
        let mut map = v1_headers();
        let value = map[&name].clone();
        map.append(name, value);
        assert_eq!(judge(&map, EVENT, 0), Err(Refusal::Ambiguous));
    }
    let signature = sign_v3(&secret(), "POST", URI, BODY.as_bytes(), "1693657560000");
    for name in [SIGNATURE_V3_HEADER, TIMESTAMP_HEADER] {
        let mut map = v3_headers(&signature, "1693657560000");
        let value = map[&name].clone();
        map.append(name, value);
        assert_eq!(judge(&map, BODY, SENT_MS), Err(Refusal::Ambiguous));
    }
}

#[test]
fn every_active_secret_is_tried() {
    let map = v1_headers();
    let request = SignedRequest { method: "POST", uri: URI, headers: &map, body: EVENT.as_bytes() };
    let judge = |secrets: &[Secret]| verify(&request, secrets, at(0), &Rules::default());
    let index = judge(&[Secret::new("new"), secret()]).map(|verified| verified.secret_index());
    assert_eq!(index, Ok(1));
    assert_eq!(judge(&[Secret::new("new")]), Err(Refusal::Mismatch(SignatureVersion::V1)));
    assert_eq!(judge(&[]), Err(Refusal::NoSecret));
}

#[test]
fn v3_undoes_the_escapes_and_v2_does_not() {
    let escaped = "https://www.example.com/a%3Ab%20c?d=%2C";
    let plain = "https://www.example.com/a:b%20c?d=,";
    assert_eq!(sign_v3(&secret(), "POST", escaped, b"", "1"), sign_v3(&secret(), "POST", plain, b"", "1"));
    assert_ne!(sign_v2(&secret(), "POST", escaped, b""), sign_v2(&secret(), "POST", plain, b""));
}

#[test]
fn bytes_that_are_no_text_are_signed_as_they_are() {
    let body = [0xff, 0x00, 0xfe];
    let signature = sign_v3(&secret(), "POST", URI, &body, "1693657560000");
    let map = v3_headers(&signature, "1693657560000");
    let request = SignedRequest { method: "POST", uri: URI, headers: &map, body: &body };
    assert!(verify(&request, &[secret()], at(SENT_MS), &Rules::default()).is_ok());
}

/// A genuine request of one version, in pieces that can be tampered with.
struct Genuine {
    version: SignatureVersion,
    method: Vec<u8>,
    uri: Vec<u8>,
    body: Vec<u8>,
    timestamp: Vec<u8>,
    signature: Vec<u8>,
}

impl Genuine {
    fn new(version: SignatureVersion) -> Self {
        let signature = match version {
            SignatureVersion::V1 => sign_v1(&secret(), BODY.as_bytes()),
            SignatureVersion::V2 => sign_v2(&secret(), "POST", URI, BODY.as_bytes()),
            SignatureVersion::V3 => sign_v3(&secret(), "POST", URI, BODY.as_bytes(), "1693657560000"),
        };
        Self {
            version,
            method: b"POST".to_vec(),
            uri: URI.into(),
            body: BODY.into(),
            timestamp: b"1693657560000".to_vec(),
            signature: signature.into_bytes(),
        }
    }

    /// The parts the version signs, and the signature.
    fn parts(&mut self) -> Vec<&mut Vec<u8>> {
        match self.version {
            SignatureVersion::V1 => vec![&mut self.body, &mut self.signature],
            SignatureVersion::V2 => {
                vec![&mut self.method, &mut self.uri, &mut self.body, &mut self.signature]
            }
            SignatureVersion::V3 => vec![
                &mut self.method,
                &mut self.uri,
                &mut self.body,
                &mut self.timestamp,
                &mut self.signature,
            ],
        }
    }

    /// `None` where the pieces are not even a request: text that is not UTF-8, a byte no header may hold.
    fn is_accepted(&self) -> Option<bool> {
        let mut map = HeaderMap::new();
        let signature = HeaderValue::from_bytes(&self.signature).ok()?;
        match self.version {
            SignatureVersion::V1 | SignatureVersion::V2 => {
                let version = if self.version == SignatureVersion::V1 { "v1" } else { "v2" };
                map.insert(SIGNATURE_HEADER, signature);
                map.insert(SIGNATURE_VERSION_HEADER, HeaderValue::from_static(version));
            }
            SignatureVersion::V3 => {
                map.insert(SIGNATURE_V3_HEADER, signature);
                map.insert(TIMESTAMP_HEADER, HeaderValue::from_bytes(&self.timestamp).ok()?);
            }
        }
        let request = SignedRequest {
            method: str::from_utf8(&self.method).ok()?,
            uri: str::from_utf8(&self.uri).ok()?,
            headers: &map,
            body: &self.body,
        };
        Some(verify(&request, &[secret()], at(SENT_MS), &Rules::default()).is_ok())
    }
}

#[rstest]
#[case(SignatureVersion::V1)]
#[case(SignatureVersion::V2)]
#[case(SignatureVersion::V3)]
fn any_bit_flipped_is_refused(#[case] version: SignatureVersion) {
    assert_eq!(Genuine::new(version).is_accepted(), Some(true));
    let mut tried = 0;
    for part in 0..Genuine::new(version).parts().len() {
        for bit in 0..Genuine::new(version).parts()[part].len() * 8 {
            let mut tampered = Genuine::new(version);
            tampered.parts()[part][bit / 8] ^= 1 << (bit % 8);
            assert_ne!(tampered.is_accepted(), Some(true), "{version:?} part {part} bit {bit}");
            tried += usize::from(tampered.is_accepted().is_some());
        }
    }
    // Most flips make a request that has to be judged.
    assert!(tried > 500, "{version:?} {tried}");
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies(
        method in "GET|POST|PUT",
        path in "[a-z/%0-9A-F]{0,30}",
        body in proptest::collection::vec(any::<u8>(), 0..100),
        key in "[a-z0-9-]{1,40}",
        age_ms in -300_000i64..=300_000,
    ) {
        let key = Secret::new(key);
        let uri = format!("https://hooks.example.com/{path}");
        let signature = sign_v3(&key, &method, &uri, &body, &SENT_MS.to_string());
        let map = v3_headers(&signature, &SENT_MS.to_string());
        let request = SignedRequest { method: &method, uri: &uri, headers: &map, body: &body };
        prop_assert!(verify(&request, &[key], at(SENT_MS + age_ms), &Rules::default()).is_ok());
    }

    #[test]
    fn nothing_panics(signature in ".*", version in ".*", v3 in proptest::option::of(".*"), timestamp in ".*") {
        let mut map = HeaderMap::new();
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                map.insert(name, value);
            }
        };
        put(SIGNATURE_HEADER, &signature);
        put(SIGNATURE_VERSION_HEADER, &version);
        put(TIMESTAMP_HEADER, &timestamp);
        if let Some(v3) = &v3 {
            put(SIGNATURE_V3_HEADER, v3);
        }
        prop_assert!(judge(&map, BODY, SENT_MS).is_err());
    }
}
