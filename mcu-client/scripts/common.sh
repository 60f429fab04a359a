# What the run_mcu_*.sh scripts share. Sourced, with ROOT set; POSIX sh.

CLI="$ROOT/build/js/host/mcu-client/cli.js"

# The script's name, for whoever reads what it says.
CALLED=${CALLED:-$0}

ADDRESS=172.17.0.2
FOLDER=$ROOT/build/mcu-demo
INSTALL=yes
DEVICES=yes

say() { echo "$(basename "$CALLED"): $*" >&2; }

die() {
  say "$*"
  exit 1
}

wrong() {
  say "$* (see --help)"
  exit 2
}

# The help of the options that both servers' scripts have. $1: the client's script without its folder.
server_options() {
  cat <<OPTIONS
  --isolate KIND        process (default), or qemu:BOARD[:thumb2|c|wasm3], an emulated microcontroller: its
                        trusted runtime compiled without C (default), compiled through C, or interpreted
  --address IP          address of both servers (default $ADDRESS). Where it is no address of this
                        machine, root on Linux gets a network namespace that has it; else 127.0.0.1
  --pas-port N          port of the proxy attestation server (default 3010; 0: any free one)
  --server-port N       port of the Veracruz server (default 3017; 0: any free one)
  --no-devices          start no devices: mcu-client/$1 does
  --board NAME          what the devices are (default mps2-an385; also mps2-an386, mps2-an500, mps2-an505)
  --host c|wasm3        how the devices run the client: compiled (default) or interpreted
  --folder DIR          where keys, policy, data and pages go (default build/mcu-demo); one that
                        holds anything but an earlier demo is refused
  --wait SECONDS        how long the controller waits for the devices (default 120)
OPTIONS
}

# Reads this script's options: those in VALUES have a value, those in FLAGS none; --help prints `usage`.
# Leaves in REST, quoted for eval, what goes on to the command.
parse_options() {
  REST=
  while [ $# -gt 0 ]; do
    option=${1%%=*}
    case " $VALUES " in
      *" $option "*)
        case $1 in
          *=*) value=${1#*=} ;;
          *)
            [ $# -gt 1 ] || wrong "$option wants a value"
            value=$2
            shift
            ;;
        esac
        take_option "$option" "$value"
        shift
        continue
        ;;
    esac
    case " $FLAGS --help -h " in
      *" $1 "*) ;;
      *) wrong "unknown argument: $1" ;;
    esac
    case $1 in
      --help | -h)
        usage
        exit 0
        ;;
      --no-install) INSTALL=no ;;
      --no-devices)
        DEVICES=no
        REST="$REST $1"
        ;;
    esac
    shift
  done
}

take_option() {
  case $1 in
    --address) ADDRESS=$2 ;;
    --folder)
      FOLDER=$2
      REST="$REST $1=$(quoted "$2")"
      ;;
    *) REST="$REST $1=$(quoted "$2")" ;;
  esac
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# Runs a command to its end; a signal ends first that, then this script. (A shell that waits for a command
# in the foreground would leave it behind.)
step() {
  "$@" &
  STEP=$!
  trap interrupted INT TERM HUP
  wait "$STEP" && STATUS=0 || STATUS=$?
  trap - INT TERM HUP
  return "$STATUS"
}

interrupted() {
  trap '' INT TERM HUP
  kill -TERM "$STEP" 2>/dev/null || true
  wait "$STEP" || true
  say interrupted
  exit 130
}

require_node() {
  command -v node >/dev/null 2>&1 || die "Node.js 20.19 or newer is needed, and there is none"
  node "$ROOT/scripts/require-node.js" || exit 1
}

# make, which builds the firmware, takes few characters in a path: said before anything is installed or built.
check_folder() {
  [ "$DEVICES" = no ] && return
  real=$(CDPATH='' cd -- "$ROOT" && pwd -P)
  wrong=$(printf '%s' "$real" | LC_ALL=C tr -d 'A-Za-z0-9/._+@\200-\377-')
  [ -z "$wrong" ] ||
    die "firmware cannot be built in '$real': make takes no '$wrong' in a path; use a folder whose path has letters, digits and / . _ + @ - only"
}

# The Debian packages with what is missing of compilers, emulator and tools.
missing_packages() {
  for pair in c++:build-essential python3:python3 arm-none-eabi-gcc:gcc-arm-none-eabi make:make wasm2c:wabt \
    qemu-system-arm:qemu-system-arm ip:iproute2 dpkg-source:dpkg-dev xz:xz-utils; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair#*:}"
  done
  [ -d /usr/lib/arm-none-eabi ] || printf '%s ' libnewlib-arm-none-eabi
}

# Installs them when allowed to; else says how. A signal waits for apt-get, which must not be cut short.
require_tools() {
  packages=$(missing_packages)
  [ -z "$packages" ] && return
  if [ "$INSTALL" = yes ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing $packages"
    trap 'say interrupted; exit 130' INT TERM HUP
    # shellcheck disable=SC2086
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages; } >&2 ||
      die "apt-get has failed"
    trap - INT TERM HUP
  else
    die "missing; on Debian: apt-get install --no-install-recommends $packages"
  fi
}

# Builds what is not up to date: the command must be there before anything else can be asked.
build_all() { step node "$ROOT/scripts/setup.js" || exit 1; }

# An address that devices and clients can reach: IPv4, and one address.
check_address() {
  node -e '
    const [address] = process.argv.slice(1);
    process.exit(require("net").isIPv4(address) && !/^(0|22[4-9]|2[3-5]\d)\./.test(address) ? 0 : 1);
  ' "$ADDRESS" || wrong "--address $ADDRESS is no IPv4 address of a server"
}

has_address() {
  # Binding is the one sure test, and needs no other tool.
  node -e '
    const server = require("net").createServer();
    server.on("error", () => process.exit(1)).listen(0, process.argv[1], () => server.close());
  ' "$1"
}

can_make_network() {
  [ "$(uname)" = Linux ] && [ "$(id -u)" = 0 ] && command -v ip >/dev/null 2>&1 &&
    unshare -n sh -c 'ip link set lo up && ip addr add 172.17.0.2/32 dev lo' 2>/dev/null
}

# Runs a command where ADDRESS is a local address, replacing this shell: here, or in a network of its own.
# The command is told the address that it came to be by --address.
run_in_network() {
  if has_address "$ADDRESS"; then
    say "using $ADDRESS, an address of this machine or container"
  elif can_make_network; then
    say "$ADDRESS is no address of this machine: making a network namespace that has it"
    # shellcheck disable=SC2016
    exec unshare -n sh -c 'ip link set lo up && ip addr add "$1/32" dev lo && shift && exec "$@"' \
      sh "$ADDRESS" "$@" --address "$ADDRESS"
  else
    say "$ADDRESS is no address of this machine, and only root can make one on Linux: using 127.0.0.1"
    ADDRESS=127.0.0.1
  fi
  exec "$@" --address "$ADDRESS"
}

# The server's side, from its arguments to the result. $1: --all for every computation, or empty; then the arguments.
serve_and_run() {
  COMPUTATIONS=$1
  shift
  require_node
  parse_options "$@"
  check_folder
  check_address
  [ "$DEVICES" = no ] || require_tools
  build_all
  eval "set -- $COMPUTATIONS $REST"
  # Ahead of the network namespace, from which nothing can be fetched.
  step node "$CLI" prepare "$@"
  run_in_network node "$CLI" demo "$@"
}
