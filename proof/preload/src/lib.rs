//! A C library whose disk fails: `fsync` number n gives EIO, `write` number n gives ENOSPC, and so on from there.
//!
//! `PROOF_FAULT` says what and when, `PROOF_FAULT_BELOW` below which directory, `PROOF_FAULT_MARK` names a file that is made
//! the moment the first call fails, so that the rig knows which acknowledgements came after.
//!
//! | `PROOF_FAULT` | from the nth call on |
//! |---|---|
//! | `fsync:17` | that one fails with EIO |
//! | `write:250` | it and all later writes fail with ENOSPC, until the file `PROOF_FAULT_MARK` is taken away |

#![expect(clippy::disallowed_methods, reason = "loaded into another program, it has no other front door")]
#![expect(clippy::missing_safety_doc, reason = "each is as safe as the C library's function of its name")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libc::{off_t, off64_t, size_t, ssize_t};

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Sync,
    Write,
}

struct Plan {
    what: What,
    nth: u64,
    below: PathBuf,
    mark: PathBuf,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
static CALLS: AtomicU64 = AtomicU64::new(0);
static BEGUN: AtomicBool = AtomicBool::new(false);

fn plan() -> Option<&'static Plan> {
    PLAN.get_or_init(|| {
        let fault = std::env::var("PROOF_FAULT").ok()?;
        let (what, nth) = fault.split_once(':')?;
        let what = if what == "fsync" { What::Sync } else { What::Write };
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Some(Plan {
            what,
            nth: nth.parse().ok()?,
            below: path("PROOF_FAULT_BELOW")?,
            mark: path("PROOF_FAULT_MARK")?,
        })
    })
    .as_ref()
}

/// Whether this call fails.
fn fails(what: What, descriptor: c_int) -> bool {
    let Some(plan) = plan().filter(|plan| plan.what == what && is_below(descriptor, plan)) else {
        return false;
    };
    let number = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
    match what {
        What::Sync if number == plan.nth => mark(plan, descriptor),
        What::Sync => false,
        What::Write if BEGUN.load(Ordering::SeqCst) => is_marked(plan),
        What::Write => number >= plan.nth && mark(plan, descriptor),
    }
}

/// Of the store only its file and its log: the reserve holds nothing, other files hold nothing that was acknowledged, and a
/// directory's own sync SQLite does not rely on.
fn is_below(descriptor: c_int, plan: &Plan) -> bool {
    let Ok(path) = std::fs::read_link(format!("/proc/self/fd/{descriptor}")) else { return false };
    let name = path.file_name().unwrap_or_default().as_bytes();
    path.starts_with(&plan.below) && (name.ends_with(b".db") || name.ends_with(b".db-wal"))
}

fn is_marked(plan: &Plan) -> bool {
    plan.mark.exists()
}

/// The file tells which one failed.
fn mark(plan: &Plan, descriptor: c_int) -> bool {
    BEGUN.store(true, Ordering::SeqCst);
    let mut path = plan.mark.as_os_str().as_bytes().to_vec();
    path.push(0);
    let failed = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
    let failed = failed.as_os_str().as_bytes();
    // By the system calls themselves: the library's own functions lead back to us.
    unsafe {
        let made = libc::open(path.as_ptr().cast::<c_char>(), libc::O_CREAT | libc::O_WRONLY, 0o644);
        libc::syscall(libc::SYS_write, made, failed.as_ptr(), failed.len());
        libc::close(made);
    }
    true
}

fn error(number: c_int) -> c_int {
    unsafe { *libc::__errno_location() = number };
    -1
}

/// The C library's own function of this name.
unsafe fn real<F: Copy>(name: &CStr) -> F {
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!found.is_null() && size_of::<F>() == size_of::<*mut c_void>());
    unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found) }
}

type Sync = unsafe extern "C" fn(c_int) -> c_int;
type Write = unsafe extern "C" fn(c_int, *const c_void, size_t) -> ssize_t;
type WriteAt = unsafe extern "C" fn(c_int, *const c_void, size_t, off_t) -> ssize_t;
type WriteAt64 = unsafe extern "C" fn(c_int, *const c_void, size_t, off64_t) -> ssize_t;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(descriptor: c_int) -> c_int {
    if fails(What::Sync, descriptor) {
        error(libc::EIO)
    } else {
        unsafe { real::<Sync>(c"fsync")(descriptor) }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    if fails(What::Sync, descriptor) {
        error(libc::EIO)
    } else {
        unsafe { real::<Sync>(c"fdatasync")(descriptor) }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(descriptor: c_int, bytes: *const c_void, count: size_t) -> ssize_t {
    if fails(What::Write, descriptor) {
        return error(libc::ENOSPC) as ssize_t;
    }
    unsafe { real::<Write>(c"write")(descriptor, bytes, count) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(
    descriptor: c_int,
    bytes: *const c_void,
    count: size_t,
    at: off_t,
) -> ssize_t {
    if fails(What::Write, descriptor) {
        return error(libc::ENOSPC) as ssize_t;
    }
    unsafe { real::<WriteAt>(c"pwrite")(descriptor, bytes, count, at) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    descriptor: c_int,
    bytes: *const c_void,
    count: size_t,
    at: off64_t,
) -> ssize_t {
    if fails(What::Write, descriptor) {
        return error(libc::ENOSPC) as ssize_t;
    }
    unsafe { real::<WriteAt64>(c"pwrite64")(descriptor, bytes, count, at) }
}
