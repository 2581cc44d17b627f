# Sets chromium, python and here for the scripts of this folder, which source it: $CHROMIUM or
# the first Chromium on the PATH, and a virtual environment with Playwright, which is
# created in the cache folder on the first run; PYTHON names another interpreter that has
# the packages. Ends the script with status 3 if either is missing.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${EOMT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eomt}
chromium=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome; do
    chromium=${chromium:-$(command -v "$name" || true)}
done
if [ -z "$chromium" ]; then
    echo "browser: no Chromium on the PATH; on Debian: apt-get install chromium" >&2
    exit 3
fi
python=$("$here/../environment.sh" "$cache" browser "$here/requirements.txt") || exit 3
