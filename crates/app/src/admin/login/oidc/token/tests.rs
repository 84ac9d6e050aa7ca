//! Tokens are signed here with keys of our own, by hand, so that nothing is shared with what reads them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use rstest::rstest;
use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example.com/realm";
const CLIENT: &str = "hubkeeper";
const NONCE: &str = "n-1";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// An issuer's keys, one of each kind, and those of somebody else.
struct House {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    keys: JwkSet,
}

impl House {
    fn new() -> Self {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (n, e) = (rsa.public_key().modulus(), rsa.public_key().exponent());
        let point = ec.public_key().as_ref();
        let keys = json!({"keys": [
            {"kty": "RSA", "kid": "r", "alg": "RS256", "use": "sig", "n": B64.encode(n.big_endian_without_leading_zero()),
             "e": B64.encode(e.big_endian_without_leading_zero())},
            {"kty": "EC", "kid": "e", "use": "sig", "crv": "P-256", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..])},
        ]});
        Self { rsa, ec, keys: serde_json::from_value(keys).unwrap() }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let random = SystemRandom::new();
        let signed = match header["alg"].as_str().unwrap() {
            "RS256" => {
                let mut signed = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signed).unwrap();
                signed
            }
            "ES256" => self.ec.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            // The public key as if it were a secret: whoever takes the header's word believes it.
            "HS256" => {
                let public = signature::KeyPair::public_key(&self.rsa).as_der().unwrap();
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public.as_ref()), text.as_bytes())
                    .as_ref()
                    .to_vec()
            }
            _ => Vec::new(),
        };
        format!("{text}.{}", B64.encode(signed))
    }

    fn verify(&self, token: &str) -> Result<String, Unbelievable> {
        let expected = Expected { issuer: ISSUER, client_id: CLIENT, nonce: NONCE, now: now() };
        verify(token, &self.keys, expected).map(|claims| claims["sub"].as_str().unwrap().to_owned())
    }
}

fn claims() -> Value {
    let at = now().as_second();
    json!({"iss": ISSUER, "sub": "ada", "aud": CLIENT, "exp": at + 300, "iat": at - 5, "nonce": NONCE})
}

fn rs256() -> Value {
    json!({"alg": "RS256", "kid": "r", "typ": "JWT"})
}

#[test]
fn genuine_tokens_of_either_kind_are_believed() {
    let house = House::new();
    for header in [rs256(), json!({"alg": "ES256", "kid": "e"})] {
        assert_eq!(house.verify(&house.sign(&header, &claims())), Ok("ada".to_owned()), "{header}");
    }
    let mut several = claims();
    several["aud"] = json!([CLIENT, "other"]);
    several["azp"] = json!(CLIENT);
    assert!(house.verify(&house.sign(&rs256(), &several)).is_ok());
}

/// One claim or header changed, each signed with the issuer's own key.
#[rstest]
#[case::other_issuer(&[("iss", json!("https://evil.example.com"))], Unbelievable::Issuer)]
#[case::issuer_with_a_slash(&[("iss", json!("https://login.example.com/realm/"))], Unbelievable::Issuer)]
#[case::other_audience(&[("aud", json!("another-app"))], Unbelievable::Audience)]
#[case::no_audience_of_ours(&[("aud", json!(["a", "b"]))], Unbelievable::Audience)]
#[case::several_and_not_by_us(&[("aud", json!([CLIENT, "b"]))], Unbelievable::Audience)]
#[case::by_another_party(&[("azp", json!("another-app"))], Unbelievable::Audience)]
#[case::other_nonce(&[("nonce", json!("n-2"))], Unbelievable::Nonce)]
#[case::no_nonce(&[("nonce", Value::Null)], Unbelievable::Nonce)]
#[case::expired(&[("exp", json!(now().as_second() - 61))], Unbelievable::Time)]
#[case::of_the_future(&[("iat", json!(now().as_second() + 61))], Unbelievable::Time)]
#[case::of_yesterday(&[("iat", json!(now().as_second() - 86_400))], Unbelievable::Time)]
#[case::not_yet(&[("nbf", json!(now().as_second() + 61))], Unbelievable::Time)]
#[case::nobody(&[("sub", json!(""))], Unbelievable::Subject)]
#[case::no_expiry(&[("exp", Value::Null)], Unbelievable::Malformed)]
#[case::no_subject(&[("sub", Value::Null)], Unbelievable::Malformed)]
fn what_is_signed_and_still_not_for_us_is_refused(
    #[case] changes: &[(&str, Value)],
    #[case] why: Unbelievable,
) {
    let (house, mut claims) = (House::new(), claims());
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    assert_eq!(house.verify(&house.sign(&rs256(), &claims)), Err(why));
}

#[test]
fn what_the_issuer_has_not_signed_is_refused() {
    let (house, stranger) = (House::new(), House::new());
    let genuine = house.sign(&rs256(), &claims());
    assert_eq!(house.verify(&stranger.sign(&rs256(), &claims())), Err(Unbelievable::Signature));
    let parts: Vec<&str> = genuine.split('.').collect();
    let mut other = claims();
    other["sub"] = json!("root");
    let swapped = format!("{}.{}.{}", parts[0], B64.encode(other.to_string()), parts[2]);
    assert_eq!(house.verify(&swapped), Err(Unbelievable::Signature));
    for (header, why) in [
        (json!({"alg": "none"}), Unbelievable::Algorithm),
        (json!({"alg": "None", "kid": "r"}), Unbelievable::Algorithm),
        (json!({"alg": "HS256", "kid": "r"}), Unbelievable::Algorithm),
        (json!({"alg": "ES256", "kid": "r"}), Unbelievable::Key),
        (json!({"alg": "RS256", "kid": "nobody"}), Unbelievable::Key),
    ] {
        assert_eq!(house.verify(&house.sign(&header, &claims())), Err(why), "{header}");
    }
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(house.verify(&unsigned), Err(Unbelievable::Signature));
    for nothing in ["", "a.b.c", "..", parts[0]] {
        assert!(house.verify(nothing).is_err(), "{nothing}");
    }
}

/// Without a name it is the only key that fits; of two that do, none is guessed.
#[test]
fn a_key_is_found_by_name_or_by_being_the_only_one() {
    let mut house = House::new();
    let token = house.sign(&json!({"alg": "RS256"}), &claims());
    assert!(house.verify(&token).is_ok());
    let twin = Jwk { common: Default::default(), ..house.keys.keys[0].clone() };
    house.keys.keys.push(twin);
    assert_eq!(house.verify(&token), Err(Unbelievable::Key));
    assert!(names_key_of(&house.sign(&rs256(), &claims()), &house.keys));
    assert!(!names_key_of(&house.sign(&json!({"alg": "RS256", "kid": "new"}), &claims()), &house.keys));
}
