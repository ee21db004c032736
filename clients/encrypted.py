"""Encrypted disks, made by other programs than the one that is tested: qemu-img, cryptsetup, and for
VeraCrypt and sectors of 4 KiB a few lines over OpenSSL that follow the formats' documents."""

import binascii
import hashlib
import os
import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from disks import MIB, tool

# Of VeraCrypt and TrueCrypt: mark, digest, rounds.
VERACRYPT = (b"VERA", "sha512", 500_000)
VERACRYPT_SHA256 = (b"VERA", "sha256", 500_000)
TRUECRYPT = (b"TRUE", "sha512", 1000)
HEADERS_BYTES = 128 * 1024
UNIT_BYTES = 512


def luks1(plain, path, password, **options):
    """LUKS1 by qemu, header and payload."""
    secret = Path(f"{path}.password")
    secret.write_text(password)
    options = {"iter-time": 10, "cipher-alg": "aes-256", "cipher-mode": "xts", **options}
    text = ",".join(f"{name}={value}" for name, value in options.items())
    tool(
        "qemu-img", "convert", "-f", "raw", "-O", "luks", "--object", f"secret,id=s,file={secret}",
        "-o", f"key-secret=s,{text}", plain, path,
    )
    return path


def luks2(plain, path, password, sector=4096, memory_kib=64):
    """LUKS2: the header by cryptsetup, the payload by OpenSSL under the same key."""
    secret, key = Path(f"{path}.password"), Path(f"{path}.key")
    secret.write_text(password)
    key.write_bytes(os.urandom(64))
    offset = 16 * MIB
    with open(path, "wb") as file:
        file.truncate(offset + plain.stat().st_size)
    tool(
        "cryptsetup", "-q", "luksFormat", "--type", "luks2", "--sector-size", sector,
        "--volume-key-file", key, "--key-size", 512, "--key-file", secret, "--pbkdf", "argon2id",
        "--pbkdf-memory", memory_kib, "--pbkdf-force-iterations", 4, "--pbkdf-parallel", 1, path,
    )
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(encrypted(plain.read_bytes(), key.read_bytes(), sector, 0))
    return path


def xts(key, number, data):
    """One unit of XTS."""
    encryptor = Cipher(algorithms.AES(key), modes.XTS(struct.pack("<QQ", number, 0))).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def encrypted(plain, key, sector, first):
    """Sectors, numbered in units of 512 bytes."""
    return b"".join(
        xts(key, first + at // UNIT_BYTES, plain[at : at + sector])
        for at in range(0, len(plain), sector)
    )


def veracrypt(plain, path, password, family=VERACRYPT):
    """A volume of AES: header, data, and the copy of the header at the end."""
    mark, digest, rounds = family
    data = plain.read_bytes()
    keys = os.urandom(64)
    key_area = keys + bytes(256 - 64)
    head = mark + struct.pack(">HHI", 5, 0x010B, binascii.crc32(key_area)) + bytes(16)
    head += struct.pack(">QQQQII", 0, len(data), HEADERS_BYTES, len(data), 0, UNIT_BYTES)
    head += bytes(252 - 64 - len(head))
    head += struct.pack(">I", binascii.crc32(head))
    header = head + key_area

    def sealed():
        salt = os.urandom(64)
        key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds, 64)
        return salt + xts(key, 0, header)

    with open(path, "wb") as file:
        file.write(sealed() + os.urandom(HEADERS_BYTES - 512))
        file.write(encrypted(data, keys, UNIT_BYTES, HEADERS_BYTES // UNIT_BYTES))
        file.write(sealed() + os.urandom(HEADERS_BYTES - 512))
    return path
