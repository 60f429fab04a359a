/** The H-calls for C: their numbers, names and parameters, and the codes that they answer. */
import * as constants from "../../assembly/abi/hcalls.js";
import { ReturnCode } from "../../assembly/sdk/veracruz_rt/return-code.js";
import { hcalls } from "../isolate/hcalls.js";

const constantName = (name: string) => name.replace(/(?<!^)[A-Z]/g, "_$&").toUpperCase();

/** C text: an enumeration of `HCALL_…` and `CODE_…`, `HCALL_PREFIX`, and `HCALLS(X)`. */
export function hcallDefinitions(): string {
  const numbers = Object.entries(constants).filter(([, value]) => typeof value === "number");
  const codes = Object.entries(ReturnCode).filter(([, value]) => typeof value === "number");
  return `enum {
${numbers.map(([name, value]) => `  ${name} = ${value},`).join("\n")}
${codes.map(([name, value]) => `  CODE_${constantName(name)} = ${value},`).join("\n")}
};

#define HCALL_PREFIX "${constants.HCALL_PREFIX}"

/// X(number, name, parameters) for each H-call that a program may import from module "env".
#define HCALLS(X) \\
${hcalls.map(({ name, parameters }, number) => `  X(${number}, "${name}", ${parameters})`).join(" \\\n")}
`;
}
