# What the run_mcu_*.sh scripts share. Sourced, with ROOT set; POSIX sh.

CLI="$ROOT/build/js/host/mcu-client/cli.js"

say() { echo "$(basename "$0"): $*" >&2; }

die() {
  say "$*"
  exit 1
}

require_node() {
  command -v node >/dev/null 2>&1 || die "Node.js 20.19 or newer is needed, and there is none"
  node "$ROOT/scripts/require-node.js" || exit 1
}

# The Debian packages with what is missing of compilers, emulator and tools.
missing_packages() {
  for pair in cc:build-essential arm-none-eabi-gcc:gcc-arm-none-eabi make:make wasm2c:wabt \
    qemu-system-arm:qemu-system-arm ip:iproute2 dpkg-source:dpkg-dev xz:xz-utils; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair#*:}"
  done
  [ -d /usr/lib/arm-none-eabi ] || printf '%s ' libnewlib-arm-none-eabi
}

# Installs them when allowed to; else says how.
require_tools() {
  packages=$(missing_packages)
  [ -z "$packages" ] && return
  if [ "$INSTALL" = yes ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing $packages"
    # shellcheck disable=SC2086
    { apt-get update -q && apt-get install -q -y --no-install-recommends $packages; } >&2 ||
      die "apt-get has failed"
  else
    die "missing; on Debian: apt-get install --no-install-recommends $packages"
  fi
}

# Builds what is not up to date: the command must be there before anything else can be asked.
build_all() { node "$ROOT/scripts/setup.js" || exit 1; }

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
