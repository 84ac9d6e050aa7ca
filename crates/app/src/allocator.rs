//! mimalloc, asked plainly where it may be: its wrapper asks for an alignment each time, and blocks over 1 KiB then come from a
//! slow path, six times a request.

#![expect(
    unsafe_code,
    reason = "an allocator is; 900 of a request's 41,000 instructions, docs/BENCHMARKS.md"
)]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::mi_malloc;
use mimalloc::MiMalloc;

/// Whatever `mi_malloc` gives is aligned to this, from this size on (`MI_MAX_ALIGN_SIZE` of its types.h).
const ALIGNED_ALWAYS: usize = 16;

pub(crate) struct Allocator;

fn is_plain(layout: Layout) -> bool {
    layout.align() <= ALIGNED_ALWAYS && layout.align() <= layout.size()
}

// SAFETY: all of it is mimalloc's, which frees and resizes a block whichever of its functions gave it; `mi_malloc` takes any
// size and gives null or a block of it, aligned as above.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_plain(layout) {
            // SAFETY: it asks for nothing.
            unsafe { mi_malloc(layout.size()).cast() }
        } else {
            // SAFETY: the caller's promise is passed on.
            unsafe { MiMalloc.alloc(layout) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is mimalloc's.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the block is mimalloc's, and the caller's promise is passed on.
        unsafe { MiMalloc.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_as_asked_and_hold_what_is_written() {
        for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for size in (1..40).chain([100, 1000, 1025, 1300, 3000, 5000, 70_000, 1 << 20]) {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                // SAFETY: the block is written within its size, resized and freed as it was asked for.
                let (address, last) = unsafe {
                    let block = Allocator.alloc(layout);
                    block.add(size - 1).write(7);
                    let larger = Allocator.realloc(block, layout, size + 100);
                    let last = larger.add(size - 1).read();
                    let address = larger.addr();
                    Allocator.dealloc(larger, Layout::from_size_align(size + 100, align).expect("a layout"));
                    (address, last)
                };
                assert_eq!((address % align, last), (0, 7), "{size} aligned to {align}");
            }
        }
    }
}
