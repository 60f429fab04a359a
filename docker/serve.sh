#!/bin/sh
# Entry point of the server's image: the demo's servers and controller, on 172.17.0.2 (or ADDRESS) where
# the container has it, else on the address that it has. Arguments are those of `vc-mcu-client demo`.
set -eu
local_addresses=$(node -p '
  Object.values(require("os").networkInterfaces()).flat()
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address).join(" ")')
case " $local_addresses " in
  *" $ADDRESS "*) ;;
  *)
    echo "this container is not $ADDRESS but: ${local_addresses:-without a network}" >&2
    ADDRESS=${local_addresses%% *}
    ;;
esac
exec node build/js/host/mcu-client/cli.js demo --no-devices \
  --folder /data/demo --devices-folder /devices/demo \
  --address "${ADDRESS:-127.0.0.1}" "$@"
