//! Paths on a device: what a name may be and how long a path may grow.

/// The longest path that is listed. Linux itself takes 4,096 bytes and a key has 1,024, so a longer
/// path is made by hand; the bound keeps a nest of directories from filling memory. It also bounds
/// the depth of a walk, at half as many levels.
pub(crate) const PATH_BYTES_MAX: usize = 64 * 1024;

/// Whether `name` can be one step of a path.
pub(crate) fn is_plain_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// Appends a name to a directory's path; the root's path is empty.
pub(crate) fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// The path of `name` in the directory `dir`.
pub(crate) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    push_name(&mut path, name);
    path
}

/// A name that cannot be a step of a path, written so that it can stand in a row: the bytes that
/// make it impossible become `\xNN`, and a name of no bytes becomes `\x`.
pub(crate) fn spelled_out(name: &[u8]) -> Vec<u8> {
    if name.is_empty() {
        return b"\\x".to_vec();
    }
    let is_dots = matches!(name, b"." | b"..");
    let mut text = Vec::new();
    for byte in name {
        match byte {
            0 | b'/' => text.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            b'.' if is_dots => text.extend_from_slice(b"\\x2e"),
            other => text.push(*other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_names_become_possible() {
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0b", b"/"] {
            assert!(!is_plain_name(name));
            assert!(is_plain_name(&spelled_out(name)));
        }
        assert_eq!(spelled_out(b"a/b"), b"a\\x2fb");
    }
}
