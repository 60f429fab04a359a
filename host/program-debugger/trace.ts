/** H-calls in words, for `vc-fee --trace`. */
import { HCALL_PREFIX } from "../../assembly/abi/hcalls.js";
import { hcalls } from "../isolate/hcalls.js";
import type { TracedCall } from "./debugger.js";

/** Names of an H-call's parameters; docs/abi.md. */
function parameterNames(name: string, count: number): readonly string[] {
  if (name === "write_output" || name === "getrandom") return ["buffer", "length"];
  if (name.startsWith("read_")) return ["index", "buffer", "capacity"].slice(-count);
  return ["index", "out"].slice(-count);
}

/**
 * One H-call as a line: `read_input(index 0, buffer 1032, capacity 16) = 0`.
 *
 * @param nameOfCode what a code is called
 */
export function describeCall(
  { number, arguments: given, code, stored }: TracedCall,
  nameOfCode: (code: number) => string | undefined,
): string {
  const name = hcalls[number]?.name.slice(HCALL_PREFIX.length) ?? `h-call ${number}`;
  const names = parameterNames(name, given.length);
  const list = given.map((value, i) => `${names[i]} ${value}`).join(", ");
  const codeName = code === undefined || code === 0 ? undefined : nameOfCode(code);
  const end =
    code === undefined ? "trap" : `${code}${codeName === undefined ? "" : ` (${codeName})`}`;
  return `${name}(${list}) = ${end}${stored === undefined ? "" : `, out = ${stored}`}`;
}
