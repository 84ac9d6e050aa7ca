//! Secrets in the configuration are references, never values: `env:NAME`, `file:PATH`, `exec:COMMAND`, a place in a store of
//! secrets.

use std::fmt;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use hubspot::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::failure::Failure;

mod vault;
mod vendor;

use vendor::Vendor;

/// Where a secret is to be found. Printing it prints the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretReference {
    Env(String),
    File(String),
    /// A credential that systemd handed us (`LoadCredential=`), by its name.
    Credential(String),
    Exec(String),
    Vendor(Vendor),
}

const FORMS: &str = "a secret is a reference: `env:NAME`, `file:PATH`, `credential:NAME`, `exec:COMMAND`, `aws-sm:ID#FIELD`, \
                     `gcp-sm:projects/…` or `vault:PATH#FIELD`";

const ALL: &str = "`hubkeeper config check` tells which key names it, and what else is missing";

/// Where systemd puts credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// A command that has not answered by then is ended.
const COMMAND_TIME: Duration = Duration::from_secs(30);
/// A secret is a line.
const COMMAND_BYTES_MAX: u64 = 64 * 1024;
/// Why a program failed is a line, too.
const REASON_CHARS_MAX: usize = 300;

impl SecretReference {
    fn parse(text: &str) -> Result<Self, String> {
        // The text may be a secret pasted by mistake: it is never repeated.
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self::Credential(name.to_owned()))
            }
            Some(("exec", command)) if !command.is_empty() => Ok(Self::Exec(command.to_owned())),
            Some((form, place)) => match Vendor::parse(form, place) {
                Some(Ok(vendor)) => Ok(Self::Vendor(vendor)),
                Some(Err(why)) => Err(why.into()),
                None => Err(FORMS.into()),
            },
            None => Err(FORMS.into()),
        }
    }

    /// Whether looking again may bring another.
    pub(crate) const fn may_change(&self) -> bool {
        match self {
            Self::Env(_) => false,
            Self::File(_) | Self::Credential(_) | Self::Exec(_) | Self::Vendor(_) => true,
        }
    }

    /// Looking costs nothing and asks nobody.
    pub(crate) const fn is_at_hand(&self) -> bool {
        match self {
            Self::Env(_) | Self::File(_) | Self::Credential(_) => true,
            Self::Exec(_) | Self::Vendor(_) => false,
        }
    }

    /// When the file it lies in was last written.
    pub(crate) fn written_at(&self) -> Option<jiff::Timestamp> {
        let path = match self {
            Self::File(path) => path.into(),
            Self::Credential(name) => credential_path(name).ok()?,
            Self::Env(_) | Self::Exec(_) | Self::Vendor(_) => return None,
        };
        std::fs::metadata(path).ok()?.modified().ok()?.try_into().ok()
    }

    /// Fetches the secret.
    ///
    /// # Errors
    /// A usage failure that names the reference, never the value.
    pub(crate) fn resolve(&self) -> Result<Secret, Failure> {
        let secret = self.resolve_text()?;
        if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = "holds spaces or characters that no HubSpot secret has";
            return Err(Failure::usage(format!("the secret at `{self}` {why}")));
        }
        Ok(secret)
    }

    /// Fetches a secret that may hold spaces: the value of a header.
    ///
    /// # Errors
    /// A usage failure that names the reference, never the value.
    pub(crate) fn resolve_text(&self) -> Result<Secret, Failure> {
        let value = match self {
            Self::Env(name) => crate::process::environment(name).ok_or_else(|| {
                Failure::usage(format!("the environment variable {name} is not set")).hint(ALL)
            })?,
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("the secret file {path} cannot be read: {error}")).hint(ALL)
            })?,
            Self::Credential(name) => credential(name)?,
            Self::Exec(command) => {
                run(Command::new("sh").args(["-c", command]).stderr(Stdio::inherit()), command)?
            }
            Self::Vendor(Vendor::Vault { path, field }) if !is_on_path("vault") => vault::get(path, field)?,
            Self::Vendor(vendor) => {
                let (program, arguments) = vendor.command();
                let mut asked = Command::new(program);
                let printed = run(asked.args(arguments).stderr(Stdio::piped()), &self.to_string())
                    .map_err(|failed| failed.hint(vendor.hint()))?;
                vendor.pick(printed).map_err(|why| Failure::usage(format!("the secret at `{self}` {why}")))?
            }
        };
        let value = value.trim();
        if value.is_empty() {
            let empty = Failure::usage(format!("the secret at `{self}` is empty"));
            return Err(match self {
                // A shell tells how the last of `a | b` ended, and not that `a` failed.
                Self::Exec(_) => {
                    empty.hint("run the command by hand: in a pipe, what failed is told on stderr alone")
                }
                Self::Env(_) | Self::File(_) | Self::Credential(_) | Self::Vendor(_) => empty,
            });
        }
        Ok(Secret::new(value))
    }
}

