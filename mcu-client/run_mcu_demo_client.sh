#!/bin/sh
# The emulated devices of the MCU demo, for a server that was started with --no-devices.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/mcu-client/scripts/common.sh"

INSTALL=yes
# How many computations to take part in, one after the other; run_mcu_test_client.sh says 2.
ROUNDS=${ROUNDS:-1}
FOLDER=$ROOT/build/mcu-demo

usage() {
  cat <<USAGE
Usage: $0 [options]

Runs three emulated Cortex-M devices with the pages that the server's side has made for them. Waits for
that server; its network namespace, where it has one of its own, is entered (root only).

  --device N       only device N (0, 1 or 2); repeat
  --board NAME     what the devices are (default mps2-an385; also mps2-an386, mps2-an500, mps2-an505)
  --host c|wasm3   how they run the client: compiled (default) or interpreted
  --folder DIR     where the server's side has put the pages (default build/mcu-demo)
  --wait SECONDS   how long to wait for the server (default 120)
  --no-install     do not install missing Debian packages, when root; say which they are
  --help           this text

Exit codes: 0 all devices are done, 1 one failed, 2 wrong arguments.
USAGE
}

count=$#
while [ "$count" -gt 0 ]; do
  option=$1
  shift
  count=$((count - 1))
  case $option in
    --help | -h)
      usage
      exit 0
      ;;
    --folder)
      [ "$count" -gt 0 ] || { usage >&2; exit 2; }
      FOLDER=$1
      shift
      count=$((count - 1))
      ;;
    --folder=*) FOLDER=${option#*=} ;;
    --no-install) INSTALL=no ;;
    *) set -- "$@" "$option" ;;
  esac
done

require_node
require_tools
[ -f "$CLI" ] || build_all
node "$CLI" prepare --all --folder "$FOLDER" "$@"

last=
while [ "$ROUNDS" -gt 0 ]; do
  pid=$(node "$CLI" wait --folder "$FOLDER" --after "${last:-none}" "$@") || exit 1
  last=$(node "$CLI" wait --folder "$FOLDER" --print id)
  if [ -e "/proc/$pid/ns/net" ] &&
    [ "$(readlink "/proc/$pid/ns/net" 2>/dev/null)" != "$(readlink /proc/self/ns/net)" ]; then
    nsenter -t "$pid" -n node "$CLI" run --folder "$FOLDER" "$@"
  else
    node "$CLI" run --folder "$FOLDER" "$@"
  fi
  ROUNDS=$((ROUNDS - 1))
done
