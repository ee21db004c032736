//! What goes into the parcel: links to the documents of a job.

use maud::{Markup, html};
use packhorse_store::{AccessKey, Job};

use crate::artifacts;
use crate::console::Console;

/// The links; nothing when no parcel is expected any more.
pub(super) fn links(console: &Console, key: &AccessKey, job: &Job) -> Markup {
    let context = &console.context;
    let artifacts = artifacts::list(context, key, job);
    if artifacts.is_empty() {
        return html! {};
    }
    let address = context.settings.facility.as_ref();
    let address = address.map(|facility| facility.address_for(job.id.as_str()));
    // The browser is at this server already, by whatever name.
    let here = |url: &str| {
        url.strip_prefix(&context.settings.public_url)
            .map(str::to_owned)
    };
    html! {
        section.card aria-labelledby="papers" {
            h2 #papers { "Prepare the parcel" }
            ul.papers {
                @for artifact in &artifacts {
                    @let (name, what) = named(&artifact.description);
                    li {
                        a.button href=(here(&artifact.url).unwrap_or_else(|| artifact.url.clone())) {
                            (name)
                        }
                        span { (what) }
                    }
                }
            }
            @if let Some(address) = address {
                h3 { "Send it to" }
                address { @for line in address.lines() { (line) br; } }
            }
        }
    }
}

/// `Name (PDF): what to do with it`.
fn named(description: &str) -> (&str, &str) {
    description.split_once(": ").unwrap_or((description, ""))
}
