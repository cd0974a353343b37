//! How often a server is late. One late answer proves nothing about the server: a stall of the network, of a cache or of a
//! machine looks the same.

use super::Level;

/// Number of late answers that are no accident.
const LEAST: usize = 2;
/// Number of answers of which one may be late.
const ONE_OF: usize = 4;

/// Answers of one kind, and how many of them were late.
#[derive(Debug, Clone, Copy, Default)]
pub struct Punctuality {
    answers: usize,
    late: usize,
}

impl Punctuality {
    /// Counts an answer.
    pub const fn add(&mut self, is_late: bool) {
        self.answers += 1;
        self.late += is_late as usize;
    }

    /// Level of the violations: `level` if at least two answers and at least a quarter were late, and otherwise a recommendation.
    pub fn level(&self, level: Level) -> Level {
        let is_usual = self.late >= LEAST && self.late * ONE_OF >= self.answers;
        if is_usual { level } else { level.min(Level::Recommended) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_late_once_or_rarely_breaks_no_rule() {
        let level = |late: usize, prompt: usize| {
            let mut all = Punctuality::default();
            (0..late + prompt).for_each(|index| all.add(index < late));
            all.level(Level::Must)
        };
        assert_eq!(
            (level(1, 0), level(1, 2), level(2, 7)),
            (Level::Recommended, Level::Recommended, Level::Recommended)
        );
        assert_eq!((level(2, 6), level(3, 0)), (Level::Must, Level::Must));
    }
}
