//! Writing, reading, and both.

use proptest::prelude::*;

use super::*;

fn written(value: &str) -> String {
    document("R", |root| root.text("A", value))
}

#[test]
fn writes_what_every_client_reads() {
    let text = document("R", |root| {
        root.group("Result", |result| {
            result.text("Text", "a<b>&\"c\"\r\n");
            result.optional_text("Absent", None);
            result.boolean("Yes", true);
            result.integer("Count", 7);
            result.time("At", "2010-09-21T16:22:10.987Z".parse().unwrap());
            result.group("Empty", |_| ());
        });
    });
    assert_eq!(
        text,
        "<R xmlns=\"http://importexport.amazonaws.com/doc/2010-06-01/\"><Result>\
         <Text>a&lt;b&gt;&amp;\"c\"&#13;\n</Text><Yes>true</Yes><Count>7</Count>\
         <At>2010-09-21T16:22:10Z</At><Empty></Empty></Result></R>"
    );
}

#[test]
fn never_writes_what_xml_cannot_carry() {
    assert!(written("a\u{1}b\u{FFFF}").contains("<A>a\u{FFFD}b\u{FFFD}</A>"));
    assert_eq!(unwritable("ab\u{8}"), Some((2, '\u{8}')));
    assert_eq!(unwritable("tab\t line\r\n é 😀"), None);
}

#[test]
fn reads_declarations_comments_and_indentation() {
    let text = "<?xml version=\"1.0\"?>\n<!-- c -->\n<x:R xmlns:x=\"u\">\n  <A>1&#x32;&amp;\
                <![CDATA[<]]></A>\n  <Jobs/>\n</x:R>\n";
    let root = Element::parse(text).unwrap();
    assert_eq!(root.expect_name("R"), Ok(()));
    assert_eq!(root.text("A"), Some("12&<"));
    assert_eq!(root.list("Jobs").count(), 0);
}

#[test]
fn refuses_what_is_no_document() {
    let deep = "<a>".repeat(100);
    let many = format!("<a>{}</a>", "<b/>".repeat(100_000));
    let dtd = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
    for bad in [
        "",
        "text",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&nbsp;</a>",
        dtd,
        &deep,
        &many,
    ] {
        assert!(
            Element::parse(bad).is_err(),
            "{}",
            bad.get(..40).unwrap_or(bad)
        );
    }
    let large = format!("<a>{}</a>", "x".repeat(read::DOCUMENT_BYTES_MAX));
    assert_eq!(Element::parse(&large), Err(Error::TooLarge));
}

proptest! {
    #[test]
    fn a_text_is_read_back_as_it_was_written(text: String) {
        let clean: String = text.chars().filter(|c| unwritable(&c.to_string()).is_none()).collect();
        let root = Element::parse(&written(&clean)).unwrap();
        prop_assert_eq!(root.text("A"), Some(clean.as_str()));
    }

    #[test]
    fn line_ends_and_markup_are_read_back(text in "[\r\n\t<>&;#\"' a\\]]{0,40}") {
        let root = Element::parse(&written(&text)).unwrap();
        prop_assert_eq!(root.text("A"), Some(text.as_str()));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[<>/&;#!\\[\\]CDAT\\-?a=\" x0-9]{0,60}") {
        let _ = Element::parse(&text);
    }
}
