"""Disks for the tests: folders of awkward files, and images of them."""

import os
import random
import shutil
import subprocess
from pathlib import Path

MIB = 1 << 20
ENVIRONMENT = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}

# Names that have broken somebody's uploader before. All are UTF-8 and legal S3 keys.
AWKWARD_NAMES = [
    "plain.txt",
    "with blank.txt",
    " leading and trailing ",
    "plus+plus.txt",
    "percent%41%.txt",
    "question?and#hash.txt",
    "amp&equals=.txt",
    "comma,\"quote\".csv",
    "it's.txt",
    "back\\slash.txt",
    "-dash",
    ".hidden",
    "..almost-parent",
    "...",
    "a:b|c*d<e>.txt",
    "semi;colon.txt",
    "tilde~$dollar!.txt",
    "(round)[square]{curly}.txt",
    "caf\u00e9-composed.txt",
    "cafe\u0301-decomposed.txt",
    "\u65e5\u672c\u8a9e.txt",
    "\U0001f40e\U0001f4e6.txt",
    "\u202eright-to-left.txt",
    "zero\u200bwidth.txt",
    "@at^caret`tick.txt",
    "UPPER.TXT",
    "upper.txt",
    "no-extension",
    "import-log-like",
    "x" * 255,
]


def write(path, content):
    """Writes a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def awkward_tree(folder, seed=1):
    """A small folder with awkward names, nesting, an empty file, a gzip and exact part sizes."""
    random_bytes = random.Random(seed).randbytes
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(AWKWARD_NAMES):
        write(folder / "names" / name, f"{number} {name}\n".encode())
    write(folder / "empty", b"")
    write(folder / "one-byte", b"x")
    write(folder / "sub" / "SIGNATURE", b"not the one in the root\n")
    write(folder / "photo.JPG", random_bytes(4097))
    write(folder / "page.html", b"<p>hello</p>\n")
    write(folder / "page2.html.gz", bytes([0x1F, 0x8B, 8]) + random_bytes(60))
    deep = folder / "deep" / "/".join(f"level{level}" for level in range(40))
    write(deep / "bottom.txt", b"deep\n")
    write(folder / "five-mib.bin", random_bytes(5 * MIB))
    write(folder / "eight-mib.bin", random_bytes(8 * MIB))
    write(folder / "sixteen-mib-and-one.bin", random_bytes(16 * MIB + 1))
    with open(folder / "sparse.bin", "wb") as file:
        file.seek(6 * MIB)
        file.write(b"after the hole")
        file.truncate(9 * MIB + 5)
    (folder / "empty-folder").mkdir()
    return folder


def many_small(folder, count, seed=2, largest=8192):
    """`count` files of 0 to `largest` bytes in folders of a hundred."""
    generator = random.Random(seed)
    for number in range(count):
        path = folder / f"d{number // 100:03}" / f"file {number:05}.dat"
        if number % 100 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(generator.randbytes(generator.randrange(largest + 1)))
    return folder


def large_file(path, size, seed=3):
    """One file of `size` bytes that no compression or repetition can hide."""
    generator = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        while size > 0:
            piece = generator.randbytes(min(size, 4 * MIB))
            file.write(piece)
            size -= len(piece)
    return path


def tool(*command, **options):
    """Runs a tool of the system, quietly."""
    done = subprocess.run(
        list(map(str, command)), env=ENVIRONMENT, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def image(folder, path, kind="ext4", size_mib=None, options=()):
    """A file-system image holding a folder, made without mounting anything."""
    if size_mib is None:
        used = sum(f.lstat().st_size for f in Path(folder).rglob("*") if f.is_file())
        count = sum(1 for _ in Path(folder).rglob("*"))
        size_mib = max(16, int(used / MIB * 1.15) + count // 100 + 16)
    path.unlink(missing_ok=True)
    tool("mke2fs", "-q", "-t", kind, "-d", folder, *options, path, f"{size_mib}M")
    return path


def partitioned(file_system, path, label="gpt"):
    """A whole disk: a partition table with one Linux partition that holds the image."""
    start = 2048  # sectors: partitions begin at 1 MiB
    sectors = file_system.stat().st_size // 512
    with open(path, "wb") as disk:
        disk.truncate((start + sectors) * 512 + MIB)
    kind = "linux" if label == "gpt" else "83"
    script = f"label: {label}\nstart={start}, size={sectors}, type={kind}\n"
    tool("sfdisk", "--quiet", path, input=script)
    tool(
        "dd", f"if={file_system}", f"of={path}", "bs=1M", "seek=1", "conv=notrunc,sparse",
        "status=none",
    )
    return path


def debugfs(path, *requests):
    """Changes an ext image the way only damage or root could."""
    for request in requests:
        tool("debugfs", "-w", "-R", request, path)


def block_numbers(path, name):
    """The blocks that a file or directory of an ext image occupies."""
    return [int(word) for word in tool("debugfs", "-R", f"blocks {name}", path).split()]


def copy(source, target):
    """A copy of a folder, links and times as they are."""
    return Path(shutil.copytree(source, target, symlinks=True))
