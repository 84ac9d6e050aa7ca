//! The disk as the one file of a file system, spoken to the kernel over /dev/fuse: the few messages that a loop device
//! needs, by the layout of the kernel's `include/uapi/linux/fuse.h`, protocol 7.31.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::Disk;
use crate::random::Random;

/// The name of the one file.
pub(crate) const FILE: &str = "disk";
const ROOT: u64 = 1;
const NODE: u64 = 2;

/// A request: its head, and a write of up to this.
const WRITE_BYTES_MAX: u32 = 1024 * 1024;
const HEAD_BYTES: usize = 40;

const ENOENT: i32 = -2;
const EIO: i32 = -5;
const ENOSYS: i32 = -38;
const EOPNOTSUPP: i32 = -95;

/// How the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    /// Going: nothing is answered any more.
    Going,
    /// Gone: everything fails.
    Gone,
}

struct State {
    disk: Disk,
    power: Power,
}

/// A disk, mounted at a directory.
pub(crate) struct FuseDisk {
    state: Arc<(Mutex<State>, Condvar)>,
    directory: PathBuf,
}

impl FuseDisk {
    /// # Errors
    /// Where this user may not mount.
    pub(crate) fn mount(content: Vec<u8>, directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let device = File::options().read(true).write(true).open("/dev/fuse")?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let options = CString::new(options).map_err(io::Error::other)?;
        mount(
            "proof-disk",
            directory,
            "fuse",
            MountFlags::NOSUID | MountFlags::NODEV,
            Some(options.as_c_str()),
        )?;
        let state = State { disk: Disk::new(content), power: Power::On };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let served = state.clone();
        std::thread::spawn(move || serve(device, &served));
        Ok(Self { state, directory: directory.to_owned() })
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// From here on nothing more reaches the disk. Gives what will be found on it.
    pub(crate) fn lose_power(&self, random: &mut Random) -> Vec<u8> {
        let mut state = lock(&self.state.0);
        state.power = Power::Going;
        state.disk.after_a_cut(random)
    }

    /// Whoever still waits for an answer hears that the disk is gone.
    pub(crate) fn fail(&self) {
        lock(&self.state.0).power = Power::Gone;
        self.state.1.notify_all();
    }
}

impl Drop for FuseDisk {
    fn drop(&mut self) {
        self.fail();
        let _already_gone = unmount(&self.directory, UnmountFlags::DETACH);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding the disk")
}

/// Until it is unmounted.
fn serve(mut device: File, state: &(Mutex<State>, Condvar)) {
    let mut buffer = vec![0; WRITE_BYTES_MAX as usize + 4_096];
    loop {
        let length = match device.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_unmounted) => return,
        };
        let Some(request) = Request::of(&buffer[..length]) else { continue };
        let answer = {
            let mut state_now = lock(&state.0);
            while state_now.power == Power::Going {
                state_now = state.1.wait(state_now).expect("nobody panics while holding the disk");
            }
            answer(&request, &mut state_now)
        };
        if let Some(answer) = answer {
            let _nobody_waits_any_more = device.write_all(&message(request.unique, answer));
        }
    }
}

struct Request<'a> {
    opcode: u32,
    unique: u64,
    node: u64,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let body = bytes.get(HEAD_BYTES..)?;
        Some(Self { opcode: u32_at(bytes, 4), unique: u64_at(bytes, 8), node: u64_at(bytes, 16), body })
    }
}

type Answer = Result<Vec<u8>, i32>;

/// `None` where none is wanted.
fn answer(request: &Request<'_>, state: &mut State) -> Option<Answer> {
    const FORGET: u32 = 2;
    const INTERRUPT: u32 = 36;
    const BATCH_FORGET: u32 = 42;
    const INIT: u32 = 26;
    match request.opcode {
        FORGET | INTERRUPT | BATCH_FORGET => None,
        INIT => Some(Ok(init())),
        _ if state.power == Power::Gone => Some(Err(EIO)),
        _ => Some(work(request, &mut state.disk)),
    }
}

fn work(request: &Request<'_>, disk: &mut Disk) -> Answer {
    let (body, length) = (request.body, disk.len() as u64);
    match request.opcode {
        // LOOKUP
        1 if request.node == ROOT && body.split(|byte| *byte == 0).next() == Some(FILE.as_bytes()) => {
            Ok([&NODE.to_le_bytes()[..], &[0; 8], &lasting(), &lasting(), &[0; 8], &attributes(NODE, length)]
                .concat())
        }
        1 => Err(ENOENT),
        // GETATTR, SETATTR
        3 | 4 => Ok([&lasting()[..], &[0; 8], &attributes(request.node, length)].concat()),
        // OPEN, OPENDIR
        14 | 27 => Ok(vec![0; 16]),
        // READ
        15 => Ok(disk.read(offset(body), u32_at(body, 16) as usize).to_vec()),
        // WRITE
        16 => {
            let data = body.get(40..).unwrap_or_default();
            let written = u32::try_from(disk.write(offset(body), data)).unwrap_or(0);
            Ok([written.to_le_bytes(), [0; 4]].concat())
        }
        // STATFS
        17 => Ok(vec![0; 80]),
        // FSYNC: what a loop device makes of a flush
        20 => {
            disk.flush();
            Ok(Vec::new())
        }
        // RELEASE, FLUSH (of a closed descriptor, which promises nothing), RELEASEDIR, READDIR, ACCESS, DESTROY
        18 | 25 | 28 | 29 | 34 | 38 => Ok(Vec::new()),
        // FALLOCATE
        43 => Err(EOPNOTSUPP),
        _ => Err(ENOSYS),
    }
}

fn init() -> Vec<u8> {
    const BIG_WRITES: u32 = 1 << 5;
    const MAX_PAGES: u32 = 1 << 22;
    let mut out = Vec::new();
    for number in [7_u32, 31, WRITE_BYTES_MAX, BIG_WRITES | MAX_PAGES] {
        out.extend(number.to_le_bytes());
    }
    out.extend(16_u16.to_le_bytes());
    out.extend(12_u16.to_le_bytes());
    out.extend(WRITE_BYTES_MAX.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(256_u16.to_le_bytes());
    out.resize(64, 0);
    out
}

fn attributes(node: u64, length: u64) -> Vec<u8> {
    let (mode, size) = if node == ROOT { (0o040_755_u32, 0) } else { (0o100_644, length) };
    let mut out = Vec::new();
    for number in [node, size, size / 512, 0, 0, 0] {
        out.extend(number.to_le_bytes());
    }
    for number in [0, 0, 0, mode, 1, 0, 0, 0, 4_096, 0] {
        out.extend(number.to_le_bytes());
    }
    out
}

/// An hour: nothing here changes but by the kernel's own doing.
fn lasting() -> [u8; 8] {
    3_600_u64.to_le_bytes()
}

fn message(unique: u64, answer: Answer) -> Vec<u8> {
    let (error, body) = match answer {
        Ok(body) => (0, body),
        Err(error) => (error, Vec::new()),
    };
    let length = u32::try_from(16 + body.len()).expect("an answer is small");
    [&length.to_le_bytes()[..], &error.to_le_bytes(), &unique.to_le_bytes(), &body].concat()
}

fn offset(body: &[u8]) -> usize {
    usize::try_from(u64_at(body, 8)).unwrap_or(usize::MAX)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}
