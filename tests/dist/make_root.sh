#!/bin/bash
# A root folder of another Debian, from Debian's own registry: made once, then kept. Needs root and debootstrap.
#
# usage: make_root.sh SUITE FOLDER      bullseye (11), bookworm (12) or trixie (13); in FOLDER/SUITE
#
# What debootstrap mounts stays in a namespace of its own, which ends with it.
set -euo pipefail
suite=$1 root=$2/$1
[[ -e $root.whole ]] && exit
mkdir -p "$2"
rm -rf --one-file-system "$root"
unshare --mount debootstrap --variant=minbase "$suite" "$root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$root.log" 2>&1 \
  || { tail -n 20 "$root.log"; echo "make_root: no root of $suite: $root.log"; exit 1; }
touch "$root.whole"
