#!/usr/bin/env python3
"""Fetches shared libraries from the Python package index, or checks the installed ones:
a CUDA plugin with NVIDIA's libraries, or ONNX Runtime.

Usage: wheels.py fetch|check TABLE FOLDER

TABLE is a file of internal/backend or internal/ort that lists wheels and libraries.
fetch resumes an interrupted call: unpacked wheels are not fetched again, and a plugin
gets the name that the commands look for once everything is installed.
"""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

GB = 1e9


def read_table(path):
    table = {"wheel": [], "library": [], "checked": []}
    for line in open(path):
        key, *fields = line.split("#")[0].split() or [""]
        if key in ("wheel", "library", "checked"):
            table[key].append(fields)
        elif key:
            table[key] = fields[0]
    return table


def plugin_path(table, folder):
    """The plugin under the name that the commands look for."""
    return os.path.join(folder, os.path.dirname(table["plugin"]), "pjrt_c_api_cuda_plugin.so")


def stamp(folder, wheel):
    return os.path.join(folder, ".unpacked", wheel[0])


def fetch(table, folder):
    known = {wheel[0] for wheel in table["wheel"]}
    stamps = os.path.join(folder, ".unpacked")
    if os.path.isdir(stamps) and not known.issuperset(os.listdir(stamps)):
        print(f"setup: {folder} holds other versions and is replaced", file=sys.stderr)
        shutil.rmtree(folder)
    os.makedirs(stamps, exist_ok=True)
    missing = [wheel for wheel in table["wheel"] if not os.path.exists(stamp(folder, wheel))]
    download = sum(int(wheel[2]) for wheel in missing)
    # One wheel is on disk together with its unpacked content.
    needed = sum(int(wheel[3]) for wheel in missing) + max((int(wheel[2]) for wheel in missing), default=0)
    free = shutil.disk_usage(folder).free
    if missing:
        print(f"setup: {len(missing)} of {len(table['wheel'])} packages to fetch: {download / GB:.2f} GB to download, "
              f"{needed / GB:.2f} GB of disk, {free / GB:.1f} GB are free in {folder}", file=sys.stderr)
    if free < needed:
        sys.exit(f"setup: {folder} needs {needed / GB:.2f} GB, {free / GB:.2f} GB are free: "
                 "make room, or set EOMT_CACHE to a folder of a larger disk")
    for number, wheel in enumerate(missing, 1):
        print(f"setup: {number}/{len(missing)} {wheel[0]} ({int(wheel[2]) / GB:.2f} GB)", file=sys.stderr)
        fetch_wheel(wheel, folder)
    unpacked = os.path.join(folder, table.get("plugin", "none"))
    if os.path.exists(unpacked):
        os.replace(unpacked, plugin_path(table, folder))


def fetch_wheel(wheel, folder):
    """Downloads a wheel, verified by pip, and unpacks it."""
    name, sha256 = wheel[:2]
    store = os.path.join(folder, ".wheels")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(f"{name} --hash=sha256:{sha256}\n")
        requirements.flush()
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--no-cache-dir",
               "--only-binary=:all:", "--python-version=3.13", "--require-hashes", "-r", requirements.name, "--dest", store]
        if subprocess.run(pip, stdout=sys.stderr).returncode != 0:
            sys.exit(f"setup: the download of {name} failed (see above); the next call continues from here")
    prefix = name.replace("-", "_").replace("==", "-") + "-"
    path = next(os.path.join(store, file) for file in os.listdir(store) if file.startswith(prefix))
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            target = archive.extract(member, folder)
            mode = member.external_attr >> 16 & 0o777
            if mode and not member.is_dir():
                os.chmod(target, mode | 0o600)  # ptxas must stay executable
    open(stamp(folder, wheel), "w").close()
    shutil.rmtree(store)


def libraries(table, folder):
    """All libraries in the order of opening, a plugin last."""
    listed = [fields[0] for fields in table["library"] + table["checked"]]
    if "plugin" in table:
        listed.append(os.path.relpath(plugin_path(table, folder), folder))
    return listed


def check(table, folder):
    """Prints and yields what is missing. Opens every library in the order in which the
    commands do before they open the plugin."""
    for library in libraries(table, folder):
        try:
            ctypes.CDLL(os.path.join(folder, library), mode=os.RTLD_LAZY | os.RTLD_LOCAL)
        except OSError as error:
            if str(error).startswith("libcuda.so.1:"):
                print(f"setup: {library} opens where NVIDIA's driver is; libcuda.so.1 is not here", file=sys.stderr)
                continue
            print(f"setup: {library} does not open: {error}", file=sys.stderr)
            yield library
    for tool in ("bin/ptxas", "nvvm/libdevice/libdevice.10.bc") if "data" in table else ():
        path = os.path.join(folder, table["data"], tool)
        if not os.path.exists(path):
            print(f"setup: {path} is missing", file=sys.stderr)
            yield tool


def main():
    command, table, folder = sys.argv[1], read_table(sys.argv[2]), os.path.abspath(sys.argv[3])
    if command == "fetch":
        fetch(table, folder)
    failed = list(check(table, folder))
    if failed:
        sys.exit(f"setup: what was fetched cannot be used: remove {folder} and run setup again")
    count = len(libraries(table, folder))
    if "plugin" in table:
        print(f"setup: {folder}: the plugin and its {count - 1} libraries are there; "
              f"a GPU needs NVIDIA's driver {table['driver']} or newer", file=sys.stderr)
    else:
        print(f"setup: {folder}: {', '.join(wheel[0] for wheel in table['wheel'])} is there", file=sys.stderr)


main()
