//! What the kernel knows of this process. Only Linux tells; elsewhere these metrics are missing.

/// Bytes of memory in use.
pub(crate) fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}

/// Open descriptors, the one that looks not counted.
pub(crate) fn descriptors() -> Option<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    u64::try_from(entries.count()).ok()?.checked_sub(1)
}

/// How many descriptors there may be.
pub(crate) fn descriptors_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells() {
        assert!(memory().is_some_and(|bytes| bytes > 1 << 20));
        let before = descriptors().expect("Linux tells");
        let _open: Vec<_> = (0..10).map(|_| std::fs::File::open("/dev/null").expect("it is there")).collect();
        // Other tests open and close some of their own.
        assert!(descriptors().expect("Linux tells") >= before.saturating_sub(10));
        assert!(descriptors_max().is_none_or(|max| max >= before));
    }
}
