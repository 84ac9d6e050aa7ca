//! In a release build the functions of a start and of a request lie side by side: `order.txt` names them. Spread over the whole
//! program, they keep far more of it in memory than they are. `benches/rig/order.py` makes the list.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

const ORDER: &str = "order.txt";

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by environment")]
fn main() {
    println!("cargo::rerun-if-changed={ORDER}");
    let said = |name: &str| env::var(name).unwrap_or_default();
    let is_known = (said("CARGO_CFG_TARGET_ARCH"), said("CARGO_CFG_TARGET_OS"), said("CARGO_CFG_TARGET_ENV"))
        == ("x86_64".into(), "linux".into(), "gnu".into());
    if said("OPT_LEVEL") != "s" || !is_known {
        return;
    }
    let list = fs::read_to_string(ORDER).expect("order.txt lies beside this file");
    let script = Path::new(&said("OUT_DIR")).join("order.ld");
    fs::write(&script, linker_script(&list)).expect("cargo gives a directory to write to");
    println!("cargo::rustc-link-arg-bins=-Wl,--script={}", script.display());
}

/// Adds to the linker's own layout, as GNU's and LLVM's understand it. A name that no function has any longer does nothing. Names
/// end with a hash, which changes with whatever the function is made of: behind those that are as the list says lie those
/// of another hash, so that what is new since lies near as well.
fn linker_script(list: &str) -> String {
    let others: BTreeSet<String> = list.lines().filter_map(with_any_hash).collect();
    let names = list.lines().chain(others.iter().map(String::as_str));
    let sections: String =
        names.map(|name| format!("    *(.text.{name} .text.hot.{name} .text.unlikely.{name})\n")).collect();
    format!("SECTIONS {{\n  .text.order : {{\n{sections}  }}\n}} INSERT BEFORE .text;\n")
}

/// `…17h0123456789abcdefE`, as Rust's older mangling ends.
fn with_any_hash(name: &str) -> Option<String> {
    let (before, hash) = name.rsplit_once("17h")?;
    let is_hash = hash.len() > 16 && hash.bytes().take(16).all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| format!("{before}17h*"))
}
