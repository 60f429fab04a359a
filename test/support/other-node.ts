// Other versions of Node.js than the one at hand, as scripts/test-nodes.js has installed them.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";

/** The binaries of other major versions: of each version that is installed, its numbers and its path. */
export function otherNodes(): { version: string; path: string }[] {
  const folder = join(projectRoot, "build/nodes");
  const name = `node-${process.platform}-${process.arch}`;
  const own = process.versions.node.split(".")[0];
  return (existsSync(folder) ? readdirSync(folder) : [])
    .map((version) => ({ version, path: join(folder, version, "node_modules", name, "bin/node") }))
    .filter(({ version, path }) => version.split(".")[0] !== own && existsSync(path));
}
