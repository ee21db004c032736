#!/usr/bin/env bash
# Makes sure that the tools of `make test` are there: installs missing Debian packages when it can
# (apt-get, root), otherwise says which are missing and stops.
set -euo pipefail

export PATH="$PATH:/usr/sbin:/sbin"
packages=()

need() { # need TOOL PACKAGE
    command -v "$1" >/dev/null || packages+=("$2")
}

need mke2fs e2fsprogs    # ext2/3/4 images
need debugfs e2fsprogs   # damaged ones
need sfdisk fdisk        # partition tables
need mkfs.fat dosfstools # FAT images
need mcopy mtools        # files in them
need mkfs.exfat exfatprogs
need mkntfs ntfs-3g      # NTFS images; no mount and no FUSE is needed
need wimlib-imagex wimtools  # files in them
need mkfs.xfs xfsprogs   # XFS images
need xorriso xorriso     # HFS+ and ISO 9660 images
need genisoimage genisoimage
need qemu-img qemu-utils # disks of virtual machines
need cryptsetup cryptsetup-bin # encrypted ones; no device-mapper is needed
need setpriv util-linux  # a station without root's power to read everything
need unshare util-linux  # a private, tiny tmpfs
need pdftoppm poppler-utils  # labels and packing slips as a printer sees them
need zbarimg zbar-tools  # their barcodes as a scanner reads them
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql) # started by the tests, beside the system's own
need dh debhelper        # packs the Debian package
need dpkg-buildpackage dpkg-dev
need systemd-analyze systemd # judges its units
need chromium chromium   # the console as people see it
need curl curl           # clients of the conformance suite, from here on
need node nodejs
need npm npm
[[ -x /usr/bin/aws ]] || packages+=(awscli)
/usr/bin/ruby -raws-sdk-v1 -e '' 2>/dev/null || packages+=(ruby ruby-aws-sdk)
pkg-config --exists openssl 2>/dev/null || packages+=(pkg-config libssl-dev) # rusoto's TLS
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)

if ((${#packages[@]} == 0)); then
    exit 0
fi

mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
    echo "installing: ${packages[*]}"
    apt-get update -qq
    # A server that a package brings along is not started on the side.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
else
    echo "error: the tests need these packages (Debian names): ${packages[*]}" >&2
    echo "hint: sudo apt-get install ${packages[*]}" >&2
    exit 1
fi
