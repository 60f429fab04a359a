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

  --isolate KIND        process (default), or qemu:BOARD[:wasm3|c]
  --address IP          address of both servers (default $ADDRESS), as in run_mcu_demo_server.sh
  --pas-port N          port of the proxy attestation server (default 3010; 0: any free one)
  --server-port N       port of the Veracruz server (default 3017; 0: any free one)
  --no-devices          start no devices: mcu-client/run_mcu_test_client.sh does
  --board NAME          what the devices are (default mps2-an385)
  --host c|wasm3        how the devices run the client: compiled (default) or interpreted
  --folder DIR          where keys, policy, data and pages go (default build/mcu-demo); one that
                        holds anything but an earlier demo is refused
  --wait SECONDS        how long the controller waits for the devices (default 120)
  --no-install          do not install missing Debian packages, when root; say which they are
  --help                this text

Exit codes: 0 all passed, 1 something failed, 2 wrong arguments, 130 interrupted.
USAGE
}

require_node
parse_options "$@"
check_address
[ "$DEVICES" = no ] || require_tools
build_all
eval "set -- $REST"
# Ahead of the network namespace, from which nothing can be fetched.
step node "$CLI" prepare --all "$@"
run_in_network node "$CLI" demo --all "$@"
