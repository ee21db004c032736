//! The public face of the room: what is printed for which words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail it"
)]

use packhorse_paper::{Error, JOBS_PER_LABEL_MAX, PackingSlip, Paper, ShippingLabel};
use proptest::prelude::{Strategy, any, prop, proptest};

/// More than any page of ours: text is cut, and a font embeds only what is used.
const PDF_BYTES_MAX: usize = 400_000;

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

fn slip(words: &str) -> PackingSlip {
    PackingSlip {
        job_id: "4K7PQ2XB".to_owned(),
        job_type: "Import".to_owned(),
        account: words.to_owned(),
        device_id: words.to_owned(),
        created: "2026-01-01 00:00 UTC".to_owned(),
        erases: true,
        ship_to: Some(vec![words.to_owned(); 9]),
        return_to: vec![words.to_owned(); 8],
    }
}

fn label(words: &str, jobs: usize) -> ShippingLabel {
    ShippingLabel {
        job_ids: (0..jobs)
            .map(|index| format!("4K7PQ2X{}", index + 1))
            .collect(),
        ship_to: vec![words.to_owned(); 9],
        sender: vec![words.to_owned(); 8],
    }
}

fn is_whole(paper: &Paper) {
    assert!(paper.pdf.starts_with(b"%PDF-"));
    assert!(paper.pdf.trim_ascii_end().ends_with(b"%%EOF"));
    assert!(paper.pdf.len() < PDF_BYTES_MAX, "{}", paper.pdf.len());
}

#[test]
fn the_same_words_give_the_same_bytes() {
    let words = "Łódź 東京 שלום";
    assert_eq!(
        slip(words).print().unwrap().pdf,
        slip(words).print().unwrap().pdf
    );
    let printed = || label(words, 3).print().unwrap().pdf;
    assert_eq!(printed(), printed());
    assert_ne!(printed(), label(words, 2).print().unwrap().pdf);
}

#[test]
fn names_of_many_scripts_are_printed_whole() {
    for name in [
        "Łódź",
        "Ünal",
        "東京都",
        "Αθήνα",
        "Москва",
        "ירושלים",
        "القاهرة",
        "Tbilisi თბილისი",
    ] {
        let paper = label(name, 1).print().unwrap();
        is_whole(&paper);
        assert_eq!(
            (paper.unprintable, paper.cut),
            (Vec::new(), false),
            "{name}"
        );
    }
}

#[test]
fn what_cannot_be_printed_is_told() {
    let paper = label("กรุงเทพ 🦄", 1).print().unwrap();
    is_whole(&paper);
    assert!(paper.unprintable.contains(&'ก') && paper.unprintable.len() <= 8);
    let paper = label("서울", 1).print().unwrap();
    assert_eq!(paper.unprintable, ['서', '울']);
    let paper = label("\u{202E}Name\u{200F}", 1).print().unwrap();
    assert_eq!(paper.unprintable, Vec::<char>::new());
}

#[test]
fn what_has_no_room_is_cut_and_told() {
    for words in [
        "W".repeat(100_000),
        "word ".repeat(50_000),
        "\u{301}".repeat(9_999),
    ] {
        let printed = [
            slip(&words).print().unwrap(),
            label(&words, 1).print().unwrap(),
        ];
        for paper in printed {
            is_whole(&paper);
            assert!(paper.cut || words.starts_with('\u{301}'));
        }
    }
}

#[test]
fn a_label_has_room_for_some_jobs_and_refuses_more() {
    for jobs in 1..=JOBS_PER_LABEL_MAX {
        is_whole(&label("A", jobs).print().unwrap());
    }
    for jobs in [0, JOBS_PER_LABEL_MAX + 1] {
        assert!(matches!(label("A", jobs).print(), Err(Error::Jobs(_))));
    }
}

#[test]
fn an_id_that_has_no_bars_is_refused() {
    let mut slip = slip("A");
    slip.job_id = "Ł".to_owned();
    assert!(matches!(slip.print(), Err(Error::Barcode(_))));
}

#[test]
fn a_facility_without_an_address_has_slips_all_the_same() {
    let mut slip = slip("A");
    slip.ship_to = None;
    slip.return_to = lines(&["B"]);
    is_whole(&slip.print().unwrap());
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn any_words_are_printed(words in prop::collection::vec(any::<char>(), 0..60).prop_map(String::from_iter)) {
        is_whole(&slip(&words).print().unwrap());
        is_whole(&label(&words, 2).print().unwrap());
    }
}
