//! A small cache of pieces of a device, by number.

use std::collections::HashMap;
use std::sync::Arc;

/// The blocks used last, in two generations: when the young one is full it becomes the old one,
/// and what is used again moves back.
pub(crate) struct Cache {
    young: HashMap<u64, Arc<[u8]>>,
    old: HashMap<u64, Arc<[u8]>>,
    generation_size: usize,
}

impl Cache {
    /// A cache of at most `capacity` blocks.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation_size: capacity / 2,
        }
    }

    /// A block, if it is here.
    pub(crate) fn get(&mut self, number: u64) -> Option<Arc<[u8]>> {
        if let Some(found) = self.young.get(&number) {
            return Some(Arc::clone(found));
        }
        let found = self.old.remove(&number)?;
        self.put(number, Arc::clone(&found));
        Some(found)
    }

    /// Keeps a block for a while.
    pub(crate) fn put(&mut self, number: u64, bytes: Arc<[u8]>) {
        if self.young.len() >= self.generation_size {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_keeps_what_is_used_and_stays_small() {
        let mut cache = Cache::new(8);
        for block in 0..100 {
            cache.put(block, vec![0].into());
            assert!(cache.get(0).is_some(), "after {block}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert!(cache.get(50).is_none());
    }
}
