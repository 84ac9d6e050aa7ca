//! A string that masks itself.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

/// A credential. It prints as `***`, its memory is wiped when it is dropped, it compares in constant time, and it
/// cannot be serialised: what must be written down is [`exposed`](Self::expose) where a reviewer sees it.
///
/// ```compile_fail
/// fn written<T: serde::Serialize>(value: &T) {}
/// written(&hubspot::secret::Secret::new("s"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself. Every call is a place to review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// In time that depends on the length alone, so that a caller who guesses learns nothing from the answer's delay.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_masks_itself_alone_and_inside_others() {
        let secret = Secret::new("pat-na1-very-secret");
        assert_eq!(format!("{secret}"), "***");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(format!("{secret:#?}"), "***");
        assert_eq!(format!("{:?}", Some(vec![secret])), "Some([***])");
    }

    proptest! {
        #[test]
        fn it_equals_exactly_what_its_value_equals(one in "[ab]{0,3}", other in "[ab]{0,3}") {
            let equal = Secret::new(one.as_str()) == Secret::new(other.as_str());
            prop_assert_eq!(equal, one == other);
            let kept = Secret::new(one.as_str());
            prop_assert_eq!(kept.expose(), one.as_str());
        }
    }
}
