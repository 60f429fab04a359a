import { HCALL_NAMES, HCALL_PREFIX } from "../../assembly/abi/hcalls.js";

export { HCALL_TRAP } from "../../assembly/abi/hcalls.js";

/**
 * The H-calls that a program may import from module `env`, by number (the index in this list). Each takes
 * `parameters` i32s and returns an i32.
 */
export const hcalls: readonly { name: string; parameters: number }[] = [
  ...HCALL_NAMES.matchAll(/(\D+)(\d)/g),
].map(([, name, parameters]) => ({
  name: `${HCALL_PREFIX}${name}`,
  parameters: Number(parameters),
}));

/** The number of an H-call by its name, or -1. */
export function hcallNumber(name: string): number {
  return hcalls.findIndex((hcall) => hcall.name === name);
}
