//! Which request fails how.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Fault, Seen};

#[derive(Default)]
pub(super) struct Rules(Mutex<State>);

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    failed: usize,
    under_way: usize,
    most_at_once: usize,
}

/// A request under way, counted until it is dropped.
pub(super) struct UnderWay<'a>(&'a Rules);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
    }
}

struct Rule {
    fault: Fault,
    /// How often it still applies; `None` for ever.
    left: Option<usize>,
    /// Every how many matching requests it applies.
    step: usize,
    count: usize,
    matches: Box<dyn Fn(&Seen) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

impl Rules {
    pub(super) fn add(
        &self,
        fault: Fault,
        left: Option<usize>,
        step: usize,
        matches: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    ) {
        self.state().rules.push(Rule {
            fault,
            left,
            step: step.max(1),
            count: 0,
            matches: Box::new(matches),
        });
    }

    pub(super) fn clear(&self) {
        self.state().rules.clear();
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    pub(super) fn failed(&self) -> usize {
        self.state().failed
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.state().most_at_once
    }

    /// Counts a request as under way.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        let mut state = self.state();
        state.under_way += 1;
        state.most_at_once = state.most_at_once.max(state.under_way);
        UnderWay(self)
    }

    /// Remembers a request and says how it fails: by the first rule that applies.
    pub(super) fn judge(&self, seen: Seen) -> Option<Fault> {
        let mut state = self.state();
        let fault = state
            .rules
            .iter_mut()
            .find_map(|rule| rule.applies(&seen).then(|| rule.fault.clone()));
        state.seen.push(seen);
        state.failed += usize::from(fault.is_some());
        fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    fn applies(&mut self, seen: &Seen) -> bool {
        if self.left == Some(0) || !(self.matches)(seen) {
            return false;
        }
        self.count += 1;
        let applies = self.count.is_multiple_of(self.step);
        if let Some(left) = self.left.as_mut().filter(|_| applies) {
            *left -= 1;
        }
        applies
    }
}
