// Compiler transform of the trusted runtime, named in `scripts/wasm-modules.js`.
//
// Writes the version of this package into the module's custom section `version`. It is measured with the module, so
// that a root of trust can say which version it has measured.
// @ts-check
import { readFileSync } from "node:fs";

/** @type {{version: string}} */
const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

export default class Version {
  /** @param {{addCustomSection(name: string, contents: Uint8Array): void}} module */
  afterCompile(module) {
    module.addCustomSection("version", Buffer.from(version));
  }
}
