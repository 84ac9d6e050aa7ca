//! A pattern's text, compiled when it is first asked: a scan of a tree without Ruby compiles nothing of Ruby's.
//!
//! A few shorthands keep patterns readable: `{uuid}`, `{assign}` (whatever stands between a name and its value in any
//! language), `{any:N}` (up to N bytes, as few as possible), `{one}` (the path of one record).

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// A pattern of these rules is small; one that is not has got out of hand.
const COMPILED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Expression {
    text: String,
    compiled: OnceLock<Regex>,
}

impl Expression {
    pub(in crate::scan) fn new(text: &str) -> Self {
        Self { text: spelled_out(text), compiled: OnceLock::new() }
    }

    /// Bytes and ASCII: a source file need not be UTF-8, and what is looked for is ASCII.
    pub(crate) fn get(&self) -> &Regex {
        self.compiled.get_or_init(|| {
            RegexBuilder::new(&self.text)
                .unicode(false)
                .multi_line(true)
                .size_limit(COMPILED_BYTES_MAX)
                .build()
                .expect("the built-in patterns compile: a test compiles them all")
        })
    }
}

fn spelled_out(text: &str) -> String {
    const UUID: &str = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";
    /// Closing quotes and brackets, perhaps a type, then what assigns, then an opening quote.
    const ASSIGN: &str = r#"\\?["'\]\)]{0,2}(?:[ \t]*:[ \t]*[A-Za-z?]+(?:[ \t]*=))?[ \t]*(?:=>|:=|\|\||\?\?|==|=|:|,|\(|\bor\b|value=|[ \t]|\|)?[ \t]*\\?["'`]?"#;
    const ONE: &str = "/crm/(?:v3/objects|objects/20[0-9]{2}-[0-9]{2})/[A-Za-z0-9_-]+/";
    let mut text = text.replace("{uuid}", UUID).replace("{assign}", ASSIGN).replace("{one}", ONE);
    while let Some((before, rest)) = text.split_once("{any:") {
        let (count, after) = rest.split_once('}').expect("a shorthand is closed");
        text = format!("{before}(?s:.){{0,{count}}}?{after}");
    }
    text
}
