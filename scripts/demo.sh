#!/bin/sh
# The main job, end to end: start the stack, prove it, show one request across all of it.
set -eu
dir="${OBSCTL_DEMO_DIR:-.demo}"
mkdir -p "$dir"
cd "$dir"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }
[ -t 1 ] || say() { printf '\n$ %s\n' "$*"; "$@"; }

# shellcheck disable=SC2086 - OBSCTL_DEMO_UP may hold several options
say obsctl up ${OBSCTL_DEMO_UP:---runtime embedded}
say obsctl verify
say obsctl trace last --wait 5

cat <<END

The stack is still running, in $(pwd):
  look around   .venv/bin/obsctl ui --open -C $dir
  what runs     .venv/bin/obsctl status -C $dir
  follow logs   .venv/bin/obsctl logs -f -C $dir
  verify again  .venv/bin/obsctl verify -C $dir
  stop it       .venv/bin/obsctl down -C $dir
END
