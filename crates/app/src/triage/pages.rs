//! The runbook pages: the built-in ones, a company's own before them.

use std::path::Path;

use incident::runbook::Runbooks;

use crate::failure::Failure;

/// Reads every `<code>.md` in `directory` over the built-in pages.
///
/// # Errors
/// A usage failure that names the page and what is wrong with it.
pub(crate) fn runbooks(directory: Option<&Path>) -> Result<Runbooks, Failure> {
    let mut runbooks = Runbooks::embedded();
    let Some(directory) = directory else { return Ok(runbooks) };
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("the runbook directory {} cannot be read: {error}", directory.display()))
            .hint("--runbooks takes a directory of pages named <code>.md, such as auth.token_revoked.md")
    };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let is_page = path.extension().is_some_and(|extension| extension == "md");
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_page) else {
            continue;
        };
        if name == "README" {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        runbooks.replace(name, &text).map_err(|error| {
            let source = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
            Failure::usage(format!("{error}{source}")).hint(format!("the page is {}", path.display()))
        })?;
    }
    Ok(runbooks)
}

#[cfg(test)]
mod tests {
    use incident::code::Code;

    use super::*;

    const PAGE: &str = "+++\ntitle = \"Ours\"\nseverity = \"P4\"\nblame = \"ours\"\nremedy = \"r\"\nescalation = \"e\"\n[messages]\ninternal = \"i\"\npublic = \"p\"\n+++\nbody\n";

    #[test]
    fn a_companys_page_goes_before_the_built_in_one() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("net.dns.md"), PAGE).unwrap();
        std::fs::write(directory.path().join("README.md"), "notes").unwrap();
        std::fs::write(directory.path().join("notes.txt"), "notes").unwrap();
        let runbooks = runbooks(Some(directory.path())).unwrap();
        assert_eq!(runbooks.page(Code::Dns).front.title, "Ours");
        assert_eq!(runbooks.page(Code::Slow).front.title, "HubSpot answers slowly");
    }

    #[test]
    fn a_bad_page_or_directory_is_a_usage_failure() {
        let directory = tempfile::tempdir().unwrap();
        assert!(runbooks(Some(&directory.path().join("absent"))).is_err());
        std::fs::write(directory.path().join("net.dnss.md"), PAGE).unwrap();
        assert!(format!("{:?}", runbooks(Some(directory.path())).unwrap_err()).contains("net.dnss"));
    }
}
