/**
 * The print for development. A program imports it from `env`; no isolate offers it, so that vc-wc and every isolate
 * refuse the program. For vc-fee it becomes an H-call that cannot succeed, which a debugger sees.
 */

import { HCALL_PREFIX } from "../../assembly/abi/hcalls.js";
import { leb128, readU32 } from "../common/leb128.js";
import { SectionId, sectionsOf } from "../common/wasm-sections.js";
import { DEBUG_PRINT } from "../wasm-checker/import-hints.js";

/** The input that no run has: reading it is a print. SDKs pass it as the first of three arguments. */
export const PRINT_INDEX = 0xffff_ffff;

/** A program that an engine takes, and by how much its code stands further on than in the file. */
export interface WithoutPrint {
  readonly bytes: Uint8Array;
  readonly prints: boolean;
  /** Add it to an offset behind the imports to come from the file to `bytes`. */
  readonly shift: number;
}

const lengthOf = (value: number): number =>
  value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;

/** Names the print of a program as the H-call `read_input`; a program without one stays as it is. */
export function withoutPrint(program: Uint8Array): WithoutPrint {
  const same = { bytes: program, prints: false, shift: 0 };
  const section = [...sectionsOf(program)].find(({ id }) => id === SectionId.import);
  if (section === undefined) return same;
  const wanted = Buffer.from(
    `\x03env${String.fromCharCode(DEBUG_PRINT.length)}${DEBUG_PRINT}`,
    "latin1",
  );
  const content = Buffer.from(program.subarray(section.start, section.end));
  const at = content.indexOf(wanted);
  if (at < 0) return same;
  const name = `${HCALL_PREFIX}read_input`;
  const renamed = Buffer.concat([
    content.subarray(0, at + 4),
    Buffer.from([name.length]),
    Buffer.from(name, "latin1"),
    content.subarray(at + wanted.length),
  ]);
  const head = section.end - section.size;
  const bytes = Buffer.concat([
    program.subarray(0, head),
    Buffer.from([SectionId.import, ...leb128(renamed.length, lengthOf(renamed.length))]),
    renamed,
    program.subarray(section.end),
  ]);
  // The section must be what the checker reads: no count in it changed.
  readU32(bytes, head + 1, bytes.length);
  return { bytes: new Uint8Array(bytes), prints: true, shift: bytes.length - program.length };
}
