//! Hosts as clients sign them.

/// The host of a `Host` header that has a port; `None` when it has none.
pub(crate) fn without_port(header: &str) -> Option<&str> {
    let (host, port) = header.rsplit_once(':')?;
    // An IPv6 address without port ends in a bracket.
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_port.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_what_digits_after_the_last_colon_are() {
        for (header, host) in [
            ("a.example:8080", Some("a.example")),
            ("[::1]:8080", Some("[::1]")),
            ("a.example", None),
            ("[::1]", None),
            ("a.example:", None),
            ("", None),
        ] {
            assert_eq!(without_port(header), host, "{header}");
        }
    }
}
