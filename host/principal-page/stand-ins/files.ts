// Files of Node.js that the page has inside: the WebAssembly modules.
import { Buffer } from "./buffer.js";

/** Put in by the script that makes the page: base64 by name. */
declare const EMBEDDED_MODULES: Readonly<Record<string, string>>;

/** The page is in no folder. */
export const projectRoot = "";
/** A module is known by its name. */
export const wasmPath = (name: string): string => name;

/** The bytes of a module that the page holds. */
export function readFileSync(name: string): Buffer {
  const content = EMBEDDED_MODULES[name];
  if (content === undefined) throw new Error(`the page holds no ${name}`);
  return Buffer.from(content, "base64");
}

const none = (): never => {
  throw new Error("a page has no files, and no processes");
};
/** A page has no files. */
export const existsSync = () => false;
/** A page has no home. */
export const homedir = () => "";
/** Paths are names here. */
export const join = (...parts: string[]) => parts.join("/");
export {
  none as closeSync,
  none as connect,
  none as createReadStream,
  none as fsyncSync,
  none as linkSync,
  none as mkdirSync,
  none as openSync,
  none as readdirSync,
  none as request,
  none as get,
  none as spawn,
  none as statSync,
  none as unlinkSync,
  none as writeSync,
};
/** A page keeps no connections of its own. */
export class Agent {}
