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
$(server_options run_mcu_demo_client.sh)
  --generator=OPTION    an option for the generator of data, as in --generator=--noise=0.02; repeat
  --no-install          do not install missing Debian packages, when root; say which they are
  --help                this text

Exit codes: 0 the result is right, 1 something failed, 2 wrong arguments, 130 interrupted.
USAGE
}

serve_and_run '' "$@"
