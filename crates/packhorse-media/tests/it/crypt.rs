//! Encrypted volumes, made by qemu-img, cryptsetup and tcplay: opened with the password and with no
//! other, whatever their headers say.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use packhorse_core::secret::Secret;
use packhorse_media::{Device, MediaError, Unlock, open_device, open_device_with};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::images::{embed, make, read_at, run, write_at};
use crate::tree::{compare, pattern};

const MIB: u64 = 1024 * 1024;
const PASSWORD: &str = "sword fish π";
/// Derivations that take no time, as no real volume has them.
const QUICK: [&str; 6] = [
    "--pbkdf-memory",
    "64",
    "--pbkdf-force-iterations",
    "4",
    "--pbkdf-parallel",
    "1",
];

fn with(password: &str) -> Unlock {
    Unlock {
        passwords: vec![Secret::new("not this one"), Secret::new(password)],
        ..Unlock::default()
    }
}

fn open(image: &Path, password: &str) -> Result<Device, MediaError> {
    open_device_with(image, &with(password))
}

/// A folder to work in, a tree, and an image of it.
struct Sample {
    dir: TempDir,
    tree: PathBuf,
    plain: PathBuf,
}

impl Sample {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/large"), pattern(1, 2_000_000)).unwrap();
        fs::write(tree.join("small"), pattern(2, 4097)).unwrap();
        let plain = dir.path().join("plain");
        make(&plain, 6 * MIB, &tree, "-t ext4 -b 1024");
        fs::write(dir.path().join("password"), PASSWORD).unwrap();
        fs::write(dir.path().join("second"), "the second").unwrap();
        Self { dir, tree, plain }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// LUKS1, written by qemu from header to payload.
    fn luks1(&self, options: &str) -> PathBuf {
        let image = self.path("luks1");
        let secret = format!("secret,id=s,file={}", self.path("password"));
        let options = format!("key-secret=s,iter-time=10,{options}");
        let plain = self.plain.to_str().unwrap();
        let arguments = [
            "convert", "-f", "raw", "-O", "luks", "--object", &secret, "-o", &options, plain,
            &image,
        ];
        run("qemu-img", &arguments, "");
        image.into()
    }

    /// LUKS2: the header is cryptsetup's, the payload the one that qemu encrypted under the same key.
    fn luks2(&self, options: &[&str]) -> PathBuf {
        let first = self.luks1("cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64");
        let (first, image) = (first.to_str().unwrap().to_owned(), self.path("luks2"));
        let (key, password) = (self.path("key"), self.path("password"));
        let _ = fs::remove_file(&key);
        let dump = [
            "-q",
            "luksDump",
            "--dump-volume-key",
            "--volume-key-file",
            &key,
            "--key-file",
            &password,
            &first,
        ];
        run("cryptsetup", &dump, "");
        let payload = u64::from(u32::from_be_bytes(
            read_at(first.as_ref(), 104, 4).try_into().unwrap(),
        )) * 512;
        let payload = &fs::read(&first).unwrap()[payload as usize..];
        let offset = 16 * MIB;
        let file = fs::File::create(&image).unwrap();
        file.set_len(offset + payload.len() as u64).unwrap();
        let mut format = vec![
            "-q",
            "luksFormat",
            "--type",
            "luks2",
            "--sector-size",
            "512",
            "--volume-key-file",
            &key,
            "--key-size",
            "512",
            "--key-file",
            &password,
        ];
        format.extend(options);
        format.push(&image);
        run("cryptsetup", &format, "");
        write_at(image.as_ref(), offset, payload);
        image.into()
    }
}

fn check_same(sample: &Sample, device: &Device, encryption: &str) {
    assert_eq!(device.places()[0].encryption, Some(encryption));
    compare(&*device.volumes()[0], &sample.tree);
}

