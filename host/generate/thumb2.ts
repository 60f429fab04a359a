/** Prints what code of the Thumb-2 compiler and its home agree on, for the firmware. */
import * as layout from "../../assembly/thumb2-compiler/layout.js";

/** The text of `mcu-client/compiled-code/layout.h`. */
export function thumb2Header(): string {
  const lines = Object.entries(layout)
    .filter((item): item is [string, number] => typeof item[1] === "number")
    .map(([name, value]) => `#define ${name} ${value}`);
  return `// Made from assembly/thumb2-compiler/layout.ts: change that file and run npm run build.
#ifndef COMPILED_CODE_LAYOUT_H
#define COMPILED_CODE_LAYOUT_H

${lines.join("\n")}

#endif
`;
}
