//! The headers of LUKS2: two copies, each a fixed beginning and a text in JSON.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Digest, FIRST_MARK, Header, SECOND_MARK, SECOND_PLACES, Slot};
use super::{damaged, key_bytes, within};
use crate::block::BlockSource;
use crate::bytes::be64;
use crate::crypt::cipher::CipherSpec;
use crate::crypt::kdf::{Hash, Kdf};
use crate::crypt::source::Area;
use crate::volume::MediaError;

const NAME: &str = "LUKS2";
const BINARY_BYTES: usize = 4096;
/// The largest header that the format has.
const HEADER_BYTES_MAX: u64 = 4 * 1024 * 1024;
const SUM_AT: usize = 448;
const SUM_BYTES: usize = 64;
/// As many as the format has.
const SLOTS_MAX: usize = 32;
const SALT_BYTES_MAX: usize = 512;

/// Reads the newer of the whole headers.
pub(super) fn read(source: &dyn BlockSource) -> Result<Header, MediaError> {
    let mut best = copy(source, 0, FIRST_MARK)?;
    let places = match &best {
        Some(first) => vec![first.text.len() as u64 + BINARY_BYTES as u64],
        None => SECOND_PLACES.to_vec(),
    };
    for place in places {
        if let Some(second) = copy(source, place, SECOND_MARK)?
            && best.as_ref().is_none_or(|best| best.age < second.age)
        {
            best = Some(second);
        }
    }
    let best = best.ok_or_else(|| damaged("both copies of the header are damaged"));
    let read = best.and_then(|best| parse(&best.text, source.size()));
    read.map_err(|error| within(NAME, error))
}

/// One copy of the header.
struct Copy {
    /// Counts the changes of the header.
    age: u64,
    text: Vec<u8>,
}

/// The copy at `offset`, if it is whole.
fn copy(source: &dyn BlockSource, offset: u64, mark: &[u8; 6]) -> Result<Option<Copy>, MediaError> {
    let mut binary = vec![0; BINARY_BYTES];
    if source.size() < offset + BINARY_BYTES as u64 {
        return Ok(None);
    }
    // A header that the device cannot give is as good as a damaged one: there is the other.
    if source.read_exact_at(offset, &mut binary).is_err() {
        return Ok(None);
    }
    let size = be64(&binary, 8);
    let is_header = binary.starts_with(mark) && binary.get(6..8) == Some(&[0, 2]);
    let fits = (BINARY_BYTES as u64 + 1..=HEADER_BYTES_MAX).contains(&size)
        && offset + size <= source.size()
        && be64(&binary, 256) == offset;
    if !is_header || !fits {
        return Ok(None);
    }
    let mut text = vec![0; usize::try_from(size).unwrap_or(0) - BINARY_BYTES];
    if source
        .read_exact_at(offset + BINARY_BYTES as u64, &mut text)
        .is_err()
    {
        return Ok(None);
    }
    let name = binary.get(72..104).unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let Some(hash) = Hash::parse(name.trim_end_matches('\0')) else {
        return Ok(None);
    };
    let mut blank = binary.clone();
    blank
        .iter_mut()
        .skip(SUM_AT)
        .take(SUM_BYTES)
        .for_each(|byte| *byte = 0);
    let sum = hash.digest(&[&blank, &text]);
    let kept = binary.get(SUM_AT..).unwrap_or_default();
    Ok(kept.starts_with(&sum).then(|| Copy {
        age: be64(&binary, 16),
        text,
    }))
}

#[derive(Deserialize)]
struct Metadata {
    keyslots: BTreeMap<String, Keyslot>,
    segments: BTreeMap<String, Segment>,
    digests: BTreeMap<String, DigestText>,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    requirements: Requirements,
}

#[derive(Default, Deserialize)]
struct Requirements {
    #[serde(default)]
    mandatory: Vec<String>,
}

