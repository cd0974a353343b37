//! Blocks that wait to be rendered and blocks that are being rendered. Requested blocks come before blocks that are
//! rendered ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use super::block::{Block, Source};

/// Most requested blocks that wait. Blocks of the default stream take about a fifth of a second each, so the last one
/// is rendered within a few seconds.
pub(super) const REQUESTED: usize = 32;
/// Most blocks that wait to be rendered ahead: a few readers with picture and sound.
const AHEAD: usize = 16;
/// Most blocks that are being rendered and pause. Each takes the memory of an encoder.
const PAUSED: usize = 4;

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

    /// Adds the block of a segment that may be requested soon. The new block is rendered before the blocks that were added
    /// earlier. If many blocks wait, the earliest is dropped.
    pub(super) fn read_ahead(&mut self, source: &Source, number: u64, make: impl FnOnce() -> Block) {
        let mut known = self.rendering.iter().chain(&self.requested).chain(&self.ahead);
        if known.any(|block| block.contains(source, number)) {
            return;
        }
        if self.ahead.len() >= AHEAD {
            self.ahead.pop_front();
        }
        self.ahead.push_back(Arc::new(make()));
    }

    /// The next block to render: a requested one, if fewer than `most` are being rendered for somebody who waits, or else one
    /// that is rendered ahead. Requested blocks for which nobody waits any more are dropped. If many pause, the earliest is
    /// stopped.
    pub(super) fn begin(&mut self, most: usize) -> Option<Arc<Block>> {
        self.requested.retain(|block| !block.is_abandoned());
        let awaited = self.awaited().count();
        let block = match self.requested.is_empty() {
            false if awaited < most => self.requested.pop_front(),
            true if self.active() < most + awaited.min(most) => {
                let place = self.ahead.iter().rposition(|block| !self.is_paused(block));
                place.and_then(|place| self.ahead.remove(place))
            }
            _ => None,
        }?;
        self.rendering.push(Arc::clone(&block));
        if self.rendering.len() - self.active() > PAUSED {
            let earliest = self.rendering.iter().position(|block| self.is_paused(block));
            earliest.into_iter().for_each(|place| self.rendering.remove(place).stop.cancel());
        }
        Some(block)
    }

    /// Whether the render of a block pauses: nobody waits for it, but somebody waits for another that it does not follow. It is
    /// the rest of a block after the requested segment, or was rendered ahead.
    pub(super) fn is_paused(&self, block: &Block) -> bool {
        block.is_abandoned() && self.awaited().next().is_some() && !self.awaited().any(|awaited| block.follows(awaited))
    }

    /// Number of blocks that are being rendered and do not pause.
    fn active(&self) -> usize {
        self.rendering.iter().filter(|block| !self.is_paused(block)).count()
    }

    /// The blocks that are being rendered for somebody who waits.
    fn awaited(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.rendering.iter().filter(|block| !block.is_abandoned())
    }

    /// Whether nothing is being rendered.
    pub(super) fn is_idle(&self) -> bool {
        self.rendering.is_empty()
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
