import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";

/** The version of this package, for `/healthz` and `--version`. */
export const SERVER_VERSION: string = JSON.parse(
  readFileSync(join(projectRoot, "package.json"), "utf8"),
).version;
