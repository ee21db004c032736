//! Prints sample pages into a folder, to look at: `cargo run -p packhorse-paper --example pages DIR`.

use std::path::Path;

use packhorse_paper::{PackingSlip, ShippingLabel};

fn lines(text: &str) -> Vec<String> {
    text.split(" / ").map(str::to_owned).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let print = |name: &str, pdf: Vec<u8>| std::fs::write(Path::new(&folder).join(name), pdf);
    let facility = "Packhorse C/O Dock 7 / JOBID 4K7PQ2XB / 7664-A Fullerton Road / \
                    Springfield, VA 22153 / USA / +1 703 555 0100";
    let sender = "Zoë Łódź-Ünal / Fotostudio 東京 & שלום GmbH / Hauptstraße 5 / Hinterhaus / \
                  10115 Berlin / Germany / +49 30 1234567";
    let hostile = format!("{} / W{}", "Very long name ".repeat(9), "W".repeat(90));
    let slip = PackingSlip {
        job_id: "4K7PQ2XB".to_owned(),
        job_type: "Import".to_owned(),
        account: "fotostudio".to_owned(),
        device_id: "WD-WCC4N1XZ98".to_owned(),
        created: "2026-01-01 00:00 UTC".to_owned(),
        erases: true,
        ship_to: Some(lines(facility)),
        return_to: lines(sender),
    };
    print("slip.pdf", slip.print()?.pdf)?;
    let strange = PackingSlip {
        job_id: "WWWWWWWW".to_owned(),
        ship_to: None,
        account: "a".repeat(200),
        device_id: "Ẑ̵̢̛͍̖̘a̸̛̱͙l̷g̸o".repeat(20),
        return_to: [lines(&hostile), lines(sender), lines(&hostile)].concat(),
        ..slip
    };
    print("slip-strange.pdf", strange.print()?.pdf)?;
    let ids = [
        "4K7PQ2XB", "WWWWWWWW", "11111111", "ABCDEFGH", "9Z8Y7X6V", "1A2B3C4D",
    ];
    for count in [1, 2, 6] {
        let label = ShippingLabel {
            job_ids: ids.iter().take(count).map(|id| (*id).to_owned()).collect(),
            ship_to: lines(facility),
            sender: lines(sender),
        };
        print(&format!("label-{count}.pdf"), label.print()?.pdf)?;
    }
    let strange = ShippingLabel {
        job_ids: vec!["4K7PQ2XB".to_owned()],
        ship_to: lines(&format!("{hostile} / {facility}")),
        sender: lines(&format!("{hostile} / กรุงเทพ / القاهرة شارع ٥")),
    };
    print("label-strange.pdf", strange.print()?.pdf)?;
    Ok(())
}
