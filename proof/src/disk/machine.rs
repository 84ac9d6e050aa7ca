//! A disk with ext4 on it, mounted where hubkeeper keeps its data.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::fuse::FuseDisk;
use crate::process::Program;
use crate::random::Random;

/// The size of the disk: room for what some cuts write, and small enough to copy.
const DISK_BYTES: u64 = 256 * 1024 * 1024;

/// From the cut to the kill: the processor runs a little longer than the disk.
const AFTERGLOW: Duration = Duration::from_millis(2);

pub(crate) struct Machine {
    disk: FuseDisk,
    device: String,
    mountpoint: PathBuf,
}

/// An empty disk, formatted.
pub(crate) fn formatted(scratch: &Path) -> io::Result<Vec<u8>> {
    let file = scratch.join("empty-disk");
    std::fs::File::create(&file)?.set_len(DISK_BYTES)?;
    run("mkfs.ext4", &["-q", "-F", &file.display().to_string()])?;
    let content = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    Ok(content)
}

/// Why power cannot be cut here, if so.
pub(crate) fn missing() -> Option<String> {
    let is_root = rustix::process::geteuid().is_root();
    let has = |place: &str| Path::new(place).exists();
    let missing = match () {
        () if !is_root => "only root may mount",
        () if !has("/dev/fuse") => "there is no /dev/fuse",
        () if !has("/dev/loop-control") => "there are no loop devices",
        () if run("mkfs.ext4", &["-V"]).is_err() => "mkfs.ext4 is missing",
        () => return None,
    };
    Some(missing.to_owned())
}

impl Machine {
    /// Mounts the disk; after a cut ext4 replays its journal here.
    pub(crate) fn boot(content: Vec<u8>, number: u64, scratch: &Path, mountpoint: &Path) -> io::Result<Self> {
        let disk = FuseDisk::mount(content, &scratch.join(format!("disk-{number}")))?;
        let file = disk.file().display().to_string();
        let device = run("losetup", &["--find", "--show", &file])?;
        std::fs::create_dir_all(mountpoint)?;
        let at = mountpoint.display().to_string();
        let mounted = run("mount", &["-t", "ext4", "-o", "noatime", &device, &at]);
        if let Err(error) = mounted {
            let _no_longer_needed = run("losetup", &["--detach", &device]);
            return Err(error);
        }
        Ok(Self { disk, device, mountpoint: mountpoint.to_owned() })
    }

    /// The power goes. Gives what is on the disk when it is back.
    pub(crate) fn cut(self, mut program: Program, random: &mut Random) -> io::Result<Vec<u8>> {
        let found = self.disk.lose_power(random);
        std::thread::sleep(AFTERGLOW);
        // The signal is pending before anyone hears of the disk, so nobody acts on what he hears.
        program.kill_soon()?;
        self.disk.fail();
        program.wait()?;
        Ok(found)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.disk.fail();
        let at = self.mountpoint.display().to_string();
        let _as_far_as_it_goes = run("umount", &["--lazy", &at]);
        let _as_far_as_it_goes = run("losetup", &["--detach", &self.device]);
    }
}

fn run(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{program} {}: {said}", arguments.join(" "))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
