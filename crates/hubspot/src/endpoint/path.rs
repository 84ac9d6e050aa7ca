//! The words and the version of a path.

use crate::version::ApiVersion;

/// A path cut into words, without its version: `/crm/v3/objects/contacts/1` and
/// `/crm/objects/2026-03/contacts/1` both read `crm objects contacts 1`.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    words: [&'a str; WORDS_MAX],
    count: usize,
    version: Option<(ApiVersion, usize)>,
}

/// HubSpot's longest path has 12 segments; what lies beyond this is not looked at.
pub(crate) const WORDS_MAX: usize = 16;

impl<'a> Path<'a> {
    /// Reads a path. A query, should one have come along, is left out; empty segments do not count.
    pub fn read(path: &'a str) -> Self {
        let mut read = Self { words: [""; WORDS_MAX], count: 0, version: None };
        let (mut begin, mut position) = (0, 0);
        // Byte by byte: paths are short, and looking for a character costs more than looking at each.
        for (at, byte) in path.bytes().enumerate() {
            // Letters, as most are, end nothing.
            if byte > b'?' {
                continue;
            }
            let is_end = matches!(byte, b'?' | b'#');
            if is_end || byte == b'/' {
                read.add(&path[begin..at], &mut position);
                begin = at + 1;
            }
            if is_end {
                return read;
            }
        }
        read.add(&path[begin..], &mut position);
        read
    }

    fn add(&mut self, segment: &'a str, position: &mut usize) {
        if segment.is_empty() {
            return;
        }
        // Second (`/crm/v3/objects`) or third (`/crm/objects/2026-03`); later ones are ids or names.
        if self.version.is_none()
            && matches!(position, 1 | 2)
            && let Some(version) = ApiVersion::parse(segment)
        {
            self.version = Some((version, *position));
        } else if self.count < WORDS_MAX {
            self.words[self.count] = segment;
            self.count += 1;
        }
        *position += 1;
    }

    pub fn words(&self) -> &[&'a str] {
        &self.words[..self.count]
    }

    pub fn version(&self) -> Option<ApiVersion> {
        self.version.map(|(version, _)| version)
    }

    /// The number of words before the version.
    pub(crate) fn version_position(&self) -> Option<usize> {
        self.version.map(|(_, position)| position)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/crm/v3/objects/contacts/1", &["crm", "objects", "contacts", "1"], "v3@1")]
    #[case("/crm/objects/2026-03/contacts/1", &["crm", "objects", "contacts", "1"], "2026-03@2")]
    #[case("/oauth/2026-03/token", &["oauth", "token"], "2026-03@1")]
    #[case("/app-webhooks/2027-03-beta/9/settings", &["app-webhooks", "9", "settings"], "2027-03-beta@1")]
    #[case("/marketing/marketing-events/v3", &["marketing", "marketing-events"], "v3@2")]
    #[case("/crm/v3/objects/v4", &["crm", "objects", "v4"], "v3@1")]
    #[case("/crm/objects/contacts/v3", &["crm", "objects", "contacts", "v3"], "-")]
    #[case("//crm//v3/objects/?limit=1", &["crm", "objects"], "v3@1")]
    #[case("/v3", &["v3"], "-")]
    #[case("/", &[], "-")]
    #[case("", &[], "-")]
    fn words_and_version(#[case] path: &str, #[case] words: &[&str], #[case] version: &str) {
        let read = Path::read(path);
        assert_eq!(read.words(), words);
        let shown =
            read.version.map_or("-".to_owned(), |(version, position)| format!("{version}@{position}"));
        assert_eq!(shown, version);
    }

    #[test]
    fn a_path_without_end_is_cut() {
        let long = "/a".repeat(1000);
        assert_eq!(Path::read(&long).words().len(), WORDS_MAX);
    }
}
