import type { EmulatedBoard } from "./toolchain.js";

/**
 * QEMU's arguments to run an image without a window, its console on standard output, one instruction
 * taking one nanosecond of guest time where `exact` is set.
 *
 * @param commandLine what the firmware reads by semihosting; without commas
 */
export function emulatorArguments(options: {
  board: EmulatedBoard;
  image: string;
  commandLine?: string;
  exact?: boolean;
}): string[] {
  const semihosting = ["enable=on", "target=native"];
  if (options.commandLine !== undefined) semihosting.push(`arg=${options.commandLine}`);
  return [
    ...["-machine", options.board],
    // The network controller is part of the board; a hub without a peer keeps it silent.
    ...["-nic", "none", "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio"],
    ...["-semihosting-config", semihosting.join(",")],
    ...(options.exact ? ["-icount", "shift=0"] : []),
    ...["-kernel", options.image],
  ];
}
