import { InvalidArgumentError } from "commander";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { type EmulatedBoard, emulatedBoards, type Host, runtimeHosts } from "../mcu/toolchain.js";

/** What an isolate runs on, and where. */
export type IsolateChoice =
  | { kind: "process" }
  | { kind: "tcp"; address: { host: string; port: number } }
  | { kind: "qemu"; board: EmulatedBoard; runtimeHost: Host }
  | { kind: "serial"; device: string };

/** What starts the isolate, or where it is: `process`, `tcp:HOST:PORT`, `qemu:BOARD[:HOST]`, `serial:DEVICE`. @throws InvalidArgumentError */
export function parseIsolate(text: string): IsolateChoice {
  const [, kind, rest = ""] = /^(process|tcp|qemu|serial)(?::(.+))?$/.exec(text) ?? [];
  const [boardName, host = "wasm3"] = rest.split(":");
  const board = emulatedBoards.find((each) => each === boardName);
  const runtimeHost = runtimeHosts.find((each) => each === host);
  if (text === "process") return { kind: "process" };
  if (kind === "tcp" && rest !== "") return { kind, address: parseAddress(rest) };
  if (kind === "serial" && rest !== "") return { kind, device: rest };
  if (kind === "qemu" && board && runtimeHost) return { kind, board, runtimeHost };
  throw new InvalidArgumentError(
    `expected process or tcp:HOST:PORT, as in tcp:${formatAddress(addresses.isolate)}, ` +
      `or serial:DEVICE, or qemu:BOARD or qemu:BOARD:HOST with one of ${emulatedBoards.join(", ")} and ${runtimeHosts.join(", ")}`,
  );
}
