//! Serial numbers of devices, as people copy them from labels.

/// Whether two serial numbers are the same but for case and what is neither letter nor digit.
pub fn is_same(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_uppercase).collect()
    };
    !letters(one).is_empty() && letters(one) == letters(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_compared_as_people_copy_them() {
        assert!(is_same("3QD0T87T", "3qd0 t87t"));
        assert!(is_same("WD-WX31D45678", "wdwx31d45678"));
        assert!(!is_same("3QD0T87T", "3QD0T87"));
        assert!(!is_same("", "-"));
    }
}
