import { InvalidArgumentError } from "commander";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { type EmulatedChoice, expectedEmulated, parseEmulated } from "../mcu/toolchain.js";

/** What an isolate runs on, and where. */
export type IsolateChoice =
  | { kind: "process" }
  | { kind: "tcp"; address: { host: string; port: number } }
  | ({ kind: "qemu" } & EmulatedChoice)
  | { kind: "serial"; device: string };

/** What starts the isolate, or where it is: `process`, `tcp:HOST:PORT`, `qemu:BOARD[:HOST]`, `serial:DEVICE`. @throws InvalidArgumentError */
export function parseIsolate(text: string): IsolateChoice {
  const [, kind, rest = ""] = /^(process|tcp|qemu|serial)(?::(.+))?$/.exec(text) ?? [];
  const emulated = parseEmulated(rest);
  if (text === "process") return { kind: "process" };
  if (kind === "tcp" && rest !== "") return { kind, address: parseAddress(rest) };
  if (kind === "serial" && rest !== "") return { kind, device: rest };
  if (kind === "qemu" && emulated) return { kind, ...emulated };
  throw new InvalidArgumentError(
    expectedEmulated(
      `process or tcp:HOST:PORT, as in tcp:${formatAddress(addresses.isolate)}, or serial:DEVICE, or `,
    ),
  );
}
