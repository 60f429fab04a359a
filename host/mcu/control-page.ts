import { crc32 } from "node:zlib";

/** What a board knows of its server. */
export type ControlChoice = { readonly key: Uint8Array } | "trust-network";

/** Modes of the page, `enum control` of `mcu-client/hal/control.h`. */
const MODE_KEY = 1;
const MODE_TRUST_NETWORK = 2;

/**
 * The page that a board reads at its start: "VCCTRL01", then u32 mode, the key (32 bytes) or zeros, u32 CRC-32 of
 * mode and key; little-endian.
 */
export function controlPage(choice: ControlChoice): Buffer {
  const content = Buffer.alloc(36);
  content.writeUInt32LE(choice === "trust-network" ? MODE_TRUST_NETWORK : MODE_KEY);
  if (choice !== "trust-network") content.set(choice.key, 4);
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc32(content) >>> 0);
  return Buffer.concat([Buffer.from("VCCTRL01", "latin1"), content, check]);
}
