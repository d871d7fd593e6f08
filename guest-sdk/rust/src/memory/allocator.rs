//! The allocator of a component: free lists of small blocks over std's own (dlmalloc).
//!
//! A record's buffers live for microseconds and have few sizes, so that a block just freed is the
//! next one asked for: taking it is two loads and a store. Blocks of a size are never given back
//! to other sizes; the memory they take is bounded by how many were in use at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Sizes are rounded up to this; also the alignment of every block.
const STEP_BYTES: usize = 16;
/// Larger blocks are left to std.
const SMALL_BYTES_MAX: usize = 1024;
/// Blocks are taken from std in slabs of at least this many bytes.
const SLAB_BYTES: usize = 4096;

const CLASSES: usize = SMALL_BYTES_MAX / STEP_BYTES;

/// Head of a list of free blocks.
type FreeList = Cell<Option<NonNull<FreeBlock>>>;

struct FreeBlock {
    next: Option<NonNull<FreeBlock>>,
}

struct FreeLists {
    /// List `i` has blocks of `(i + 1) * STEP_BYTES` bytes.
    lists: [FreeList; CLASSES],
}

// SAFETY: a component has one thread; the target has no atomics.
#[cfg(not(target_feature = "atomics"))]
unsafe impl Sync for FreeLists {}

#[global_allocator]
static ALLOCATOR: FreeLists = FreeLists { lists: [const { Cell::new(None) }; CLASSES] };

/// The list for blocks of a layout, unless std serves it.
#[inline]
fn class_of(layout: Layout) -> Option<usize> {
    let small = layout.size().wrapping_sub(1) < SMALL_BYTES_MAX && layout.align() <= STEP_BYTES;
    small.then(|| (layout.size() - 1) / STEP_BYTES)
}

impl FreeLists {
    /// Takes a slab from std, keeps all of its blocks but the first, and returns that.
    #[cold]
    #[inline(never)]
    fn refill(&self, class: usize) -> *mut u8 {
        let size = (class + 1) * STEP_BYTES;
        let blocks = (SLAB_BYTES / size).max(4);
        let Ok(layout) = Layout::from_size_align(blocks * size, STEP_BYTES) else {
            return ptr::null_mut();
        };
        // SAFETY: the layout is not empty, and every block lies within the slab, aligned for a
        // pointer.
        unsafe {
            let slab = System.alloc(layout);
            if slab.is_null() {
                return slab;
            }
            for block in (1..blocks).rev() {
                self.put(class, slab.add(block * size));
            }
            slab
        }
    }

    /// Puts a block into a list.
    ///
    /// # Safety
    /// The block has the size of the class, is aligned to it, and nobody uses it.
    #[inline]
    unsafe fn put(&self, class: usize, block: *mut u8) {
        let list = &self.lists[class];
        let free = block.cast::<FreeBlock>();
        // SAFETY: the caller's: the block is ours to write.
        unsafe { free.write(FreeBlock { next: list.get() }) };
        list.set(NonNull::new(free));
    }
}

// SAFETY: blocks of a class are as large as the class and aligned to 16 bytes; a block is in its
// list or in use, never both; everything else is std's.
unsafe impl GlobalAlloc for FreeLists {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            // SAFETY: the caller's.
            return unsafe { System.alloc(layout) };
        };
        let list = &self.lists[class];
        match list.get() {
            Some(block) => {
                // SAFETY: a block in a list was written by `put`.
                list.set(unsafe { block.as_ref().next });
                block.as_ptr().cast()
            }
            None => self.refill(class),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class_of(layout) {
            // SAFETY: `alloc` made a block of this class for this layout.
            Some(class) => unsafe { self.put(class, block) },
            // SAFETY: the caller's: std made the block.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's: the size is not 0 and does not overflow with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: each block is read, freed and grown by whoever made it, with its own layout.
        unsafe {
            match (class_of(layout), class_of(wanted)) {
                (Some(class), Some(same)) if class == same => block,
                (None, None) => System.realloc(block, layout, size),
                (_, _) => {
                    let moved = self.alloc(wanted);
                    if !moved.is_null() {
                        ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}
