//! A step at which nobody passes is a step at which nothing is proven.

use super::{SourceFile, assert_none, tree};

const LIST: &str = "crates/store/src/step.rs";

/// The steps of the list that no other file passes.
fn passed_by_nobody(files: &[SourceFile]) -> Vec<String> {
    let list = files.iter().find(|file| file.path == LIST).expect("steps are listed");
    let (_, after) = list.text.split_once("pub enum Step {").expect("the list is an enum");
    let (variants, _) = after.split_once("\n}").expect("an enum ends");
    let names = variants.lines().map(str::trim).filter_map(|line| line.strip_suffix(','));
    let passed = |name: &str| {
        let call = format!("Step::{name})");
        files.iter().any(|file| {
            file.is_rust() && file.path.contains("/src/") && file.path != LIST && file.text.contains(&call)
        })
    };
    names.filter(|name| !passed(name)).map(|name| format!("{LIST}: nobody passes {name}")).collect()
}

#[test]
fn every_step_is_passed() {
    assert_none(&passed_by_nobody(&tree()));
}

#[test]
fn control_a_step_without_a_place_is_seen() {
    let list = SourceFile::made_up(LIST, "pub enum Step {\n    /// Here.\n    Here,\n    There,\n}\n");
    let code = SourceFile::made_up("crates/x/src/a.rs", "step::at(Step::Here);");
    assert_eq!(passed_by_nobody(&[list, code]), [format!("{LIST}: nobody passes There")]);
}
