//! Blocks that wait to be rendered and blocks that are being rendered. Requested blocks come before blocks that are
//! rendered ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use super::block::{Block, Source};

/// Most requested blocks that wait. Blocks of the default stream take about a fifth of a second each, so the last one
/// is rendered within a few seconds.
pub(super) const REQUESTED: usize = 32;
/// Most blocks that wait to be rendered ahead: a few readers with picture and sound.
pub(super) const AHEAD: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Queue {
    requested: VecDeque<Arc<Block>>,
    ahead: VecDeque<Arc<Block>>,
    rendering: Vec<Arc<Block>>,
}

impl Queue {
    /// The block of a requested segment; `make` makes a new one. `None` if too many blocks wait.
    pub(super) fn request(&mut self, source: &Source, number: u64, make: impl FnOnce() -> Block) -> Option<Arc<Block>> {
        let is_it = |block: &&Arc<Block>| block.contains(source, number);
        if let Some(block) = self.rendering.iter().chain(&self.requested).find(is_it) {
            return Some(Arc::clone(block));
        }
        if self.requested.len() >= REQUESTED {
            self.requested.retain(|block| !block.is_abandoned());
        }
        if self.requested.len() >= REQUESTED {
            return None;
        }
        let ahead = self.ahead.iter().position(|block| block.contains(source, number));
        let block = ahead.and_then(|place| self.ahead.remove(place)).unwrap_or_else(|| Arc::new(make()));
        self.requested.push_back(Arc::clone(&block));
        Some(block)
    }

    /// Adds the block of a segment that may be requested soon, if few blocks wait.
    pub(super) fn read_ahead(&mut self, source: &Source, number: u64, make: impl FnOnce() -> Block) {
        let mut known = self.rendering.iter().chain(&self.requested).chain(&self.ahead);
        if self.ahead.len() < AHEAD && !known.any(|block| block.contains(source, number)) {
            self.ahead.push_back(Arc::new(make()));
        }
    }

    /// The next block to render, if fewer than `most` are being rendered for somebody who waits, or for nobody. A requested
    /// block does not wait for those that are rendered ahead, or whose requested segment is complete. Requested blocks for
    /// which nobody waits any more are dropped.
    pub(super) fn begin(&mut self, most: usize) -> Option<Arc<Block>> {
        self.requested.retain(|block| !block.is_abandoned());
        let abandoned = self.rendering.iter().filter(|block| block.is_abandoned()).count();
        let awaited = self.rendering.len() - abandoned;
        let block = match self.requested.front() {
            Some(_) if awaited < most && self.rendering.len() < 2 * most => self.requested.pop_front(),
            None if self.rendering.len() < most => self.ahead.pop_front(),
            Some(_) | None => None,
        }?;
        self.rendering.push(Arc::clone(&block));
        Some(block)
    }

    /// Removes a block that was rendered.
    pub(super) fn end(&mut self, block: &Arc<Block>) {
        self.rendering.retain(|other| !Arc::ptr_eq(other, block));
    }

    /// Drops all blocks that wait.
    pub(super) fn clear(&mut self) {
        self.requested.clear();
        self.ahead.clear();
    }
}
