//! What a disk says of itself: serial number, model, bus. Read from the kernel's own files, so that no
//! right to the device is needed.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

/// Longest text of such a file that is looked at.
const TEXT_BYTES_MAX: u64 = 4096;
/// Folders above a disk's own that may be its USB or MMC device.
const ANCESTORS_MAX: usize = 12;
/// Size in the kernel's files is counted in these, whatever the disk's sectors.
const SIZE_UNIT_BYTES: u64 = 512;
/// Where the length and the text of a SCSI serial number (vital product data, page 80h) begin.
const PAGE_80_LENGTH_AT: usize = 3;
const PAGE_80_TEXT_AT: usize = 4;

/// A disk as its maker and the kernel describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hardware {
    /// As on its label.
    pub serial: Option<String>,
    /// Maker and model.
    pub model: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// How it is connected: `usb`, `sata`, `nvme`, `mmc`, `scsi` or `virtio`.
    pub bus: Option<&'static str>,
}

impl Hardware {
    /// Of the block device at `path`; `None` when it is none or the kernel knows nothing of it. `root`
    /// is where `/sys` and `/run` are: `/`.
    pub fn of(path: &Path, root: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let number = metadata.rdev();
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        let is_disk = metadata.file_type().is_block_device();
        is_disk.then(|| Self::of_number(major, minor, root))?
    }

    /// Of the block device with this number; a partition counts as its disk.
    pub fn of_number(major: u32, minor: u32, root: &Path) -> Option<Self> {
        let link = root.join(format!("sys/dev/block/{major}:{minor}"));
        let mut folder = link.canonicalize().ok()?;
        if folder.join("partition").exists() {
            folder.pop();
        }
        let device = folder.join("device").canonicalize().ok();
        let device = device.as_deref().unwrap_or(&folder);
        let number = text(&folder.join("dev"));
        let udev = number.and_then(|number| text(&root.join(format!("run/udev/data/b{number}"))));
        let property = |name: &str| property(udev.as_deref()?, name);
        let ancestor = |name: &str| {
            let above = device.ancestors().take(ANCESTORS_MAX);
            let mut found = above.filter(|folder| folder.join("idVendor").exists());
            found.next().and_then(|usb| text(&usb.join(name)))
        };
        let serial = text(&folder.join("serial"))
            .or_else(|| text(&device.join("serial")))
            .or_else(|| page_80(&device.join("vpd_pg80")))
            .or_else(|| property("ID_SERIAL_SHORT"))
            .or_else(|| ancestor("serial"));
        let model = text(&device.join("model")).or_else(|| property("ID_MODEL"));
        let vendor = text(&device.join("vendor")).filter(|vendor| {
            // ATA disks have the translator's name there, virtual ones a number.
            vendor != "ATA" && !vendor.starts_with("0x")
        });
        let name = text(&device.join("name")); // memory cards
        let size = text(&folder.join("size")).and_then(|size| size.parse::<u64>().ok());
        Some(Self {
            serial,
            model: match (vendor, model.or(name)) {
                (Some(vendor), Some(model)) => Some(format!("{vendor} {model}")),
                (vendor, model) => model.or(vendor),
            },
            size: size.and_then(|size| size.checked_mul(SIZE_UNIT_BYTES)),
            bus: bus(&folder),
        })
    }
}

/// Names of disks that no parcel holds: in memory, loops, and those put together of others.
const NOT_SHIPPED: [&str; 6] = ["loop", "ram", "zram", "dm-", "md", "nbd"];

/// The disks of this machine, as paths below `/dev`. `root` is where `/sys` is: `/`.
pub fn disks(root: &Path) -> Vec<PathBuf> {
    disk_names(root).iter().map(|name| node(name)).collect()
}

/// Those of them that have a medium and that nothing uses: neither they nor their partitions are
/// mounted, or part of another disk.
pub(crate) fn idle_disks(root: &Path) -> Vec<PathBuf> {
    let Some(mounted) = mounted(root) else {
        return Vec::new();
    };
    let is_idle = |name: &String| {
        let folder = root.join("sys/block").join(name);
        let has_medium = text(&folder.join("size")).is_some_and(|size| size != "0");
        has_medium
            && parts(&folder, name)
                .iter()
                .all(|part| is_unused(part, &mounted))
    };
    let names = disk_names(root).into_iter().filter(is_idle);
    names.map(|name| node(&name)).collect()
}

