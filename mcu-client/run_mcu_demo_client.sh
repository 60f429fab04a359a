#!/bin/sh
# The emulated devices of the MCU demo, for a server that was started with --no-devices.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/mcu-client/scripts/common.sh"

VALUES="--device --board --host --folder --wait"
FLAGS="--no-install"
# How many computations to take part in, one after the other; run_mcu_test_client.sh says 2.
ROUNDS=${ROUNDS:-1}

usage() {
  cat <<USAGE
Usage: $CALLED [options]

Runs three emulated Cortex-M devices with the pages that the server's side has made for them. Waits for
that server; its network namespace, where it has one of its own, is entered (root only).

  --device N       only device N (0, 1 or 2); repeat
  --board NAME     what the devices are (default mps2-an385; also mps2-an386, mps2-an500, mps2-an505)
  --host c|wasm3   how they run the client: compiled (default) or interpreted
  --folder DIR     where the server's side has put the pages (default build/mcu-demo)
  --wait SECONDS   how long to wait for the server (default 120)
  --no-install     do not install missing Debian packages, when root; say which they are
  --help           this text

Exit codes: 0 all devices are done, 1 one failed, 2 wrong arguments, 130 interrupted.
USAGE
}

require_node
parse_options "$@"
check_folder
require_tools
[ -f "$CLI" ] || build_all
eval "set -- $REST"
step node "$CLI" prepare --all "$@"

# Where a step that finds something out puts it.
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

last=none
while [ "$ROUNDS" -gt 0 ]; do
  step node "$CLI" wait --after "$last" "$@" >"$answer" || exit 1
  read -r pid last <"$answer"
  if [ -e "/proc/$pid/ns/net" ] &&
    [ "$(readlink "/proc/$pid/ns/net" 2>/dev/null)" != "$(readlink /proc/self/ns/net)" ]; then
    step nsenter -t "$pid" -n node "$CLI" run "$@"
  else
    step node "$CLI" run "$@"
  fi
  ROUNDS=$((ROUNDS - 1))
done
