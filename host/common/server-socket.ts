import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const PLACE = join("veracruz", "server.sock");

/**
 * Where a Veracruz server of this computer may have its administrator's socket, so that it is found without being named:
 * in the user's runtime folder, in the user's state folder, and where the systemd unit has it.
 */
export function wellKnownSockets(): string[] {
  const { XDG_RUNTIME_DIR: runtime = "", XDG_STATE_HOME: state = "" } = process.env;
  return [
    ...(isAbsolute(runtime) ? [join(runtime, PLACE)] : []),
    join(isAbsolute(state) ? state : join(homedir(), ".local", "state"), PLACE),
    join("/run", PLACE),
  ];
}
