#!/bin/sh
# Install what Qt, napari and a virtual screen need from the system and cannot bring themselves.
# Asks for files, not for packages: Debian renames packages, and other systems have their own.
set -eu

[ "$(uname -s)" = Linux ] || exit 0

# where ldconfig is, which only root's path names
PATH=$PATH:/usr/sbin:/sbin
missing=
while read -r wanted package; do
    case $wanted in
        *.so.*) ldconfig -p | grep -qF "$wanted " || missing="$missing $package" ;;
        /*) [ -e "$wanted" ] || missing="$missing $package" ;;
        *) command -v "$wanted" >/dev/null || missing="$missing $package" ;;
    esac
done <<LIST
Xvfb xvfb
xauth xauth
/usr/share/fonts fonts-dejavu-core
libEGL.so.1 libegl1
libGL.so.1 libgl1
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libglib-2.0.so.0 libglib2.0-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xkb.so.1 libxcb-xkb1
libxkbcommon-x11.so.0 libxkbcommon-x11-0
LIST

# Debian's own Python leaves the part that makes environments to a package
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install what your system calls these Debian packages:$missing" >&2
    exit 1
fi
root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "Please run as root: apt-get install$missing" >&2
        exit 1
    }
    root=sudo
fi
echo "Installing system libraries:$missing"
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq >/dev/null
# shellcheck disable=SC2086  # a list of names
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
