//! Stores of secrets, each asked by its vendor's own program, which knows all its ways to log in and brings none of its
//! libraries in here.
//!
//! | reference | is asked by |
//! |---|---|
//! | `aws-sm:ID` or `aws-sm:ID#FIELD` | `aws secretsmanager get-secret-value` |
//! | `gcp-sm:projects/P/secrets/S` or `…/versions/V` | `gcloud secrets versions access` |
//! | `vault:PATH#FIELD` | `vault kv get`; where there is no `vault`, its API is asked (`super::vault`) |

use std::fmt;

/// A place in a store of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Vendor {
    AwsSecretsManager { id: String, field: Option<String> },
    GcpSecretManager { project: String, secret: String, version: Option<String> },
    Vault { path: String, field: String },
}

/// What is wrong with a reference; it may be a secret pasted by mistake, and is not repeated.
const AWS: &str = "write it as `aws-sm:ID`, or `aws-sm:ID#FIELD` for one field of a JSON secret";
const GCP: &str = "write it as `gcp-sm:projects/PROJECT/secrets/NAME`, perhaps with `/versions/VERSION`";
const VAULT: &str = "write it as `vault:PATH#FIELD`, with the path as `vault kv get` takes it";

/// What AWS's program prints for a binary secret; it would pass for one.
const NO_TEXT: &str = "None";
const BINARY: &str = "is a binary one, and not text";
const NO_FIELD: &str = "has no such field that is text";

impl Vendor {
    /// `None`: it is no store that we know.
    pub(super) fn parse(form: &str, place: &str) -> Option<Result<Self, &'static str>> {
        Some(match form {
            "aws-sm" => aws(place).ok_or(AWS),
            "gcp-sm" => gcp(place).ok_or(GCP),
            "vault" => vault(place).ok_or(VAULT),
            _ => return None,
        })
    }

    /// The program and its arguments. No shell reads them.
    pub(super) fn command(&self) -> (&'static str, Vec<String>) {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match self {
            Self::AwsSecretsManager { id, field: _ } => {
                let mut all = words(&["secretsmanager", "get-secret-value"]);
                all.extend([
                    format!("--secret-id={id}"),
                    "--query=SecretString".into(),
                    "--output=text".into(),
                ]);
                ("aws", all)
            }
            Self::GcpSecretManager { project, secret, version } => {
                let mut all = words(&["secrets", "versions", "access"]);
                all.push(version.clone().unwrap_or_else(|| "latest".into()));
                all.extend([format!("--secret={secret}"), format!("--project={project}")]);
                ("gcloud", all)
            }
            Self::Vault { path, field } => {
                let mut all = words(&["kv", "get"]);
                all.extend([format!("-field={field}"), path.clone()]);
                ("vault", all)
            }
        }
    }

    /// What to see to where the program gives nothing.
    pub(super) fn hint(&self) -> String {
        let (program, arguments) = self.command();
        format!(
            "it is asked by `{program} {}`, which has to be on the PATH and logged in",
            arguments.join(" ")
        )
    }

    /// The secret in what the program printed, or why there is none.
    pub(super) fn pick(&self, printed: String) -> Result<String, &'static str> {
        match self {
            Self::AwsSecretsManager { .. } if printed.trim() == NO_TEXT => Err(BINARY),
            Self::AwsSecretsManager { field: Some(field), .. } => {
                let fields: serde_json::Value = serde_json::from_str(&printed).map_err(|_| NO_FIELD)?;
                fields[field].as_str().map(str::to_owned).ok_or(NO_FIELD)
            }
            Self::AwsSecretsManager { field: None, .. }
            | Self::GcpSecretManager { .. }
            | Self::Vault { .. } => Ok(printed),
        }
    }
}

fn aws(place: &str) -> Option<Vendor> {
    let (id, field) = place.split_once('#').map_or((place, None), |(id, field)| (id, Some(field)));
    let field = field.map(|field| plain(field).map(str::to_owned));
    Some(Vendor::AwsSecretsManager {
        id: plain(id)?.to_owned(),
        field: field.map_or(Some(None), |f| f.map(Some))?,
    })
}

