#!/usr/bin/env bash
# Packs an executable as a Debian package: build-deb.sh EXECUTABLE FOLDER leaves packhorse_*.deb there.
# Needs debhelper and dpkg-dev.
set -euo pipefail

executable=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A release has no debug information to pack.
export DEB_BUILD_OPTIONS=noautodbgsym
source=$work/packhorse
mkdir -p "$source"
cp -r "$here/debian" "$source/debian"
cp "$here"/systemd/*.service "$source/debian/"
mv "$source/debian/packhorse.service" "$source/debian/packhorse.packhorse.service"
mv "$source/debian/packhorse-station.service" "$source/debian/packhorse.packhorse-station.service"
cp "$here"/{packhorse.toml,station.toml,sysusers/packhorse.conf} "$source/"
cp -r "$root"/{README.md,CHANGELOG.md,docs} "$source/"
install -m 0755 "$executable" "$source/packhorse"
(cd "$source" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean >"$work/log" 2>&1) || {
    cat "$work/log" >&2
    exit 1
}
mv "$work"/packhorse_*.deb "$out/"
ls "$out"/packhorse_*.deb