/// Whether the block device with this number, its disk or a partition of it is mounted or part of
/// another disk. So it is taken to be where the kernel does not tell.
pub(crate) fn is_in_use(number: u64, root: &Path) -> bool {
    let Some(mounted) = mounted(root) else {
        return true;
    };
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let link = root.join(format!("sys/dev/block/{major}:{minor}"));
    let Ok(folder) = link.canonicalize() else {
        return true;
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !parts(&folder, &name)
        .iter()
        .all(|part| is_unused(part, &mounted))
}

/// Counts the disks that ever had this number, so that one that was plugged in later is told from the
/// one before.
pub(crate) fn sequence(number: u64, root: &Path) -> Option<String> {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let link = root.join(format!("sys/dev/block/{major}:{minor}"));
    let mut folder = link.canonicalize().ok()?;
    if folder.join("partition").exists() {
        folder.pop();
    }
    text(&folder.join("size")).filter(|size| size != "0")?;
    Some(text(&folder.join("diskseq")).unwrap_or_default())
}

fn disk_names(root: &Path) -> Vec<String> {
    let listed = fs::read_dir(root.join("sys/block")).into_iter().flatten();
    let mut names: Vec<_> = listed
        .filter_map(|disk| disk.ok()?.file_name().into_string().ok())
        .filter(|name| !NOT_SHIPPED.iter().any(|kind| name.starts_with(kind)))
        .collect();
    names.sort();
    names
}

/// The kernel writes a slash of a device's name as an exclamation mark.
fn node(name: &str) -> PathBuf {
    Path::new("/dev").join(name.replace('!', "/"))
}

/// A disk's folder and those of its partitions.
fn parts(folder: &Path, name: &str) -> Vec<PathBuf> {
    let within = fs::read_dir(folder).into_iter().flatten();
    let within = within.filter_map(|entry| Some(entry.ok()?.path()));
    let is_part = |path: &PathBuf| {
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        own.starts_with(name) && path.join("partition").exists()
    };
    std::iter::once(folder.to_owned())
        .chain(within.filter(is_part))
        .collect()
}

fn is_unused(part: &Path, mounted: &[String]) -> bool {
    let held = fs::read_dir(part.join("holders"));
    let is_held = held.is_ok_and(|mut holders| holders.next().is_some());
    let number = text(&part.join("dev")).unwrap_or_default();
    !is_held && !mounted.contains(&number)
}

/// The numbers of all that is mounted, or swapped to; `None` where `/proc` does not tell.
fn mounted(root: &Path) -> Option<Vec<String>> {
    let table = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let numbers = table.lines().filter_map(|line| line.split(' ').nth(2));
    // A kernel without swap has no such file.
    let swaps = fs::read_to_string(root.join("proc/swaps")).unwrap_or_default();
    let swapped = swaps.lines().skip(1).filter_map(|line| {
        let path = line.split_whitespace().next()?;
        let number = fs::metadata(path).ok()?.rdev();
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        Some(format!("{major}:{minor}"))
    });
    Some(numbers.map(str::to_owned).chain(swapped).collect())
}

/// From the folders that the kernel puts a disk into.
fn bus(folder: &Path) -> Option<&'static str> {
    let names: Vec<_> = folder.components().filter_map(name).collect();
    let has = |prefix: &str| {
        let mut numbered = names.iter().filter_map(|name| name.strip_prefix(prefix));
        numbered.any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let buses = [
        ("usb", "usb"),
        ("nvme", "nvme"),
        ("mmc", "mmc"),
        ("virtio", "virtio"),
        ("ata", "sata"),
        ("host", "scsi"),
    ];
    buses.iter().find(|(prefix, _)| has(prefix)).map(|it| it.1)
}

fn name(component: Component<'_>) -> Option<&str> {
    match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}

/// A line, without what a terminal must not see.
fn text(path: &Path) -> Option<String> {
    let bytes = bytes(path)?;
    let text = String::from_utf8_lossy(&bytes);
    // udev's database has several lines; their ends are kept.
    let kept: String = text
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

fn page_80(path: &Path) -> Option<String> {
    let bytes = bytes(path)?;
    let length = usize::from(*bytes.get(PAGE_80_LENGTH_AT)?);
    let serial = bytes.get(PAGE_80_TEXT_AT..)?;
    let serial = serial.get(..length.min(serial.len()))?;
    plain(&String::from_utf8_lossy(serial))
}

/// A property of udev's database: lines `E:NAME=VALUE`.
fn property(database: &str, name: &str) -> Option<String> {
    let mut lines = database.lines().filter_map(|line| line.strip_prefix("E:"));
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    plain(value)
}

fn plain(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !c.is_control()).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(TEXT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree in the shape of a real one, with these files.
    fn tree(disk: &str, number: &str, files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &[u8]| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put(&format!("{disk}/dev"), number.as_bytes());
        for (path, content) in files {
            put(path, content);
        }
        let links = root.path().join("sys/dev/block");
        fs::create_dir_all(&links).unwrap();
        symlink(root.path().join(disk), links.join(number)).unwrap();
        root
    }

    fn found(root: &tempfile::TempDir, major: u32, minor: u32) -> Hardware {
        Hardware::of_number(major, minor, root.path()).unwrap()
    }

    #[test]
    fn a_disk_on_usb_is_described_by_its_bridge() {
        let usb = "sys/devices/pci0000:00/0000:00:14.0/usb2/2-1";
        let scsi = format!("{usb}/2-1:1.0/host6/target6:0:0/6:0:0:0");
        let disk = format!("{scsi}/block/sdb");
        let file = |folder: &str, name: &str| format!("{folder}/{name}");
        let root = tree(
            &disk,
            "8:16",
            &[
                (&file(&scsi, "vendor"), b"WD      \n"),
                (&file(&scsi, "model"), b"Elements 25A3   \n"),
                (&file(usb, "idVendor"), b"1058\n"),
                (&file(usb, "serial"), b"575833314435\n"),
                (&file(&disk, "size"), b"7813969920\n"),
            ],
        );
        symlink("../..", root.path().join(&disk).join("device")).unwrap();
        let expected = Hardware {
            serial: Some("575833314435".to_owned()),
            model: Some("WD Elements 25A3".to_owned()),
            size: Some(4_000_752_599_040),
            bus: Some("usb"),
        };
        assert_eq!(found(&root, 8, 16), expected);
        // The serial number of the disk itself comes before the bridge's.
        let page = root.path().join(&scsi).join("vpd_pg80");
        fs::write(page, b"\0\x80\0\x0e    WX31D45678  ").unwrap();
        assert_eq!(found(&root, 8, 16).serial.as_deref(), Some("WX31D45678"));
        // A partition is a part of its disk.
        let partition = root.path().join(&disk).join("sdb1");
        fs::create_dir(&partition).unwrap();
        fs::write(partition.join("partition"), "1").unwrap();
        symlink(partition, root.path().join("sys/dev/block/8:17")).unwrap();
        assert_eq!(found(&root, 8, 17).serial.as_deref(), Some("WX31D45678"));
        assert_eq!(Hardware::of_number(8, 32, root.path()), None);
    }

    #[test]
    fn a_disk_that_is_mounted_or_empty_is_not_idle() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        for (name, number, size) in [("sda", "8:0", "2048"), ("sdb", "8:16", "2048")] {
            put(&format!("sys/block/{name}/dev"), number);
            put(&format!("sys/block/{name}/size"), size);
        }
        put("sys/block/sdc/size", "0");
        put("sys/block/loop0/size", "8");
        put("sys/block/sda/sda1/dev", "8:1");
        put("sys/block/sda/sda1/partition", "1");
        put(
            "proc/self/mountinfo",
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
        );
        assert_eq!(idle_disks(root.path()), [Path::new("/dev/sdb")]);
        put("sys/block/sdb/holders/dm-0", "");
        assert!(idle_disks(root.path()).is_empty());
        let all = [
            Path::new("/dev/sda"),
            Path::new("/dev/sdb"),
            Path::new("/dev/sdc"),
        ];
        assert_eq!(disks(root.path()), all);
    }

    #[test]
    fn sata_and_nvme_disks_are_described() {
        let scsi = "sys/devices/pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0";
        let disk = format!("{scsi}/block/sda");
        let root = tree(
            &disk,
            "8:0",
            &[
                (&format!("{scsi}/vendor"), b"ATA     \n"),
                (&format!("{scsi}/model"), b"ST4000DM004-2CV1\n"),
                (
                    "run/udev/data/b8:0",
                    b"S:disk/by-id/x\nE:ID_SERIAL=y\nE:ID_SERIAL_SHORT=WFN1A2B3\n",
                ),
            ],
        );
        symlink("../..", root.path().join(&disk).join("device")).unwrap();
        let sata = found(&root, 8, 0);
        assert_eq!(sata.serial.as_deref(), Some("WFN1A2B3"));
        assert_eq!(sata.model.as_deref(), Some("ST4000DM004-2CV1"));
        assert_eq!((sata.bus, sata.size), (Some("sata"), None));

        let nvme = "sys/devices/pci0000:00/0000:00:1d.0/0000:3d:00.0/nvme/nvme0";
        let disk = format!("{nvme}/nvme0n1");
        let serial = format!("{nvme}/serial");
        let root = tree(&disk, "259:0", &[(&serial, b"S4EWNX0N123456     \n")]);
        symlink("..", root.path().join(&disk).join("device")).unwrap();
        let nvme = found(&root, 259, 0);
        assert_eq!(nvme.serial.as_deref(), Some("S4EWNX0N123456"));
        assert_eq!(nvme.bus, Some("nvme"));
    }
}