fn gcp(place: &str) -> Option<Vendor> {
    let parts: Vec<&str> = place.split('/').collect();
    let (project, secret, version) = match parts[..] {
        ["projects", project, "secrets", secret] => (project, secret, None),
        ["projects", project, "secrets", secret, "versions", version] => (project, secret, Some(version)),
        _ => return None,
    };
    let version = match version {
        Some(version) => Some(plain(version)?.to_owned()),
        None => None,
    };
    Some(Vendor::GcpSecretManager {
        project: plain(project)?.to_owned(),
        secret: plain(secret)?.to_owned(),
        version,
    })
}

fn vault(place: &str) -> Option<Vendor> {
    let (path, field) = place.split_once('#')?;
    Some(Vendor::Vault { path: plain(path)?.to_owned(), field: plain(field)?.to_owned() })
}

/// A word that no program takes for an option.
fn plain(word: &str) -> Option<&str> {
    let fits = !word.is_empty() && !word.starts_with('-') && word.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(word)
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwsSecretsManager { id, field: None } => write!(f, "aws-sm:{id}"),
            Self::AwsSecretsManager { id, field: Some(field) } => write!(f, "aws-sm:{id}#{field}"),
            Self::GcpSecretManager { project, secret, version } => {
                write!(f, "gcp-sm:projects/{project}/secrets/{secret}")?;
                version.as_ref().map_or(Ok(()), |version| write!(f, "/versions/{version}"))
            }
            Self::Vault { path, field } => write!(f, "vault:{path}#{field}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parsed(text: &str) -> Option<Vendor> {
        let (form, place) = text.split_once(':')?;
        Vendor::parse(form, place)?.ok()
    }

    #[rstest]
    #[case(
        "aws-sm:prod/hubspot",
        "aws secretsmanager get-secret-value --secret-id=prod/hubspot --query=SecretString --output=text"
    )]
    #[case(
        "aws-sm:arn:aws:secretsmanager:eu-west-1:1:secret:hubspot#token",
        "aws secretsmanager get-secret-value --secret-id=arn:aws:secretsmanager:eu-west-1:1:secret:hubspot --query=SecretString --output=text"
    )]
    #[case(
        "gcp-sm:projects/acme/secrets/hubspot",
        "gcloud secrets versions access latest --secret=hubspot --project=acme"
    )]
    #[case(
        "gcp-sm:projects/acme/secrets/hubspot/versions/7",
        "gcloud secrets versions access 7 --secret=hubspot --project=acme"
    )]
    #[case("vault:secret/hubspot#token", "vault kv get -field=token secret/hubspot")]
    fn each_store_is_asked_by_its_own_program(#[case] reference: &str, #[case] asked: &str) {
        let vendor = parsed(reference).expect(reference);
        let (program, arguments) = vendor.command();
        assert_eq!(format!("{program} {}", arguments.join(" ")), asked);
        assert_eq!(vendor.to_string(), reference);
    }

    #[rstest]
    #[case("aws-sm:")]
    #[case("aws-sm:#token")]
    #[case("aws-sm:id#")]
    #[case("aws-sm:--profile=other")]
    #[case("gcp-sm:hubspot")]
    #[case("gcp-sm:projects//secrets/x")]
    #[case("vault:secret/hubspot")]
    #[case("vault:-format=json#token")]
    #[case("vault:a b#token")]
    fn what_names_no_place_is_refused(#[case] reference: &str) {
        assert_eq!(parsed(reference), None);
    }

    #[test]
    fn a_field_is_taken_out_of_a_json_secret() {
        let vendor = parsed("aws-sm:hubspot#token").unwrap();
        assert_eq!(vendor.pick(r#"{"token":"s3cret","n":1}"#.into()).as_deref(), Ok("s3cret"));
        assert_eq!(vendor.pick(r#"{"n":1}"#.into()), Err(NO_FIELD));
        assert_eq!(vendor.pick("s3cret".into()), Err(NO_FIELD));
    }

    #[test]
    fn a_binary_secret_is_none() {
        for reference in ["aws-sm:hubspot", "aws-sm:hubspot#token"] {
            assert_eq!(parsed(reference).unwrap().pick("None\n".into()), Err(BINARY), "{reference}");
        }
        assert_eq!(parsed("aws-sm:hubspot").unwrap().pick("s3cret".into()).as_deref(), Ok("s3cret"));
    }
}
