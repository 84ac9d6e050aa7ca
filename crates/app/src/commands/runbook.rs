//! `hubkeeper runbook`: what to do, without leaving the terminal.

use incident::code::Code;

use crate::cli::RunbookOptions;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{process, triage};

pub(super) fn run(config: &Config, options: &RunbookOptions) -> Result<Exit, Failure> {
    let directory = options.runbooks.as_deref().or(config.triage.runbooks.as_deref());
    let runbooks = triage::runbooks(directory)?;
    let Some(code) = &options.code else {
        for code in Code::ALL {
            process::print_line(&format!("{:<26} {}", code.id(), runbooks.page(*code).front.title));
        }
        return Ok(Exit::Fine);
    };
    let code = Code::parse(code).ok_or_else(|| {
        Failure::usage(format!("`{code}` is no diagnosis code")).hint("`hubkeeper runbook` lists them")
    })?;
    let page = runbooks.page(code);
    let front = &page.front;
    process::print_line(&format!(
        "{}\n\nDo this first\n{}\n\nWhom to call\n{}\n\n{}",
        front.title,
        front.remedy,
        front.escalation,
        page.body.trim()
    ));
    Ok(Exit::Fine)
}
