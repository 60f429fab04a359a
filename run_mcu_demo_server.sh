#!/bin/sh
# The MCU demo: attestation, Veracruz server, attested isolate, three emulated devices, and the result.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$ROOT/mcu-client/scripts/common.sh"

VALUES="--scenario --isolate --address --pas-port --server-port --board --host --folder --wait --generator"
FLAGS="--no-devices --no-install"

usage() {
  cat <<USAGE
Usage: ./run_mcu_demo_server.sh [options]

Brings up the proxy attestation server on $ADDRESS:3010 and the Veracruz server on $ADDRESS:3017 with an
attested isolate; three emulated Cortex-M devices join over their own Ethernet and TLS; the controller
prints where the clap was that they have heard, and checks it. What is missing is built first, and all
that was started is stopped at the end, however it comes.

  --scenario NAME       audio-event-triangulation (default) or shamir-secret-sharing
  --isolate KIND        process (default), or qemu:BOARD[:wasm3|c], an emulated microcontroller
  --address IP          address of both servers (default $ADDRESS). Where it is no address of this
                        machine, root on Linux gets a network namespace that has it; else 127.0.0.1
  --pas-port N          port of the proxy attestation server (default 3010; 0: any free one)
  --server-port N       port of the Veracruz server (default 3017; 0: any free one)
  --no-devices          start no devices: mcu-client/run_mcu_demo_client.sh does
  --board NAME          what the devices are (default mps2-an385; also mps2-an386, mps2-an500, mps2-an505)
  --host c|wasm3        how the devices run the client: compiled (default) or interpreted
  --folder DIR          where keys, policy, data and pages go (default build/mcu-demo); one that
                        holds anything but an earlier demo is refused
  --wait SECONDS        how long the controller waits for the devices (default 120)
  --generator=OPTION    an option for the generator of data, as in --generator=--noise=0.02; repeat
  --no-install          do not install missing Debian packages, when root; say which they are
  --help                this text

Exit codes: 0 the result is right, 1 something failed, 2 wrong arguments, 130 interrupted.
USAGE
}

require_node
parse_options "$@"
check_address
[ "$DEVICES" = no ] || require_tools
build_all
eval "set -- $REST"
# Ahead of the network namespace, from which nothing can be fetched.
step node "$CLI" prepare "$@"
run_in_network node "$CLI" demo "$@"
