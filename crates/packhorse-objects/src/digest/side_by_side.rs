//! MD5 of several independent streams at once, in one thread.
//!
//! MD5 is a chain: one stream uses a fraction of a processor core. Vector instructions compute
//! eight (AVX2) streams in the time of one. A vector that is not full costs as much as a full one,
//! and the library's way of hashing five to seven streams is slower still, so a call is filled up
//! with copies of its last stream whose results are thrown away.

use std::sync::OnceLock;

use md5::{Digest as _, Md5};
use md5_many::{Md5Many, Md5State};

use super::BodyDigest;

/// Fills up small calls; more streams than this are left to the library.
const STREAMS_FILLED_MAX: usize = 16;

/// Hashes streams side by side; on a processor without vectors, or should they compute something
/// else than plain MD5, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct SideBySide {
    vectors: Option<Md5Many>,
}

/// One stream so far.
#[derive(Clone, Debug)]
pub struct Stream(State);

#[derive(Clone, Debug)]
enum State {
    Vector(Md5State),
    Plain(Md5),
}

impl Stream {
    /// The MD5 of everything the stream was given.
    pub fn finish(self) -> [u8; 16] {
        match self.0 {
            State::Vector(state) => state.finalize(),
            State::Plain(hash) => hash.finalize().into(),
        }
    }
}

/// A request's body so far: what will be its [`BodyDigest`].
#[derive(Debug)]
pub struct BodyStream {
    /// To be given every piece, [side by side](SideBySide::update) with other streams.
    pub md5: Stream,
    crc32c: crc_fast::Digest,
}

impl BodyStream {
    /// Adds a piece to the CRC, which needs no neighbours to be fast. [`BodyStream::md5`] must be
    /// given the same piece.
    pub fn update_crc32c(&mut self, piece: &[u8]) {
        self.crc32c.update(piece);
    }

    /// The digests of everything the stream was given.
    pub fn finish(self) -> BodyDigest {
        BodyDigest {
            md5: self.md5.finish(),
            // The algorithm has 32 bits, the library's one type of result 64.
            crc32c: self.crc32c.finalize() as u32,
        }
    }
}

impl SideBySide {
    /// With the fastest way of this processor. The vectors are tried once per process: they must
    /// agree with plain MD5.
    pub fn new() -> Self {
        static VECTORS: OnceLock<Option<Md5Many>> = OnceLock::new();
        let vectors = *VECTORS.get_or_init(|| {
            let vectors = Md5Many::new();
            (vectors.lanes() > 1 && agrees(vectors)).then_some(vectors)
        });
        Self { vectors }
    }

    /// One after the other, with plain MD5.
    pub fn plain() -> Self {
        Self { vectors: None }
    }

    /// How many streams one call should have.
    pub fn streams(&self) -> usize {
        self.vectors.map_or(1, Md5Many::lanes)
    }

    /// A stream without bytes.
    pub fn stream(&self) -> Stream {
        Stream(match self.vectors {
            Some(_) => State::Vector(Md5State::new()),
            None => State::Plain(Md5::new()),
        })
    }

