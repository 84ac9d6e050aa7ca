//! The language of a file, told by its name.

use serde::Deserialize;

/// Languages that rules know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// TypeScript too.
    Javascript,
    Python,
    Php,
    Ruby,
    Go,
    /// Kotlin and Scala too: what is looked for is spelled the same.
    Java,
    Csharp,
    /// Settings and shell.
    Config,
}

impl Language {
    /// `None`: prose, data, or a language without rules. Minified code is nobody's writing.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.starts_with(".env") {
            return Some(Self::Config);
        }
        if name.contains(".min.") || name.ends_with("-lock.json") || name == "composer.lock" {
            return None;
        }
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "vue" | "svelte") => {
                Some(Self::Javascript)
            }
            Some("py" | "pyw") => Some(Self::Python),
            Some("php" | "phtml") => Some(Self::Php),
            Some("rb" | "rake" | "erb") => Some(Self::Ruby),
            Some("go") => Some(Self::Go),
            Some("java" | "kt" | "kts" | "scala" | "groovy") => Some(Self::Java),
            Some("cs" | "cshtml") => Some(Self::Csharp),
            Some(
                "json" | "yaml" | "yml" | "toml" | "env" | "sh" | "bash" | "http" | "rest" | "tf" | "xml"
                | "properties" | "ini" | "conf" | "config",
            ) => Some(Self::Config),
            Some(_) => None,
            None => (name == "Gemfile" || name == "Rakefile").then_some(Self::Ruby),
        }
    }
}
