//! Memory: first fit over a list of free blocks that merge with their neighbours, as in the SDK for C.

use crate::{Code, Vec};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;

/// A free block: its size in bytes, and the next one. In order of addresses.
struct Block {
    size: usize,
    next: *mut Block,
}

const UNIT: usize = core::mem::size_of::<Block>();
const PAGE: usize = 65536;

/// The global allocator of a program. It gives addresses that are multiples of 8.
pub struct Allocator {
    first: UnsafeCell<*mut Block>,
}

// A program has one thread.
unsafe impl Sync for Allocator {}

/// Sizes are multiples of 8, and a block has room for the list's entry when it is free.
fn rounded(bytes: usize) -> usize {
    (bytes.max(1) + UNIT - 1) & !(UNIT - 1)
}

impl Allocator {
    /// An allocator without memory yet.
    pub const fn new() -> Self {
        Allocator {
            first: UnsafeCell::new(null_mut()),
        }
    }

    unsafe fn give_back(&self, freed: *mut Block, size: usize) {
        let mut link = self.first.get();
        let mut before: *mut Block = null_mut();
        while !(*link).is_null() && *link < freed {
            before = *link;
            link = &mut (**link).next;
        }
        (*freed).size = size;
        (*freed).next = *link;
        *link = freed;
        let after = (*freed).next;
        if !after.is_null() && freed as usize + size == after as usize {
            (*freed).size += (*after).size;
            (*freed).next = (*after).next;
        }
        if !before.is_null() && before as usize + (*before).size == freed as usize {
            (*before).size += (*freed).size;
            (*before).next = (*freed).next;
        }
    }

    unsafe fn take(&self, size: usize) -> *mut u8 {
        let mut link = self.first.get();
        while !(*link).is_null() {
            let found = *link;
            if (*found).size >= size {
                let rest = (*found).size - size;
                if rest > 0 {
                    let left = (found as usize + size) as *mut Block;
                    (*left).size = rest;
                    (*left).next = (*found).next;
                    *link = left;
                } else {
                    *link = (*found).next;
                }
                return found as *mut u8;
            }
            link = &mut (*found).next;
        }
        null_mut()
    }
}

impl Default for Allocator {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_arch = "wasm32")]
mod pages {
    use super::{PAGE, UNIT};

    extern "C" {
        /// The linker's: where static data end.
        static __heap_base: u8;
    }

    static mut BEGUN: bool = false;

    /// More memory, of so many bytes at least: where it begins, and how long it is.
    pub unsafe fn more(bytes: usize) -> Option<(usize, usize)> {
        if !BEGUN {
            // The rest of the pages that the program begins with.
            BEGUN = true;
            let start = (&__heap_base as *const u8 as usize + UNIT - 1) & !(UNIT - 1);
            let end = core::arch::wasm32::memory_size(0) * PAGE;
            if end - start >= bytes.max(UNIT) {
                return Some((start, end - start));
            }
        }
        let pages = bytes / PAGE + 1;
        let old = core::arch::wasm32::memory_grow(0, pages);
        (old != usize::MAX).then(|| (old * PAGE, pages * PAGE))
    }
}

#[cfg(target_arch = "wasm32")]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > UNIT || layout.size() > isize::MAX as usize - PAGE {
            return null_mut();
        }
        let size = rounded(layout.size());
        let found = self.take(size);
        if !found.is_null() {
            return found;
        }
        match pages::more(size) {
            Some((start, length)) => {
                self.give_back(start as *mut Block, length);
                self.take(size)
            }
            None => null_mut(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.give_back(pointer as *mut Block, rounded(layout.size()));
    }
}

/// Memory for `count` items, or `GENERIC` where there is none. Never null, and aligned.
pub(crate) fn try_alloc<T>(count: usize) -> Result<*mut T, Code> {
    match Layout::array::<T>(count) {
        Ok(layout) if layout.size() == 0 => Ok(core::ptr::NonNull::dangling().as_ptr()),
        Ok(layout) => {
            let made = unsafe { alloc::alloc::alloc(layout) } as *mut T;
            if made.is_null() {
                Err(Code::GENERIC)
            } else {
                Ok(made)
            }
        }
        Err(_) => Err(Code::GENERIC),
    }
}

/// An empty vector with room for `count` items, or `GENERIC` where there is no memory for it. Ask before you
/// allocate in proportion to what an input says: an allocation that fails inside of `Vec` is a trap.
pub fn try_vec<T>(count: usize) -> Result<Vec<T>, Code> {
    Ok(unsafe { Vec::from_raw_parts(try_alloc(count)?, 0, count) })
}

/// A vector of what `make` gives for 0, 1, … `count` - 1; `GENERIC` where there is no memory for it. The first
/// failure ends it.
pub fn try_collect<T>(
    count: usize,
    mut make: impl FnMut(usize) -> Result<T, Code>,
) -> Result<Vec<T>, Code> {
    let mut items = try_vec::<T>(count)?;
    for index in 0..count {
        let item = make(index)?;
        // There is room: no check, and no code to grow.
        unsafe {
            items.as_mut_ptr().add(index).write(item);
            items.set_len(index + 1);
        }
    }
    Ok(items)
}
