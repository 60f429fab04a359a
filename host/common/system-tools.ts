import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The path of a command that the system has, or undefined. Those in a `node_modules` do not count: npm
 * puts them first, and among them is a wasm2c of another version.
 */
export function systemTool(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
