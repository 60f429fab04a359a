import { TRAP_TEXT_EXPORT } from "../../assembly/sdk/veracruz_rt/trap-text.js";
import { readU32 } from "../common/leb128.js";
import { SectionId, sectionsOf } from "../common/wasm-sections.js";

/** What an author should know about a program that is accepted. */
export interface Warning {
  readonly problem: string;
  readonly hint: string;
}

/** Functions that tool chains export for their host to call before `main`. An isolate calls `main` alone. */
const startFunctions: Record<string, string> = {
  _initialize:
    "call it first in main; AssemblyScript: compile with --target wasm32-arm-veracruz, whose main does so",
  __wasm_call_ctors:
    "call it first in main (C, C++: declare `void __wasm_call_ctors(void);`), and do not export it",
  __wasm_apply_data_relocs:
    "link the program without -shared and -pie: its data is then where it belongs from the start",
  _start:
    "let main be the entry (wasm-ld: --no-entry --export=main), with what _start did before it called main",
};

const FUNCTION = 0;

/** Names of a module's exported functions, as Latin-1. */
function exportedFunctions(bytes: Uint8Array): string[] {
  const names: string[] = [];
  for (const { id, start, end } of sectionsOf(bytes)) {
    if (id !== SectionId.export) continue;
    let [left, at] = readU32(bytes, start, end);
    for (; left > 0; left--) {
      const [length, text] = readU32(bytes, at, end);
      const kind = bytes[text + length];
      if (kind === FUNCTION)
        names.push(Buffer.from(bytes.subarray(text, text + length)).toString("latin1"));
      [, at] = readU32(bytes, text + length + 1, end);
    }
  }
  return names;
}

/**
 * What is likely to surprise the author of a program that an isolate accepts.
 *
 * @param bytes a module that the checker accepted
 */
export function warningsOf(bytes: Uint8Array): Warning[] {
  return exportedFunctions(bytes).flatMap((name) => {
    if (name === TRAP_TEXT_EXPORT)
      return {
        problem:
          "is compiled for development: it explains its traps to vc-fee, and an isolate passes that on to nobody",
        hint: "compile what an isolate is to run with --target wasm32-arm-veracruz; it is smaller",
      };
    const hint = Object.hasOwn(startFunctions, name) ? startFunctions[name] : undefined;
    if (hint === undefined) return [];
    return {
      problem: `exports ${name}, which its tool chain expects the host to call before main: an isolate calls main alone, so constructors and initialisers do not run`,
      hint,
    };
  });
}
