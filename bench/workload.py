"""The disks that the uploaders are given: the same bytes on every run of the same options."""

import math
import random
import subprocess

SEED = 20
PIECE_BYTES = 8 << 20
SMALL_SIZES = (4 * 1024, 16 * 1024)
FOLDER_FILES = 1000
# Spread of the mixed tree's sizes: most files are small, most bytes are in few files.
LOG_NORMAL_SIGMA = 2.0
MIXED_SHARE_MAX = 1 / 12  # of all bytes in one file: 256 MiB of 3 GiB


def write(path, size, generator):
    """One file of random bytes."""
    with open(path, "wb") as out:
        while size > 0:
            piece = min(size, PIECE_BYTES)
            out.write(generator.randbytes(piece))
            size -= piece


def tree(folder, sizes):
    """Files of these sizes, a thousand in a folder."""
    generator = random.Random(SEED)
    for number, size in enumerate(sizes):
        path = folder / f"dir{number // FOLDER_FILES:03}" / f"file{number:06}.bin"
        if number % FOLDER_FILES == 0:
            path.parent.mkdir(parents=True)
        write(path, size, generator)
    subprocess.run(["sync", "-f", str(folder)], check=False)


def small(count):
    """Sizes of 4 to 16 KiB."""
    generator = random.Random(SEED)
    return [generator.randint(*SMALL_SIZES) for _ in range(count)]


def large(count, size):
    """Sizes of a few large files."""
    return [size] * count


def mixed(count, total):
    """Log-normal sizes that add up to about `total`."""
    generator = random.Random(SEED)
    drawn = [generator.lognormvariate(0, LOG_NORMAL_SIGMA) for _ in range(count)]
    # The expected sum, not the drawn one, so that one giant does not shrink all others.
    mean = math.exp(LOG_NORMAL_SIGMA**2 / 2)
    most = int(total * MIXED_SHARE_MAX)
    sizes = [min(most, int(size / mean * total / count) + 1) for size in drawn]
    scale = total / sum(sizes)
    return [min(most, int(size * scale) + 1) for size in sizes]


def entries(folder, count):
    """So many names of one empty file: hard links cost no inode, and the load sees files."""
    source = None
    for number in range(count):
        path = folder / f"d{number // FOLDER_FILES:05}" / f"f{number:08}"
        if number % FOLDER_FILES == 0:
            path.parent.mkdir(parents=True)
        # ext4 allows 65,000 links to one inode.
        if number % 60_000 == 0:
            path.touch()
            source = path
        else:
            path.hardlink_to(source)
