// Preloaded (--import) by sanitized.test.ts: loads the sanitized build of the addon in place of the other.
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";

const addon = join(projectRoot, "build", "wasm3", "wasm3.node");
const sanitized = join(projectRoot, "build", "wasm3", "sanitized", "wasm3.node");
const dlopen = process.dlopen;
process.dlopen = (module: object, file: string, ...flags: [number?]) => {
  if (file === addon) console.log("the sanitized addon");
  dlopen.call(process, module, file === addon ? sanitized : file, ...(flags as [number]));
};
