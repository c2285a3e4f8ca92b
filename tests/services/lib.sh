# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests with real services share: that of tests/integration, and packages that are unpacked, not installed.
#
#   unpack PACKAGE DIRECTORY   downloads the package (once a machine, into a cache outside the tree) and unpacks it
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

unpack() {
    unpack_cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/certauto/packages
    mkdir -p "$unpack_cache" "$2"
    if ! ls "$unpack_cache/$1"_*.deb >/dev/null 2>&1; then
        (cd "$unpack_cache" && apt-get -qq download "$1" 2>/dev/null) || {
            not_ok "the package $1 can be downloaded" "apt-get download $1"
            exit 1
        }
    fi
    for unpack_file in "$unpack_cache/$1"_*.deb; do
        dpkg -x "$unpack_file" "$2"
    done
}
