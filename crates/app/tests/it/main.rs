//! The one integration binary: everything that needs more than one crate, or the tree itself.

mod tidy;