#[derive(Deserialize)]
struct Keyslot {
    r#type: String,
    key_size: u64,
    #[serde(default = "usual_priority")]
    priority: u8,
    area: AreaText,
    #[serde(default)]
    kdf: Option<KdfText>,
    #[serde(default)]
    af: Option<Spread>,
}

/// 0 is used only when asked for, 2 first.
fn usual_priority() -> u8 {
    1
}

#[derive(Deserialize)]
struct AreaText {
    #[serde(default)]
    encryption: String,
    #[serde(default)]
    key_size: u64,
    offset: String,
}

#[derive(Deserialize)]
struct KdfText {
    r#type: String,
    salt: String,
    hash: Option<String>,
    iterations: Option<u32>,
    time: Option<u32>,
    memory: Option<u32>,
    cpus: Option<u32>,
}

#[derive(Deserialize)]
struct Spread {
    r#type: String,
    stripes: u32,
    hash: String,
}

#[derive(Deserialize)]
struct Segment {
    r#type: String,
    offset: String,
    size: String,
    #[serde(default)]
    iv_tweak: String,
    #[serde(default)]
    encryption: String,
    #[serde(default)]
    sector_size: u32,
    #[serde(default)]
    integrity: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct DigestText {
    r#type: String,
    keyslots: Vec<String>,
    segments: Vec<String>,
    hash: String,
    iterations: u32,
    salt: String,
    digest: String,
}

fn parse(text: &[u8], size: u64) -> Result<Header, MediaError> {
    let end = text.iter().position(|byte| *byte == 0);
    let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    // serde_json refuses what is nested too deeply, and the text has a bounded length.
    let metadata: Metadata = serde_json::from_slice(text)
        .map_err(|error| damaged(format!("the header's text cannot be read: {error}")))?;
    let unsupported = |what: String| MediaError::Unsupported(what);
    if let Some(requirement) = metadata.config.requirements.mandatory.first() {
        return Err(unsupported(format!("it requires {requirement:?}")));
    }
    let mut segments = metadata.segments.into_iter();
    let (Some((segment_name, segment)), None) = (segments.next(), segments.next()) else {
        return Err(unsupported("it does not consist of one segment".to_owned()));
    };
    let cipher = spec(&segment.encryption)?;
    let area = segment.area(size)?;
    let mut slots = metadata.keyslots;
    slots.retain(|_, slot| slot.r#type != "reencrypt");
    if slots.len() > SLOTS_MAX {
        return Err(damaged(format!("{} key slots", slots.len())));
    }
    let mut slots: Vec<_> = slots.into_iter().collect();
    slots.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.priority));
    let of_segment = |digest: &DigestText| digest.segments.contains(&segment_name);
    let digests = metadata.digests.into_values().filter(of_segment);
    Ok(Header {
        name: NAME,
        cipher,
        area,
        slots: slots
            .into_iter()
            .map(|(number, slot)| slot.read(number_of(&number)?))
            .collect(),
        digests: digests.map(DigestText::read).collect::<Result<_, _>>()?,
    })
}

impl Segment {
    fn area(&self, source_size: u64) -> Result<Area, MediaError> {
        if self.r#type != "crypt" {
            let what = format!("a segment of type {:?}", self.r#type);
            return Err(MediaError::Unsupported(what));
        }
        if self.integrity.is_some() {
            let what = "its sectors carry integrity tags";
            return Err(MediaError::Unsupported(what.to_owned()));
        }
        let sector = self.sector_size;
        if !matches!(sector, 512 | 1024 | 2048 | 4096) {
            return Err(damaged(format!("sectors of {sector} bytes")));
        }
        let offset = long(&self.offset)?;
        if offset == 0 {
            let what = "its header belongs to data on another device (a detached header)";
            return Err(MediaError::Unsupported(what.to_owned()));
        }
        let there = source_size.saturating_sub(offset);
        let size = match self.size.as_str() {
            "dynamic" => there,
            size => long(size)?,
        };
        if size == 0 || size > there {
            return Err(damaged("the data reach beyond the end of the volume"));
        }
        let first = match self.iv_tweak.as_str() {
            "" => 0,
            first => long(first)?,
        };
        Ok(Area {
            offset,
            size,
            sector,
            first,
        })
    }
}