fn locked(result: Result<Device, MediaError>) -> String {
    match result {
        Err(MediaError::Locked(what)) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn luks1_of_other_hands_is_read_in_its_ciphers() {
    for options in [
        "cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64,hash-alg=sha256",
        "cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=sha1",
        "cipher-alg=serpent-256,cipher-mode=xts,ivgen-alg=plain64,hash-alg=ripemd160",
        "cipher-alg=twofish-256,cipher-mode=xts,ivgen-alg=plain,hash-alg=sha512",
    ] {
        let sample = Sample::new();
        let image = sample.luks1(options);
        check_same(&sample, &open(&image, PASSWORD).unwrap(), "LUKS1");
        assert!(locked(open(&image, "wrong")).contains("LUKS1: the password given does not"));
        assert!(locked(open_device(&image)).contains("LUKS1: no password was given"));
    }
}

#[test]
fn luks2_is_read_with_each_of_its_passwords_and_from_its_second_header() {
    let sample = Sample::new();
    let image = sample.luks2(&[&["--pbkdf", "argon2id"][..], &QUICK[..]].concat());
    let (password, second) = (sample.path("password"), sample.path("second"));
    let place = image.to_str().unwrap().to_owned();
    for derivation in ["argon2i", "pbkdf2"] {
        let mut add = vec![
            "-q",
            "luksAddKey",
            "--key-file",
            &password,
            "--pbkdf",
            derivation,
        ];
        let rounds = ["--pbkdf-force-iterations", "1000"];
        add.extend(if derivation == "pbkdf2" {
            &rounds[..]
        } else {
            &QUICK[..]
        });
        let third = sample.path("third");
        fs::write(&third, derivation).unwrap();
        add.extend([place.as_str(), third.as_str()]);
        run("cryptsetup", &add, "");
    }
    fs::write(&second, "").unwrap();
    for password in [PASSWORD, "argon2i", "pbkdf2"] {
        check_same(&sample, &open(&image, password).unwrap(), "LUKS2");
    }
    locked(open(&image, "pbkdf3"));
    write_at(&image, 4096 + 30, b"?");
    check_same(&sample, &open(&image, PASSWORD).unwrap(), "LUKS2");
    // Of the first header not even the mark is left.
    write_at(&image, 0, &[0; 4096]);
    check_same(&sample, &open(&image, PASSWORD).unwrap(), "LUKS2");
    write_at(&image, 0, b"LUKS\xba\xbe\0\x02");
    write_at(&image, 16384 + 4096 + 30, b"?");
    let error = open(&image, PASSWORD).unwrap_err();
    assert!(error.to_string().contains("both copies"), "{error}");
}

#[test]
fn a_locked_partition_is_told_beside_the_readable_one() {
    let sample = Sample::new();
    let luks = sample.luks1("cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64");
    let disk = sample.dir.path().join("disk");
    fs::File::create(&disk).unwrap().set_len(32 * MIB).unwrap();
    let table = "label: gpt\nstart=2048, size=12288\nstart=16384, size=40960\n";
    run("sfdisk", &["-q", disk.to_str().unwrap()], table);
    embed(&disk, MIB, &sample.plain);
    embed(&disk, 8 * MIB, &luks);
    let device = open_device(&disk).unwrap();
    assert_eq!(device.volumes().len(), 1);
    assert!(device.unreadable()[0].is_locked);
    let identity = device.identity();
    let device = open(&disk, PASSWORD).unwrap();
    assert_eq!(device.volumes().len(), 2);
    assert_eq!(device.places()[1].encryption, Some("LUKS1"));
    compare(&*device.volumes()[1], &sample.tree);
    assert_ne!(device.identity(), identity);
}

#[test]
fn a_container_in_the_root_is_read_in_place_of_its_volume() {
    let sample = Sample::new();
    let luks = sample.luks1("cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64");
    let outer = sample.dir.path().join("outer");
    fs::create_dir(&outer).unwrap();
    fs::copy(&luks, outer.join("JOB.tc")).unwrap();
    fs::write(outer.join("SIGNATURE"), "beside it").unwrap();
    let image = sample.dir.path().join("carrier");
    make(&image, 24 * MIB, &outer, "-t ext4");
    let unlock = |password: &str| Unlock {
        containers: vec!["NONE.tc".to_owned(), "JOB.tc".to_owned()],
        ..with(password)
    };
    for place in [&image, &outer] {
        let device = open_device_with(place, &unlock(PASSWORD)).unwrap();
        check_same(&sample, &device, "LUKS1");
        let carrier = &*device.carriers()[0];
        let signature = packhorse_media::read_root_file(carrier, b"SIGNATURE", 100).unwrap();
        assert_eq!(signature.unwrap(), b"beside it");
        let error = locked(open_device_with(place, &unlock("wrong")));
        assert!(error.starts_with("JOB.tc: "), "{error}");
        // Without a password it is a file like any other.
        assert_eq!(open_device(place).unwrap().carriers().len(), 0);
    }
}

/// Headers that tcplay made under this password: eight ciphers and cascades, three digests.
#[test]
fn headers_of_truecrypt_are_understood_in_every_cipher_and_place() {
    let headers: &[u8] = include_bytes!("fixtures/truecrypt-headers");
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let size = 400 * 1024;
    for (number, header) in headers.chunks(512).enumerate() {
        // The volume's own place, that of a hidden one, and the copies of both.
        let places = [0, 64 * 1024, size - 128 * 1024, size - 64 * 1024];
        let place = places[number % 4];
        let mut bytes = pattern(number as u64 + 7, size);
        bytes[place..place + 512].copy_from_slice(header);
        fs::write(&image, bytes).unwrap();
        let unlock = |password| Unlock {
            passwords: vec![Secret::new(password)],
            time: Duration::from_secs(2),
            ..Unlock::default()
        };
        let error = open_device_with(&image, &unlock("swordfish")).unwrap_err();
        // What is inside was never written.
        let text = error.to_string();
        assert!(
            text.starts_with("unsupported format: TrueCrypt: "),
            "{number}: {text}"
        );
        let error = locked(open_device_with(
            &image,
            &Unlock {
                time: Duration::ZERO,
                ..unlock("wrong")
            },
        ));
        assert!(error.contains("within 0 seconds"), "{error}");
    }
}

/// Rewrites the text of both headers of LUKS2, and their sums with it.
fn rewrite(image: &Path, mut change: impl FnMut(String) -> String) {
    for place in [0u64, 16384] {
        let mut header = read_at(image, place, 16384);
        let end = header[4096..].iter().position(|byte| *byte == 0).unwrap();
        let text = String::from_utf8(header[4096..4096 + end].to_vec()).unwrap();
        let text = change(text);
        header[4096..].fill(0);
        header[4096..4096 + text.len()].copy_from_slice(text.as_bytes());
        header[448..512].fill(0);
        let sum = Sha256::digest(&header);
        header[448..480].copy_from_slice(&sum);
        write_at(image, place, &header);
    }
}

/// A small volume of LUKS2 without any file system in it.
fn small_luks2() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    fs::File::create(&image).unwrap().set_len(17 * MIB).unwrap();
    let password = dir.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    let mut format = vec!["-q", "luksFormat", "--type", "luks2", "--pbkdf", "argon2id"];
    format.extend(QUICK);
    format.extend([
        "--key-file",
        password.to_str().unwrap(),
        image.to_str().unwrap(),
    ]);
    run("cryptsetup", &format, "");
    (dir, image)
}

#[test]
fn what_luks2_may_not_ask_for_is_refused_at_once() {
    let (_dir, image) = small_luks2();
    let original = read_at(&image, 0, 32768);
    for (from, to, expected) in [
        (
            r#""memory":64"#,
            r#""memory":4294967295"#,
            "station.unlock_memory_bytes",
        ),
        (r#""time":4"#, r#""time":4294967295"#, "passes of Argon2"),
        (r#""cpus":1"#, r#""cpus":0"#, "cannot be"),
        (r#""stripes":4000"#, r#""stripes":0"#, "0 stripes"),
        (r#""stripes":4000"#, r#""stripes":4294967295"#, "stripes"),
        (
            r#""offset":"32768""#,
            r#""offset":"99999744""#,
            "beyond the end",
        ),
        (
            r#""offset":"32768""#,
            r#""offset":"18446744073709551615""#,
            "lies on no disk",
        ),
        (
            r#""key_size":64"#,
            r#""key_size":18446744073709551615"#,
            "bytes",
        ),
        (r#""type":"crypt""#, r#""type":"linear""#, "segment of type"),
        (r#""sector_size":512"#, r#""sector_size":7"#, "sectors of 7"),
        (
            r#""sector_size":4096"#,
            r#""sector_size":0"#,
            "sectors of 0",
        ),
        (
            r#""size":"dynamic""#,
            r#""size":"99999744""#,
            "beyond the end",
        ),
        (r#""offset":"16777216""#, r#""offset":"0""#, "detached"),
        (
            "aes-xts-plain64",
            "xchacha20,aes-adiantum-plain64",
            "adiantum",
        ),
        ("{", "[[[[[[[[[[[[[[[[[[[[", "cannot be read"),
        (
            r#""keyslots":{"#,
            r#""keyslots":{},"other":{"#,
            "no key slot",
        ),
    ] {
        write_at(&image, 0, &original);
        let mut is_there = false;
        rewrite(&image, |text| {
            is_there |= text.contains(from);
            match from {
                "{" => to.repeat(500),
                from => text.replace(from, to),
            }
        });
        if !is_there {
            continue; // Sectors are of one size or the other.
        }
        let begun = Instant::now();
        let error = open(&image, PASSWORD).unwrap_err().to_string();
        assert!(error.contains(expected), "{from} {to}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{to}");
    }
}

#[test]
fn what_luks1_may_not_say_is_refused_at_once() {
    let sample = Sample::new();
    let image = sample.luks1("cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64");
    let original = read_at(&image, 0, 592);
    for (at, bytes, expected) in [
        (6, &[0, 3][..], "version 3"),
        (8, b"blowfish", "blowfish"),
        (8, &[0xff; 8], "not readable"),
        (72, b"md5\0\0\0\0", "md5"),
        (104, &[0; 4], "detached"),
        (108, &[0xff; 4], "bytes"),
        (164, &[0xff; 4], "rounds"),
        (208, &[0; 4], "no key slot"),
        (212, &[0xff; 4], "rounds of PBKDF2"),
        (212, &[0; 4], "no rounds"),
        (248, &[0xff; 4], "beyond the end"),
        (252, &[0; 4], "0 stripes"),
        (252, &[0xff; 4], "stripes"),
    ] {
        write_at(&image, 0, &original);
        write_at(&image, at, bytes);
        let begun = Instant::now();
        let error = open(&image, PASSWORD).unwrap_err().to_string();
        assert!(error.contains(expected), "{at}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{at}");
    }
}

#[test]
fn headers_of_luks_with_flipped_bits_are_read_to_an_end() {
    let sample = Sample::new();
    let luks1 = sample.luks1("cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64");
    let (_dir, luks2) = small_luks2();
    for (image, length, is_text) in [(luks1, 592, false), (luks2, 4096 + 1200, true)] {
        let original = read_at(&image, 0, 32768);
        for number in 0..40u64 {
            let choice = pattern(number + 1, 9);
            let choice = u64::from_le_bytes(choice[..8].try_into().unwrap()) as usize;
            // In LUKS2 the text is what says something, and its sum is made right again.
            let (at, bit) = match is_text {
                true => (4096 + choice % (length - 4096), choice >> 60 & 7),
                false => (choice % length, choice >> 60 & 7),
            };
            write_at(&image, at as u64, &[original[at] ^ 1 << bit]);
            if is_text && original[at] ^ 1 << bit != 0 {
                let mut header = read_at(&image, 0, 16384);
                header[448..512].fill(0);
                let sum = Sha256::digest(&header);
                write_at(&image, 448, &sum);
                // The newer of two counts.
                write_at(&image, 16384, &[0; 8]);
            }
            let unlock = Unlock {
                memory_bytes: 64 * MIB,
                time: Duration::from_secs(5),
                ..with(PASSWORD)
            };
            let begun = Instant::now();
            let _ = open_device_with(&image, &unlock);
            assert!(begun.elapsed() < Duration::from_secs(60), "{at} {bit}");
            write_at(&image, 0, &original);
        }
    }
}
