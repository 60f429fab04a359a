#!/bin/sh
# The MCU tests: both computations of the emulated devices, one after the other, each checked.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$ROOT/mcu-client/scripts/common.sh"

VALUES="--isolate --address --pas-port --server-port --board --host --folder --wait"
FLAGS="--no-devices --no-install"

usage() {
  cat <<USAGE
Usage: ./run_mcu_test_server.sh [options]

Brings up the proxy attestation server on $ADDRESS:3010 and the Veracruz server on $ADDRESS:3017 with an
attested isolate, once for each computation (triangulation, secret sharing), has three emulated devices take
part in it, and checks the result. The last line says how many passed. \`npm test -- mcu-demo\` covers the
faults: a server that vanishes, wrong CA, wrong runtime, corrupted records, memory exhausted.

$(server_options run_mcu_test_client.sh)
  --no-install          do not install missing Debian packages, when root; say which they are
  --help                this text

Exit codes: 0 all passed, 1 something failed, 2 wrong arguments, 130 interrupted.
USAGE
}

serve_and_run --all "$@"
