#!/bin/bash
# Builds the program from its sources in a root of Debian 13, runs its tests there, and holds its bits against a build of
# this machine's. Needs root.
#
# usage: debian13.sh ROOT ICL [TARGET ...]      ROOT: as make_root.sh makes it; ICL: the build of this machine
#                                               TARGET: only these are built, and nothing is tested
#
# The sources lie in a folder with a space in its name and without .git, as those of a source archive may. What is built
# stays in the root for the next call. What is mounted, is so in a namespace that ends with this script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$(realpath "$1") icl=$(realpath "$2")
shift 2
inside="/opt/icl sources"
jobs=${JOBS:-$(nproc)}

mkdir -p "$root$inside"
find "$root$inside" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
tar --exclude=./build --exclude=./results --exclude=./.git -cf - . | tar -C "$root$inside" -xf -

in_root() {
  unshare --mount bash -euc '
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount --rbind /sys "$1/sys"
    mount -t tmpfs tmpfs "$1/tmp"
    root=$1
    shift
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"' bash "$root" "$@"
}

if ! [[ -x $root/usr/bin/make ]]; then
  in_root apt-get -qq update
  in_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends make >/dev/null
fi
in_root make -C "$inside" -f Makefile.ci setup
in_root bash -euc 'cd "$1"; mkdir -p build; cmake --preset ci >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
  cmake --build --preset ci --parallel "$2" ${3:+--target "${@:3}"}' bash "$inside" "$jobs" "$@"
(($#)) && exit
in_root bash -euc 'cd "$1"; ctest --preset ci --parallel "$2"' bash "$inside" "$jobs"

# Its program with its own C library and libraries, but in this machine's folders.
libraries=$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu
/usr/bin/python3 tests/trust/builds_test.py "$icl" \
  "'$root/lib64/ld-linux-x86-64.so.2' --library-path '$libraries' '$root$inside/build/release/icl'"
