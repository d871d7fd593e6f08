//! One cell a slot, in blocks that never move: a cache of many keys grows without copying them.

/// Cells of a block.
const BLOCK_CELLS: usize = 256;

/// The cells of all slots.
pub(crate) struct Cells<T> {
    /// Of a length that is known when compiled, so that a cell costs one check of bounds.
    blocks: Vec<Box<[T; BLOCK_CELLS]>>,
}

impl<T> Default for Cells<T> {
    fn default() -> Cells<T> {
        Cells { blocks: Vec::new() }
    }
}

impl<T: Default> Cells<T> {
    /// Sees to it that there is a cell for each of so many slots.
    #[inline]
    pub(crate) fn grow_to(&mut self, slots: usize) {
        while self.blocks.len() * BLOCK_CELLS < slots {
            let cells: Box<[T]> = (0..BLOCK_CELLS).map(|_| T::default()).collect();
            let Ok(block) = cells.try_into() else { return };
            self.blocks.push(block);
        }
    }
}

impl<T> Cells<T> {
    /// The cell of a slot.
    #[inline(always)]
    pub(crate) fn get(&self, slot: usize) -> &T {
        &self.blocks[slot / BLOCK_CELLS][slot % BLOCK_CELLS]
    }

    /// The cell of a slot, to be changed.
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, slot: usize) -> &mut T {
        &mut self.blocks[slot / BLOCK_CELLS][slot % BLOCK_CELLS]
    }
}
