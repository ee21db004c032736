//! Manifests as their owners may see them again: without passwords. Who watches a job asks for the
//! same text every few seconds, so the last texts are kept.

use std::sync::{Arc, Mutex, PoisonError};

use packhorse_core::manifest;
use packhorse_wire::fault::Fault;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use sha2::{Digest as _, Sha256};

use super::manifest::off_the_loop;

/// Bytes of texts that are kept: some 16,000 usual manifests, or 8 of the longest.
const KEPT_BYTES: u64 = 8 * 1024 * 1024;
/// A usual manifest, which says how many texts to make room for at first.
const USUAL_BYTES: u64 = 512;

/// A manifest's digest: what hides its passwords depends on nothing else, so nothing gets stale.
type Key = [u8; 32];

/// The last texts that were asked for, shared by all requests.
#[derive(Clone)]
pub struct Redactions(Arc<Mutex<Cache<Key, Arc<str>, Bytes>>>);

impl Default for Redactions {
    fn default() -> Self {
        let texts = usize::try_from(KEPT_BYTES / USUAL_BYTES).unwrap_or(usize::MAX);
        Self(Arc::new(Mutex::new(Cache::with_weighter(
            texts, KEPT_BYTES, Bytes,
        ))))
    }
}

impl Redactions {
    /// The text without its passwords.
    pub(crate) async fn of(&self, text: &str) -> Result<String, Fault> {
        let key = Sha256::digest(text).into();
        if let Some(known) = self.kept(|kept| kept.get(&key).cloned()) {
            return Ok(known.as_ref().to_owned());
        }
        let owned = text.to_owned();
        let redacted = off_the_loop(text.len(), move || manifest::redact(&owned)).await?;
        self.kept(|kept| kept.insert(key, redacted.as_str().into()));
        Ok(redacted)
    }

    /// Does something with the kept texts. A panic elsewhere leaves them whole or forgotten.
    fn kept<T>(&self, work: impl FnOnce(&mut Cache<Key, Arc<str>, Bytes>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a kept text costs.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<str>> for Bytes {
    fn weight(&self, key: &Key, text: &Arc<str>) -> u64 {
        (key.len() + text.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_text_asked_for_again_is_redacted_too() {
        let redactions = Redactions::default();
        for _ in 0..2 {
            let shown = redactions.of("pinCode: 1234\nbucket: a\n").await.unwrap();
            assert_eq!(shown, manifest::redact("pinCode: 1234\nbucket: a\n"));
            assert!(!shown.contains("1234"), "{shown}");
        }
        assert_eq!(redactions.kept(|kept| kept.len()), 1);
        let other = redactions.of("pinCode: 1234\nbucket: b\n").await.unwrap();
        assert!(other.contains("bucket: b"), "{other}");
    }

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let redactions = Redactions::default();
        for number in 0..24 {
            let text = format!("# {number}\nprefix: {}\n", "x".repeat(1_000_000));
            assert_eq!(redactions.of(&text).await.unwrap(), text);
        }
        let weight = redactions.kept(|kept| kept.weight());
        assert!((1_000_000..=KEPT_BYTES).contains(&weight), "{weight}");
    }
}
