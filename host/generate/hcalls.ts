/** Prints the H-calls in other forms from their declarations, `assembly/sdk/veracruz_rt/env.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Declaration, readDeclarations } from "../common/declarations.js";
import { projectRoot } from "../common/paths.js";

const PREFIX = "__veracruz_hcall_";

/** The declared H-calls, without their prefix. */
function declarations(): Declaration[] {
  const path = join(projectRoot, "assembly", "sdk", "veracruz_rt", "env.ts");
  return readDeclarations(readFileSync(path, "utf8")).map((declaration) => {
    if (!declaration.name.startsWith(PREFIX))
      throw new Error(`${declaration.name} of env.ts does not begin with ${PREFIX}`);
    return { ...declaration, name: declaration.name.slice(PREFIX.length) };
  });
}

/** The text of `assembly/abi/hcalls.ts`. */
export function hcallTable(): string {
  const declared = declarations();
  const names = declared.map(({ name, parameters }) => `${name}${parameters.length}`);
  return `/**
 * Made from \`assembly/sdk/veracruz_rt/env.ts\`, which declares and describes the H-calls: change that file
 * and run \`npm run build\`.
 */

/** What each H-call's name begins with. */
export const HCALL_PREFIX: string = "${PREFIX}";

/**
 * What follows the prefix, by number, and after each name the number of its i32 parameters: one string, since
 * each string of its own takes 28 bytes more.
 */
export const HCALL_NAMES: string =
  "${names.join("")}";

/** The numbers by which the home asks the runtime's export \`hcall\`. */
${declared
  .map(({ name }, number) => `export const HCALL_${name.toUpperCase()}: u32 = ${number};`)
  .join("\n")}

/** What the export \`hcall\` answers to make the program trap. Positive, which no code of the ABI is. */
export const HCALL_TRAP: i32 = 1;
`;
}

/** The C type of a parameter: what it points to follows from its name. */
function cType({ name, type }: { name: string; type: string }, result: string): string {
  if (type === "usize" && name === "out") return "uint32_t *";
  const given = result === "write_output" ? "const " : "";
  return type === "usize" && name === "buffer" ? `${given}uint8_t *` : "uint32_t ";
}

/** The H-calls as prototypes of C, each with its description. */
function prototypes(): string[] {
  return declarations().flatMap(({ name, doc, parameters }) => {
    const list = parameters.map((parameter) => `${cType(parameter, name)}${parameter.name}`);
    return [`/* ${doc} */`, `VC_HCALL(${name})(${list.join(", ")});`];
  });
}

/** The codes: names as in the ABI, values, descriptions. */
function codeRows(): { name: string; value: string; doc: string }[] {
  const path = join(projectRoot, "assembly", "sdk", "veracruz_rt", "return-code.ts");
  const rows = readFileSync(path, "utf8").matchAll(
    /^(?: {2}\/\*\* (.*) \*\/\n)? {2}(\w+) = (-?\d+),$/gm,
  );
  return [...rows].map(([, doc = "Done.", name = "", value = ""]) => ({
    name: name.replace(/(?<!^)[A-Z]/g, "_$&").toUpperCase(),
    value,
    doc,
  }));
}

/** A file of the SDKs with a printed part in it, from a comment that begins with its mark to one that says `end`. */
function withPrinted(text: string, mark: string, lines: readonly string[]): string {
  const part = new RegExp(
    `^( *(?:/\\*|//) table: ${mark};.*\\n)[\\s\\S]*?^( *(?:/\\* end \\*/|// end)$)`,
    "m",
  );
  if (!part.test(text)) throw new Error(`there is no table ${mark}`);
  return text.replace(part, (_all, begin: string, end: string) =>
    [begin.trimEnd(), ...lines, end].join("\n"),
  );
}

const sdkFile = (path: string): string =>
  readFileSync(join(projectRoot, "sdk", ...path.split("/")), "utf8");

/** The text of `sdk/c/veracruz.h`: as it is, with H-calls and codes as the ABI has them. */
export function cHeader(): string {
  const codes = codeRows().map(
    ({ name, value, doc }) => `#define VC_${name} ((vc_code)${value}) /* ${doc} */`,
  );
  const text = withPrinted(sdkFile("c/veracruz.h"), "codes", codes);
  return withPrinted(text, "h-calls", prototypes());
}

/** The text of `sdk/rust/src/code.rs`: as it is, with the codes as the ABI has them. */
export function rustCodes(): string {
  const codes = codeRows()
    .filter(({ value }) => value !== "0")
    .flatMap(({ name, value, doc }) => [
      `    /// ${doc}`,
      `    pub const ${name}: Code = Code(${value});`,
    ]);
  return withPrinted(sdkFile("rust/src/code.rs"), "codes", codes);
}

/** The Rust type of a parameter. */
function rustType({ name, type }: { name: string; type: string }, call: string): string {
  if (type !== "usize") return "u32";
  if (name === "out") return "*mut u32";
  if (name !== "buffer") return "usize";
  return call === "write_output" ? "*const u8" : "*mut u8";
}

/** The text of `sdk/rust/src/hcalls.rs`: as it is, with the H-calls as the ABI has them. */
export function rustHcalls(): string {
  const lines = declarations().flatMap(({ name, doc, parameters }) => {
    const list = parameters.map((each) => `${each.name}: ${rustType(each, name)}`);
    return [`    /// ${doc}`, `    pub fn ${PREFIX}${name}(${list.join(", ")}) -> i32;`];
  });
  return withPrinted(sdkFile("rust/src/hcalls.rs"), "h-calls", lines);
}