/// Whether a program is where programs are.
fn is_on_path(program: &str) -> bool {
    let path = crate::process::environment("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn credential_path(name: &str) -> Result<std::path::PathBuf, Failure> {
    let directory = crate::process::environment(CREDENTIALS).ok_or_else(|| {
        Failure::usage(format!("the credential {name} is not there: {CREDENTIALS} is not set"))
            .hint("systemd sets it for a unit with LoadCredential= or LoadCredentialEncrypted=")
    })?;
    Ok(std::path::Path::new(&directory).join(name))
}

fn credential(name: &str) -> Result<String, Failure> {
    let path = credential_path(name)?;
    std::fs::read_to_string(&path)
        .map_err(|error| Failure::usage(format!("the credential {} cannot be read: {error}", path.display())))
}

/// What a command prints. One that hangs is ended. Where its stderr is ours to read, the last line there is why it failed.
fn run(command: &mut Command, name: &str) -> Result<String, Failure> {
    let failed = |why: String| Failure::usage(format!("the secret command `{name}` failed: {why}"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let printed = read_beside(child.stdout.take());
    let complained = read_beside(child.stderr.take());
    let Ok(text) = printed.recv_timeout(COMMAND_TIME) else {
        let _already_gone = child.kill().and_then(|()| child.wait());
        return Err(failed(format!("it had not answered after {} s", COMMAND_TIME.as_secs())));
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let why = complained.recv_timeout(COMMAND_TIME).ok().and_then(Result::ok);
        let why = why.as_deref().and_then(|text| reason(text));
        return Err(failed(why.map_or_else(|| status.to_string(), |why| format!("{status}: {why}"))));
    }
    let text = text.map_err(|_| failed("it printed something that is not text".into()))?;
    Ok(text.to_string())
}

/// All of it, once it has ended; read on a thread of its own, so that nobody waits for a full pipe.
fn read_beside(
    stream: Option<impl Read + Send + 'static>,
) -> mpsc::Receiver<std::io::Result<Zeroizing<String>>> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(String::new());
        let read = stream.map(|stream| stream.take(COMMAND_BYTES_MAX).read_to_string(&mut text));
        let _gave_up = tell.send(read.transpose().map(|_| text));
    });
    told
}

/// The last line that says something.
fn reason(complaint: &str) -> Option<String> {
    let last = complaint.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(last.chars().filter(|letter| !letter.is_control()).take(REASON_CHARS_MAX).collect())
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Exec(command) => write!(f, "exec:{command}"),
            Self::Vendor(vendor) => vendor.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for SecretReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_secret_is_refused_without_repeating_it() {
        let error = SecretReference::parse("pat-na1-11111111-2222-3333-4444-555555555555").unwrap_err();
        assert!(!error.contains("pat-na1"), "{error}");
    }

    #[test]
    fn a_file_may_end_with_a_line_feed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let reference = SecretReference::parse(&format!("file:{}", file.path().display())).unwrap();
        assert_eq!(reference.resolve().unwrap().expose(), "s3cret");
    }

    /// A program of a vendor's tells on stderr what is missing, and log lines are no place for it as it comes.
    #[test]
    fn what_a_program_complains_of_is_the_reason() {
        let mut command = Command::new("sh");
        let script = "echo; echo 'An error occurred (AccessDenied)' >&2; echo >&2; exit 254";
        let failure = run(command.args(["-c", script]).stderr(Stdio::piped()), "aws-sm:x").unwrap_err();
        assert!(
            failure.to_string().ends_with("exit status: 254: An error occurred (AccessDenied)"),
            "{failure}"
        );
        let silent = run(Command::new("false").stderr(Stdio::piped()), "aws-sm:x").unwrap_err();
        assert!(silent.to_string().ends_with("failed: exit status: 1"), "{silent}");
        let long = reason(&"x".repeat(10 * REASON_CHARS_MAX)).unwrap();
        assert_eq!(long.len(), REASON_CHARS_MAX);
    }

    #[test]
    fn an_empty_pipe_is_looked_into() {
        let failure = SecretReference::parse("exec:false | cat").unwrap().resolve().unwrap_err();
        assert!(
            failure.to_string().contains("is empty") && format!("{failure:?}").contains("by hand"),
            "{failure:?}"
        );
    }

    #[test]
    fn a_command_that_fails_says_so() {
        assert!(SecretReference::parse("exec:exit 3").unwrap().resolve().is_err());
        assert_eq!(SecretReference::parse("exec:echo abc").unwrap().resolve().unwrap().expose(), "abc");
    }
}
