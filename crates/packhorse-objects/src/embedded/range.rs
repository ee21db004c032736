//! Ranges of an object, and the bodies they fall into.

use bytes::Bytes;

use super::fault::{Code, Fault};
use super::index::objects::Opened;
use super::outlet::Run;

/// A run of bytes that is inside its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Range {
    pub(crate) fn whole(size: u64) -> Self {
        Self {
            offset: 0,
            length: size,
        }
    }

    /// For `Content-Range`.
    pub(crate) fn header(self, size: u64) -> String {
        let end = (self.offset + self.length).saturating_sub(1);
        format!("bytes {}-{end}/{size}", self.offset)
    }
}

/// Reads `bytes=1-2`, `bytes=1-`, `bytes=-2`. `None` means all: what is no range, or several, is
/// ignored, as RFC 9110 section 14.2 allows.
pub(crate) fn parse(text: &str, size: u64) -> Result<Option<Range>, Fault> {
    let Some((first, last)) = read(text) else {
        return Ok(None);
    };
    let (first, last) = match (first, last) {
        (Some(first), Some(last)) if first > last => return Ok(None),
        (Some(first), last) => (first, last.unwrap_or(u64::MAX)),
        (None, Some(0)) => return Err(Code::InvalidRange.into()),
        (None, Some(suffix)) => (size.saturating_sub(suffix), u64::MAX),
        (None, None) => return Ok(None),
    };
    if first >= size {
        return Err(Code::InvalidRange.into());
    }
    Ok(Some(Range {
        offset: first,
        length: last.min(size - 1) - first + 1,
    }))
}

fn read(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits => digits.parse().ok().map(Some),
    };
    Some((number(first)?, number(last)?))
}

/// The pieces of an object that a range falls into.
pub(crate) fn runs(opened: &Opened, range: Range) -> Vec<Run> {
    let mut runs = Vec::new();
    let end = range.offset + range.length;
    let mut start = 0;
    for (piece, small) in opened.pieces.iter().zip(&opened.small) {
        let (from, to) = (range.offset.max(start), end.min(start + piece.size));
        if from < to {
            let offset = from - start;
            let length = to - from;
            runs.push(Run {
                body: piece.body,
                offset,
                length,
                bytes: small.as_ref().map(|bytes| cut(bytes, offset, length)),
            });
        }
        start += piece.size;
    }
    runs
}

fn cut(bytes: &[u8], offset: u64, length: u64) -> Bytes {
    let index = |at| usize::try_from(at).unwrap_or(usize::MAX);
    let cut = bytes.get(index(offset)..index(offset + length));
    Bytes::copy_from_slice(cut.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms_and_ignores_the_rest() {
        let range = |offset, length| Ok(Some(Range { offset, length }));
        for (text, expected) in [
            ("bytes=0-0", range(0, 1)),
            ("bytes=2-", range(2, 8)),
            ("bytes=-3", range(7, 3)),
            ("bytes=-30", range(0, 10)),
            ("bytes=5-50", range(5, 5)),
            ("bytes=10-", Err(Code::InvalidRange)),
            ("bytes=-0", Err(Code::InvalidRange)),
            ("bytes=3-2", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("bytes=-", Ok(None)),
            ("lines=1-2", Ok(None)),
        ] {
            let parsed = parse(text, 10).map_err(|fault| fault.code());
            assert_eq!(parsed, expected, "{text}");
        }
        assert_eq!(parse("bytes=-1", 0).unwrap_err().code(), Code::InvalidRange);
    }
}
