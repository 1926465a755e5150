# Sourced by the other scripts: makes the project's own virtual environment in .venv with nothing but Python and its venv module.
# shellcheck shell=sh

say() { printf '%s\n' "$*" >&2; }

stop() {
    say "loopwright: $*"
    exit 64
}

# The first Python of at least 3.11 on the PATH.
find_python() {
    for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return 0
        fi
    done
    return 1
}

# install_packages WHY PACKAGE...: with apt when root; otherwise names what is missing and stops.
install_packages() {
    why=$1
    shift
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "loopwright: installing $* ($why)"
        DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || stop "apt-get update failed; install by hand: $*"
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || stop "apt-get could not install: $*"
    else
        stop "$why; install it and run this again: sudo apt-get install $*"
    fi
}

# make_venv GROUP: .venv with the package, and with the named dependency group where GROUP is not empty.
make_venv() {
    group=$1
    python=$(find_python) || stop "Python 3.11 or newer is needed; install it and run this again: sudo apt-get install python3 python3-venv"
    if [ ! -x .venv/bin/python ]; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || install_packages "Python's venv module is missing" python3-venv
        say "loopwright: making .venv with $("$python" --version)"
        "$python" -m venv .venv || stop "$python could not make a virtual environment in .venv"
    fi
    stamp=".venv/installed-${group:-package}"
    wanted=$(cat pyproject.toml src/loopwright/__init__.py | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "loopwright: installing into .venv (once; about a minute)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' || stop "pip could not be upgraded"
        # shellcheck disable=SC2086
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable . ${group:+--group "$group"} \
            || stop "the package could not be installed; the lines above say why"
        printf '%s\n' "$wanted" >"$stamp"
    fi
}
