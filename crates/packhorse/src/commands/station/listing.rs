//! `packhorse station ls` and `station cat`: looking at a device without mounting it.

use std::ops::ControlFlow;

use anyhow::{Context as _, bail};
use packhorse_core::ledger::{EntryKind, printable_path};
use packhorse_media::{Entry, Volume};
use serde::Serialize;

use super::Context;
use super::place::{Chosen, Place, choose};
use super::unlock::UnlockArgs;
use crate::exit::Exit;
use crate::output::{self, Hint, OutputArgs, table};

/// Bytes read at a time.
const PIECE_BYTES: usize = 1024 * 1024;

/// List a folder on a device, without mounting it
///
/// DEVICE is a folder, image file or block device; PATH a folder or file on it, the root without one.
/// A folder that holds no file is not shown: only files become objects. On a device with several
/// volumes paths begin with volume1/, volume2/, as keys do.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station ls /dev/sdb
  packhorse station ls disk.img:photos/2009 --output json
  packhorse station ls disk.img --recursive --limit 100000
  packhorse station ls /dev/sdb --unlock-from prompt")]
pub(super) struct LsArgs {
    /// What to list
    #[arg(value_name = "DEVICE[:PATH]")]
    place: Place,
    /// List what lies in the folders below, too
    #[arg(long, short)]
    recursive: bool,
    /// Show at most so many entries
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    limit: u64,
    #[command(flatten)]
    unlock: UnlockArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Write the bytes of a file on a device to standard output, without mounting it
///
/// On a terminal control characters are spelt out.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station cat /dev/sdb:SIGNATURE
  packhorse station cat disk.img:photos/2009/a.jpg > a.jpg
  packhorse station cat disk.img:log.txt --limit 1000")]
pub(super) struct CatArgs {
    /// The file
    #[arg(value_name = "DEVICE:PATH")]
    place: Place,
    /// Write at most so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    #[command(flatten)]
    unlock: UnlockArgs,
}

#[derive(Serialize)]
struct Line {
    path: String,
    kind: &'static str,
    size: Option<u64>,
    modified: Option<String>,
    problem: Option<String>,
}

pub(super) fn ls(args: &LsArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let mut lines = Lines {
        found: Vec::new(),
        limit: args.limit,
        is_cut: false,
    };
    let config = ctx.config()?.station;
    for chosen in choose(&args.place, args.unlock.unlock(&config)?, &config)? {
        list(&chosen, args.recursive, &mut lines)?;
        if lines.is_cut {
            break;
        }
    }
    if lines.found.is_empty() && !args.place.path.is_empty() {
        bail!("there is no file at or below {:?}", args.place.path);
    }
    output::print(args.output.output, &lines.found, |found| text(found))?;
    if lines.is_cut {
        output::say(&format!(
            "only {} entries are shown; see --limit",
            args.limit
        ));
    }
    Ok(Exit::Success)
}

/// What is shown so far.
struct Lines {
    found: Vec<Line>,
    limit: u64,
    is_cut: bool,
}

impl Lines {
    fn add(&mut self, line: Line) -> ControlFlow<()> {
        // What lies in one folder comes in one piece.
        if self
            .found
            .last()
            .is_some_and(|last| last.path == line.path && last.kind == "folder")
        {
            return ControlFlow::Continue(());
        }
        if self.found.len() as u64 >= self.limit {
            self.is_cut = true;
            return ControlFlow::Break(());
        }
        self.found.push(line);
        ControlFlow::Continue(())
    }
}

fn list(chosen: &Chosen, recursive: bool, lines: &mut Lines) -> anyhow::Result<()> {
    let wanted = chosen.path.as_bytes();
    let mut each = |entry: Entry| {
        let Some(inner) = below(&entry.path, wanted) else {
            return ControlFlow::Continue(());
        };
        let folder = inner
            .iter()
            .position(|byte| *byte == b'/')
            .filter(|_| !recursive);
        lines.add(match folder {
            Some(end) => {
                let length = entry.path.len() - inner.len() + end;
                let path = entry.path.get(..length).unwrap_or_default();
                Line {
                    path: format!("{}{}/", chosen.folder, printable_path(path)),
                    kind: "folder",
                    size: None,
                    modified: None,
                    problem: None,
                }
            }
            None => Line {
                path: format!("{}{}", chosen.folder, printable_path(&entry.path)),
                kind: word(entry.kind),
                size: (entry.kind == EntryKind::File).then_some(entry.size),
                modified: entry.modified.map(|at| at.to_string()),
                problem: entry.problem.map(|problem| problem.code),
            },
        })
    };
    chosen.volume.walk(&mut each).context("list the device")
}

/// What of `path` lies below `folder`; the name itself when `folder` is the path.
fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(folder)? {
        [] => Some(&[]),
        [b'/', inner @ ..] => Some(inner),
        _ => None,
    }
}

fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "folder",
        EntryKind::Symlink => "link",
        EntryKind::Fifo => "pipe",
        EntryKind::Socket => "socket",
        EntryKind::CharacterDevice | EntryKind::BlockDevice => "device node",
        EntryKind::Other => "other",
    }
}

fn text(found: &[Line]) -> String {
    let rows: Vec<_> = found
        .iter()
        .map(|line| {
            let note = line.problem.clone().unwrap_or_else(|| match line.kind {
                "file" | "folder" => String::new(),
                other => other.to_owned(),
            });
            [
                line.size.map_or_else(String::new, |size| size.to_string()),
                line.modified.clone().unwrap_or_default(),
                line.path.clone(),
                note,
            ]
        })
        .collect();
    table(["BYTES", "MODIFIED", "PATH", ""], &rows)
}

pub(super) fn cat(args: &CatArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let config = ctx.config()?.station;
    let chosen = choose(&args.place, args.unlock.unlock(&config)?, &config)?;
    let [chosen] = chosen.as_slice() else {
        bail!("no file is named");
    };
    if chosen.path.is_empty() {
        return Err(anyhow::anyhow!("no file is named").context(Hint(
            "put a colon and the file's path behind the device: disk.img:SIGNATURE".into(),
        )));
    }
    let path = chosen.path.as_bytes();
    let entry = find(chosen.volume.as_ref(), path)?
        .with_context(|| format!("there is no {:?} on the device", chosen.path))?;
    if entry.kind != EntryKind::File {
        bail!("{:?} is no file: {}", chosen.path, word(entry.kind));
    }
    if let Some(problem) = &entry.problem {
        bail!("{:?} cannot be read: {}", chosen.path, problem.code);
    }
    let mut file = chosen.volume.open(&entry)?;
    let end = entry.size.min(args.limit);
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX);
        let part = piece.get_mut(..length.min(PIECE_BYTES)).unwrap_or_default();
        let read = file
            .read_at(at, part)
            .with_context(|| format!("read {:?} from byte {at} on", chosen.path))?;
        if read == 0 {
            break;
        }
        output::foreign(part.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    file.finish()?;
    Ok(Exit::Success)
}

/// Finds a file: in the root at once, further in by a walk.
fn find(volume: &dyn Volume, path: &[u8]) -> anyhow::Result<Option<Entry>> {
    if !path.contains(&b'/') {
        return Ok(volume.root_entry(path)?);
    }
    let mut found = None;
    volume.walk(&mut |entry| match entry.path == path {
        true => {
            found = Some(entry);
            ControlFlow::Break(())
        }
        false => ControlFlow::Continue(()),
    })?;
    Ok(found)
}
