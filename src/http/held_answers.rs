//! Limits on the answers that `delay`, `hang` and `rate` hold open: in total, and for one address.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::network::subscriber;

/// Limit of all such answers together. Each answer occupies a connection, a timer and shared media. Two fifths of the connections
/// that the server accepts by default remain for other requests.
pub(super) const MAX_HELD: usize = 6000;
/// Limit of such answers to one address. It equals the default limit of connections, so that a thousand players on one machine can be
/// tested.
pub(super) const MAX_HELD_PER_ADDRESS: usize = 1024;

/// The answers that are held open.
#[derive(Debug, Default)]
pub(super) struct HeldAnswers(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// An answer that is held open, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    answers: Arc<HeldAnswers>,
    address: Option<IpAddr>,
}

/// A limit that is reached, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooManyHeld {
    All,
    Address,
}

impl fmt::Display for TooManyHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (most, whose) = match self {
            Self::All => (MAX_HELD, "all clients together"),
            Self::Address => (MAX_HELD_PER_ADDRESS, "one address"),
        };
        write!(
            f,
            "delay, hang and rate hold {most} answers to {whose}, which is the limit: wait until some are complete, or request \
             fewer at a time"
        )
    }
}

impl HeldAnswers {
    /// Admits an answer to an address, unless a limit is reached.
    pub(super) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Held, TooManyHeld> {
        let address = address.map(subscriber);
        let mut counts = self.counts();
        if counts.all >= MAX_HELD {
            return Err(TooManyHeld::All);
        }
        if let Some(address) = address {
            let there = counts.addresses.entry(address).or_default();
            if *there >= MAX_HELD_PER_ADDRESS {
                return Err(TooManyHeld::Address);
            }
            *there += 1;
        }
        counts.all += 1;
        Ok(Held { answers: Arc::clone(self), address })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.answers.counts();
        counts.all -= 1;
        let Some(address) = self.address else { return };
        let left = counts.addresses.get_mut(&address).map(|there| {
            *there -= 1;
            *there
        });
        if left == Some(0) {
            counts.addresses.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_answers_are_limited_in_total_and_for_each_address() {
        let answers = Arc::new(HeldAnswers::default());
        let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let mut held: Vec<_> = (0..MAX_HELD_PER_ADDRESS).map(|_| answers.enter(address(1)).unwrap()).collect();
        assert_eq!(answers.enter(address(1)).unwrap_err(), TooManyHeld::Address);
        held.pop();
        held.push(answers.enter(address(1)).unwrap());
        let left = MAX_HELD - MAX_HELD_PER_ADDRESS;
        held.extend((0..left).map(|number| answers.enter(address(2 + (number / 1000) as u8)).unwrap()));
        assert_eq!(answers.enter(address(99)).unwrap_err(), TooManyHeld::All);
        drop(held);
        assert!(answers.counts().addresses.is_empty() && answers.counts().all == 0);
    }
}