    /// A body without bytes.
    pub fn body_stream(&self) -> BodyStream {
        BodyStream {
            md5: self.stream(),
            crc32c: crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi),
        }
    }

    /// Gives each stream its next bytes. Streams must be of this kind of hashing; pieces of equal
    /// length are fastest.
    pub fn update<'a>(&self, pairs: impl IntoIterator<Item = (&'a mut Stream, &'a [u8])>) {
        let mut streams = Vec::with_capacity(STREAMS_FILLED_MAX);
        let mut pieces = Vec::with_capacity(STREAMS_FILLED_MAX);
        let mut states = Vec::with_capacity(STREAMS_FILLED_MAX);
        for (stream, piece) in pairs {
            match &mut stream.0 {
                State::Plain(hash) => hash.update(piece),
                State::Vector(state) => {
                    states.push(*state);
                    pieces.push(piece);
                    streams.push(state);
                }
            }
        }
        let vectors = self.vectors.unwrap_or_default();
        self.fill(&mut states, &mut pieces);
        match states.as_mut_slice() {
            [] => {}
            [state] => pieces.iter().for_each(|piece| state.update(piece)),
            many => vectors.update_many(many, &pieces),
        }
        for (stream, state) in streams.into_iter().zip(states) {
            *stream = state;
        }
    }

    fn fill(&self, states: &mut Vec<Md5State>, pieces: &mut Vec<&[u8]>) {
        let (count, width) = (states.len(), self.streams().max(1));
        let (Some(state), Some(piece)) = (states.last().copied(), pieces.last().copied()) else {
            return;
        };
        if (2..STREAMS_FILLED_MAX).contains(&count) {
            states.resize(count.next_multiple_of(width), state);
            pieces.resize(count.next_multiple_of(width), piece);
        }
    }

    /// Both digests of each of several whole bodies.
    pub fn bodies(&self, bodies: &[&[u8]]) -> Vec<BodyDigest> {
        let md5s = match self.vectors {
            Some(vectors) if bodies.len() > 1 => {
                let mut md5s = vec![[0; 16]; bodies.len()];
                vectors.hash_many(bodies, &mut md5s);
                md5s
            }
            _ => bodies.iter().map(|body| Md5::digest(body).into()).collect(),
        };
        let digest = |(md5, body): ([u8; 16], &&[u8])| BodyDigest {
            md5,
            crc32c: crc_fast::crc32_iscsi(body),
        };
        md5s.into_iter().zip(bodies).map(digest).collect()
    }
}

impl Default for SideBySide {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether vectors give the digests of plain MD5, for lengths around the block and padding limits.
fn agrees(vectors: Md5Many) -> bool {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1024).collect();
    let lengths = [
        0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 129, 300, 511, 512, 700, 1024, 1000,
    ];
    let bodies: Vec<&[u8]> = lengths
        .iter()
        .filter_map(|length| bytes.get(..*length))
        .collect();
    let mut whole = vec![[0; 16]; bodies.len()];
    vectors.hash_many(&bodies, &mut whole);
    let mut states = vec![Md5State::new(); bodies.len()];
    vectors.update_many(&mut states, &bodies);
    let plain = bodies
        .iter()
        .map(|body| <[u8; 16]>::from(Md5::digest(body)));
    plain
        .zip(whole)
        .zip(states)
        .all(|((plain, whole), state)| plain == whole && plain == state.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::*;

    proptest! {
        #[test]
        fn bodies_have_the_digests_of_plain_md5(bodies in vec(vec(any::<u8>(), 0..700), 0..40)) {
            let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            let expected: Vec<_> = bodies.iter().map(|body| BodyDigest::of(body)).collect();
            for kind in [SideBySide::new(), SideBySide::plain()] {
                assert_eq!(kind.bodies(&bodies), expected);
            }
        }

        #[test]
        fn streams_have_the_digests_of_plain_md5_however_they_are_cut(
            rounds in vec(vec(vec(any::<u8>(), 0..300), 1..20), 0..6),
        ) {
            let count = rounds.iter().map(Vec::len).max().unwrap_or(0);
            for kind in [SideBySide::new(), SideBySide::plain()] {
                let mut streams = vec![kind.stream(); count];
                let mut wholes = vec![Vec::new(); count];
                for round in &rounds {
                    kind.update(streams.iter_mut().zip(round.iter().map(Vec::as_slice)));
                    for (whole, piece) in wholes.iter_mut().zip(round) {
                        whole.extend_from_slice(piece);
                    }
                }
                for (stream, whole) in streams.into_iter().zip(&wholes) {
                    assert_eq!(stream.finish(), BodyDigest::of(whole).md5);
                }
            }
        }
    }

    #[test]
    fn a_body_given_in_pieces_has_the_digests_of_the_whole() {
        let whole: Vec<u8> = (0..=u8::MAX).cycle().take(1000).collect();
        let hashing = SideBySide::new();
        let mut body = hashing.body_stream();
        for piece in whole.chunks(300) {
            body.update_crc32c(piece);
            hashing.update([(&mut body.md5, piece)]);
        }
        assert_eq!(body.finish(), BodyDigest::of(&whole));
    }

    #[test]
    fn vectors_of_this_processor_agree_with_plain_md5() {
        assert!(agrees(Md5Many::new()));
    }
}
