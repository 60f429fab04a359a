#!/bin/sh
# The emulated devices of the MCU tests: as run_mcu_demo_client.sh, for both computations of
# run_mcu_test_server.sh --no-devices.
set -eu
ROUNDS=2
CALLED=$0
export ROUNDS CALLED
exec "$(dirname -- "$0")/run_mcu_demo_client.sh" "$@"
