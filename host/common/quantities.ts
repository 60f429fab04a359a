import { InvalidArgumentError } from "commander";

const unitBytes: Record<string, number> = {
  "": 1,
  B: 1,
  KIB: 1024,
  K: 1024,
  MIB: 1024 ** 2,
  M: 1024 ** 2,
  GIB: 1024 ** 3,
  G: 1024 ** 3,
};

/**
 * A size in bytes given as a whole number with an optional unit (`65536`, `64KiB`, `16M`).
 *
 * @param most the largest size allowed, in bytes
 * @param least the smallest
 */
export function parseBytes(text: string, most = 2 ** 32 - 1, least = 0): number {
  const [, digits, unit] = /^(\d+)\s*([a-zA-Z]*)$/.exec(text.trim()) ?? [];
  const scale = unitBytes[(unit ?? "").toUpperCase()];
  if (digits === undefined || scale === undefined) {
    throw new InvalidArgumentError("expected a size such as 65536, 64KiB or 16MiB");
  }
  const bytes = Number(digits) * scale;
  if (bytes < least) throw new InvalidArgumentError(`expected at least ${least} bytes`);
  if (bytes > most) throw new InvalidArgumentError(`expected at most ${most} bytes`);
  return bytes;
}

/**
 * Reads an option in whole seconds, for code that counts milliseconds. `unit` tells the help text in what
 * the option, and so its default, is written.
 */
export function seconds(least: number, most: number) {
  return Object.assign((text: string) => parseWhole(text, least, most) * 1000, { unit: 1000 });
}

/** A whole number between two bounds. */
export function parseWhole(text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
  }
  return value;
}
