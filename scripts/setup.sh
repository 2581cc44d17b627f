#!/usr/bin/env bash
# Fetches a PJRT plugin from the Python package index into CACHE/pjrt, or ONNX Runtime
# into CACHE/ort, where the commands find them.
# Usage: setup.sh cpu|cuda12|cuda13|tpu|ort-cpu|ort-openvino CACHE
# A missing plugin is not a failure: without one everything runs on the Go backend.
# What is installed is not fetched again.
set -euo pipefail
kind=$1 cache=$2
case $kind in
cpu)           package=xla-cpu-pjrt==0.0.1 ;;
tpu)           package=libtpu==0.0.52 ;;
cuda12|cuda13) package= folder=pjrt/$kind table=internal/backend/$kind.txt ;;
ort-cpu|ort-openvino) package= folder=ort/${kind#ort-} table=internal/ort/${kind#ort-}.txt ;;
ort-*) echo "setup: ORT=${kind#ort-}: expected cpu or openvino" >&2; exit 2 ;;
*) echo "setup: PJRT=$kind: expected cpu, cuda12, cuda13 or tpu" >&2; exit 2 ;;
esac
without() {
    case $kind in
    ort-*)
        echo "setup: no ONNX Runtime (${kind#ort-}): $1" >&2
        echo "setup: what works without it: everything but -engine ort and weights export -verify" >&2 ;;
    *)
        echo "setup: no PJRT plugin for $kind: $1" >&2
        echo "setup: what works without it: everything, on another backend (xla:cpu after \`make setup\`, otherwise the embedded Go backend), several times slower" >&2 ;;
    esac
    exit 0
}
target=$cache/pjrt/pjrt_c_api_${kind}_plugin.so
if [ -n "$package" ] && [ -f "$target" ]; then
    exit 0
fi
case $(uname -sm) in
"Linux x86_64") ;;
*) without "what is fetched is built for Linux on x86-64, this is $(uname -sm)" ;;
esac
command -v cc >/dev/null || command -v gcc >/dev/null || without "it is opened through a C compiler, and neither cc nor gcc is here"
python=$(command -v python3 || command -v python) || without "Python with pip downloads it, and there is no python3 here"
"$python" -m pip --version >/dev/null 2>&1 || without "$python has no pip"

if [ -z "$package" ]; then
    here=$(dirname "$0")
    mkdir -p "$cache/$folder"
    "$python" "$here/wheels.py" fetch "$here/../$table" "$cache/$folder" || without "see above"
    # An older setup left a plugin here that does not find NVIDIA's libraries.
    rm -f "$cache/pjrt/pjrt_c_api_cuda_plugin.so"
    exit 0
fi

mkdir -p "$cache/pjrt"
work=$(mktemp -d "$cache/pjrt/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "setup: fetching $package" >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$package" >&2 ||
    without "the download of $package failed (see above)"
# The wheel has one shared library with PJRT's entry point.
"$python" - "$work" "$work/plugin.so" <<'PY' || without "$package does not hold a plugin where it is expected"
import glob, shutil, sys, zipfile
folder, target = sys.argv[1:]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    libraries = [i for i in wheel.infolist()
                 if i.filename.endswith(".so") and ("pjrt" in i.filename or "xla_" in i.filename or "libtpu" in i.filename)]
    largest = max(libraries, key=lambda i: i.file_size)
    with wheel.open(largest) as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
PY
mv "$work/plugin.so" "$target"
echo "setup: $target" >&2
