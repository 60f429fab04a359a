import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./paths.js";

/** The version of this package, for `--version`, `/healthz` and the measurements of isolates. */
export const VERSION: string = JSON.parse(
  readFileSync(join(projectRoot, "package.json"), "utf8"),
).version;