impl Keyslot {
    fn read(self, number: u32) -> Result<Slot, MediaError> {
        let unsupported =
            |what: String| MediaError::Unsupported(format!("key slot {number} has {what}"));
        if self.r#type != "luks2" {
            return Err(unsupported(format!("the type {:?}", self.r#type)));
        }
        let (Some(kdf), Some(af)) = (self.kdf, self.af) else {
            return Err(damaged(format!("key slot {number} is not complete")));
        };
        if af.r#type != "luks1" {
            return Err(unsupported(format!("the spreading {:?}", af.r#type)));
        }
        let key_bytes = key_bytes(self.key_size)?;
        Ok(Slot {
            number,
            salt: bytes(&kdf.salt, SALT_BYTES_MAX)?,
            kdf: kdf.read()?,
            key_bytes,
            area_key_bytes: super::key_bytes(self.area.key_size)?,
            cipher: spec(&self.area.encryption)?,
            offset: long(&self.area.offset)?,
            stripes: af.stripes,
            spread: hash(&af.hash)?,
        })
    }
}

impl KdfText {
    fn read(&self) -> Result<Kdf, MediaError> {
        let missing = || damaged("a key derivation is not complete");
        match self.r#type.as_str() {
            "pbkdf2" => Ok(Kdf::Pbkdf2 {
                hash: hash(self.hash.as_deref().ok_or_else(missing)?)?,
                rounds: self.iterations.ok_or_else(missing)?,
            }),
            "argon2i" | "argon2id" => Ok(Kdf::Argon2 {
                is_id: self.r#type == "argon2id",
                passes: self.time.ok_or_else(missing)?,
                memory_kib: self.memory.ok_or_else(missing)?,
                lanes: self.cpus.ok_or_else(missing)?,
            }),
            other => {
                let what = format!("the key derivation {other:?}");
                Err(MediaError::Unsupported(what))
            }
        }
    }
}

impl DigestText {
    fn read(self) -> Result<Digest, MediaError> {
        if self.r#type != "pbkdf2" {
            let what = format!("a digest of type {:?}", self.r#type);
            return Err(MediaError::Unsupported(what));
        }
        let slots = self.keyslots.iter().map(|slot| number_of(slot));
        Digest {
            hash: hash(&self.hash)?,
            rounds: self.iterations,
            salt: bytes(&self.salt, SALT_BYTES_MAX)?,
            value: bytes(&self.digest, super::KEY_BYTES_MAX)?,
            slots: slots.collect::<Result<_, _>>()?,
        }
        .check()
    }
}

fn spec(name: &str) -> Result<CipherSpec, MediaError> {
    CipherSpec::parse(name).ok_or_else(|| MediaError::Unsupported(format!("the cipher {name:?}")))
}

fn hash(name: &str) -> Result<Hash, MediaError> {
    Hash::parse(name).ok_or_else(|| MediaError::Unsupported(format!("the digest {name:?}")))
}

/// Numbers that may not fit into those of JSON are texts.
fn long(text: &str) -> Result<u64, MediaError> {
    let number: u64 = text
        .parse()
        .map_err(|_| damaged(format!("{text:?} is no number")))?;
    // Nothing that is on a disk lies so far out, and sums of two such numbers are safe.
    match number > i64::MAX as u64 {
        true => Err(damaged(format!("{number} lies on no disk"))),
        false => Ok(number),
    }
}

fn number_of(text: &str) -> Result<u32, MediaError> {
    text.parse()
        .map_err(|_| damaged(format!("{text:?} is no number of a key slot")))
}

fn bytes(text: &str, bytes_max: usize) -> Result<Vec<u8>, MediaError> {
    let bytes = STANDARD.decode(text);
    match bytes {
        Ok(bytes) if bytes.len() <= bytes_max => Ok(bytes),
        _ => Err(damaged("a salt or digest is not readable")),
    }
}
