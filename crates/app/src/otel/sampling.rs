//! Which traces are exported: decided when a call has ended, for those that failed always go.

/// A trace, and the caller's span in it where the caller told one (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: [u8; 16],
    pub(super) parent: Option<Parent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) span: [u8; 8],
    pub(super) sampled: bool,
}

impl Context {
    /// Reads `version-trace-parent-flags`.
    pub(super) fn read(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-').skip(1);
        let trace = parts.next().and_then(bytes)?;
        let span = parts.next().and_then(bytes)?;
        let [flags] = parts.next().and_then(bytes)?;
        Some(Self { trace, parent: Some(Parent { span, sampled: flags & 1 == 1 }) })
    }

    /// The caller's own decision stands, or its trace would have a hole. Without one, the trace's number decides, so that
    /// everyone who asks for the same share chooses the same traces.
    pub(super) fn is_kept(&self, ratio: f64, failed: bool) -> bool {
        let number = u64::from_be_bytes(*self.trace.last_chunk().expect("eight of sixteen bytes"));
        let sampled = self.parent.map_or_else(
            || ratio >= 1.0 || ((number >> 1) as f64) < ratio * (1_u64 << 63) as f64,
            |parent| parent.sampled,
        );
        failed || sampled
    }
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (digits.len() == 2 * N && digits.is_ascii()).then_some(())?;
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read() {
        let context = Context::read(SAMPLED).unwrap();
        assert_eq!(context.trace[..4], [0x4b, 0xf9, 0x2f, 0x35]);
        let parent = context.parent.unwrap();
        assert_eq!((parent.span[1], parent.sampled), (0xf0, true));
        assert_eq!(Context::read("00-x"), None);
        assert_eq!(Context::read("00-é"), None);
    }

    #[test]
    fn the_callers_decision_stands_and_failures_always_go() {
        let sampled = Context::read(SAMPLED).unwrap();
        let unsampled = Context::read(&SAMPLED.replace("-01", "-00")).unwrap();
        assert!(sampled.is_kept(0.0, false));
        assert!(!unsampled.is_kept(1.0, false));
        assert!(unsampled.is_kept(0.0, true));
    }

    #[test]
    fn the_share_is_as_asked_for() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut trace = [0; 16];
        let mut kept = |ratio: f64| {
            let is_kept = |_| {
                random.fill_bytes(&mut trace);
                Context { trace, parent: None }.is_kept(ratio, false)
            };
            (0..10_000).map(is_kept).filter(|kept| *kept).count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 10_000));
        assert!((900..1_100).contains(&kept(0.1)));
    }
}
