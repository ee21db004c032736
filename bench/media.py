"""How fast devices are read: large and small files of each file system beside the kernel or FUSE on
the same image, and the listing of very many entries.

The images are made by the systems' own tools. Every number is a process of its own, after the image
was dropped from the page cache; the median of the turns counts. The kernel's ext4 needs root and a
loop device, ntfs-3g needs FUSE; where one is missing, the plain reading of the image stands alone.
Prints tables; writes bench/out/media.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "target" / "release" / "examples" / "bench_media"
OUT = ROOT / "bench" / "out"
ENVIRONMENT = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
MIB = 1 << 20


def run(*command, check=True):
    command = [str(part) for part in command]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"error: {' '.join(command)}: {done.stderr or done.stdout}")
    return done


def empty(image, size):
    with open(image, "wb") as file:
        file.truncate(size)


def make_ext4(image, folder, size, entries):
    empty(image, size)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-N", entries + 1000, "-d", folder, image)


def make_ntfs(image, folder, size, entries):
    empty(image, size)
    run("mkntfs", "-F", "-Q", "-q", image)
    archive = image.with_suffix(".wim")
    quiet = ("--compress=none", "--no-acls", "--quiet")
    run("wimlib-imagex", "capture", folder, archive, *quiet)
    run("wimlib-imagex", "apply", archive, "1", image, "--quiet")
    archive.unlink()


def make_fat32(image, folder, size, entries):
    empty(image, size)
    run("mkfs.fat", "-F", "32", image)
    run("mcopy", "-i", image, "-s", "-Q", *sorted(folder.iterdir()), "::")


def make_hfs(image, folder, size, entries):
    run("xorriso", "-as", "mkisofs", "-quiet", "-iso-level", "3", "-hfsplus", "-o", image, folder)


def make_iso(image, folder, size, entries):
    run("xorriso", "-as", "mkisofs", "-quiet", "-iso-level", "3", "-R", "-o", image, folder)


MAKERS = {
    "ext4": make_ext4,
    "NTFS": make_ntfs,
    "FAT32": make_fat32,
    "HFS+": make_hfs,
    "ISO 9660": make_iso,
}


def forget(image):
    """Drops the image from the page cache."""
    fd = os.open(image, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def ours(what, image):
    forget(image)
    return json.loads(run(BENCH, what, image).stdout)


def plain(image):
    """The image from end to end, as far as the disk goes."""
    forget(image)
    start = time.monotonic()
    run("dd", f"if={image}", "of=/dev/null", "bs=1M")
    return time.monotonic() - start


class Mount:
    """The image as the kernel or FUSE shows it."""

    HOW = {
        "ext4": ("mount", "-o", "loop,ro"),
        "NTFS": ("ntfs-3g", "-o", "ro"),
    }

    def __init__(self, system, image, place):
        self.how, self.image, self.place = self.HOW.get(system), image, place

    def seconds(self, command):
        """How long a command over the files takes; `None` where nothing can be mounted."""
        if self.how is None or shutil.which(self.how[0], path=ENVIRONMENT["PATH"]) is None:
            return None
        self.place.mkdir(exist_ok=True)
        forget(self.image)
        options = self.how[1:]
        if run(self.how[0], *options, self.image, self.place, check=False).returncode:
            return None
        try:
            start = time.monotonic()
            run("sh", "-c", command, "sh", self.place)
            return time.monotonic() - start
        finally:
            run("umount", self.place)


READ = 'find "$1" -xdev -type f -exec cat {} + > /dev/null'
LIST = 'find "$1" -xdev -printf "%s %T@\\n" > /dev/null'


def fill(folder, count, size):
    """`count` files of `size` bytes, five hundred to a folder."""
    block = os.urandom(min(size, 4 * MIB))
    for number in range(count):
        place = folder / f"{number // 500:05}"
        if number % 500 == 0:
            place.mkdir(parents=True)
        with open(place / f"a file of the bench {number:07}", "wb") as file:
            left = size
            while left:
                left -= file.write(block[:left])


def median(values):
    found = [value for value in values if value is not None]
    return statistics.median(found) if found else None


def table(headings, rows):
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def show(number, unit):
    return "-" if number is None else f"{number:,.0f} {unit}"


def reading(args, work):
    rows = []
    for kind, count, size in (
        ("large files", args.large_count, args.large_bytes),
        ("small files", args.small_count, args.small_bytes),
    ):
        folder = work / "tree"
        fill(folder, count, size)
        room = (count * (size + 8192)) * 3 // 2 + 256 * MIB
        for system, make in MAKERS.items():
            image = work / "image"
            make(image, folder, room, count)
            mount = Mount(system, image, work / "mount")
            found = []
            for _ in range(args.turns):
                here = ours("read", image)
                if (here["problems"], here["bytes"]) != (0, count * size):
                    sys.exit(f"error: {system}: {here}")
                found.append((here["seconds"], mount.seconds(READ), plain(image)))
            mine, theirs, floor = (median(column) for column in zip(*found, strict=True))
            if kind == "large files":
                rate = lambda seconds: seconds and count * size / seconds / MIB  # noqa: E731
                unit = "MiB/s"
            else:
                rate = lambda seconds: seconds and count / seconds  # noqa: E731
                unit = "files/s"
            image_rate = os.path.getsize(image) / floor / MIB
            ratio = f"{theirs / mine:.2f}" if theirs else "-"
            row = [kind, system, show(rate(mine), unit), show(rate(theirs), unit), ratio]
            rows.append([*row, show(image_rate, "MiB/s"), f"{here['peak_kib'] // 1024} MiB"])
            print(*rows[-1], flush=True)
            image.unlink()
        shutil.rmtree(folder)
    headings = ["", "file system", "packhorse", "kernel or FUSE", "ratio", "dd of the image", "peak"]
    return table(headings, rows)


def listing(args, work):
    rows = []
    folder = work / "tree"
    fill(folder, args.entries, 0)
    for system in ("ext4", "NTFS"):
        image = work / "image"
        MAKERS[system](image, folder, args.entries * 1536 + 512 * MIB, args.entries)
        mount = Mount(system, image, work / "mount")
        found = [(ours("list", image), mount.seconds(LIST)) for _ in range(args.turns)]
        if any(here["entries"] != args.entries for here, _ in found):
            sys.exit(f"error: {system}: {found}")
        mine = median([here["seconds"] for here, _ in found])
        theirs = median([seconds for _, seconds in found])
        peak = max(here["peak_kib"] for here, _ in found)
        times = [f"{mine:.1f} s", "-" if theirs is None else f"{theirs:.1f} s"]
        rows.append([f"{args.entries:,}", system, *times, f"{peak // 1024} MiB"])
        print(*rows[-1], flush=True)
        image.unlink()
    shutil.rmtree(folder)
    return table(["entries", "file system", "packhorse", "kernel or FUSE", "peak"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--large-count", type=int, default=4)
    parser.add_argument("--large-bytes", type=int, default=256 * MIB)
    parser.add_argument("--small-count", type=int, default=20_000)
    parser.add_argument("--small-bytes", type=int, default=16 * 1024)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--work", type=Path, help="a folder on the disk to measure with")
    args = parser.parse_args()
    load = os.getloadavg()
    with tempfile.TemporaryDirectory(dir=args.work) as work:
        work = Path(work)
        text = f"{reading(args, work)}\n\n{listing(args, work)}\n"
    text += f"\nLoad of the machine: {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after, "
    text += f"{os.cpu_count()} cores.\n"
    OUT.mkdir(exist_ok=True)
    (OUT / "media.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
