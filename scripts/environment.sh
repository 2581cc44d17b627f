#!/usr/bin/env bash
# Prints the Python of a virtual environment with the packages of a requirements file.
# The environment is created on the first run and whenever the file has changed.
# Usage: environment.sh CACHE NAME REQUIREMENTS
# PYTHON names another interpreter that has the packages already.
set -euo pipefail
environment=$1/$2
requirements=$3
if [ -n "${PYTHON:-}" ]; then
    echo "$PYTHON"
    exit
fi
if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    echo "$2: installing the packages of $requirements to $environment" >&2
    python3 -m venv "$environment" >&2
    "$environment/bin/python" -m pip install --quiet --retries 1 --disable-pip-version-check -r "$requirements" >&2 || {
        echo "$2: the packages of $requirements could not be installed (see above)" >&2
        exit 1
    }
    cp "$requirements" "$environment/requirements.txt"
fi
echo "$environment/bin/python"
