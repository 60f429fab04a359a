// Runs suites on other versions of Node.js than the one at hand. Their binaries come from npm's packages of the name
// node-PLATFORM-CPU, pinned here, and are kept in build/nodes/.
//
// Usage: npm run test:nodes -- [VERSION]... [--all | --only PATTERN]... [--again]
// @ts-check
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** By major version. */
const versions = /** @type {Record<string, string>} */ ({
  22: "22.23.3",
  24: "24.21.0",
  26: "26.10.0",
});

/** What differs between versions: addons, SQLite, TLS, streams, processes, WebAssembly; and the whole way once. */
const quick = [
  "client-package/",
  "common/",
  "end-to-end/process.test",
  "execution-engine/",
  "freestanding-execution-engine/",
  "isolate/",
  "policy-generator/",
  "program-packages/",
  "proxy-attestation-server/",
  "psa-attestation/",
  "runtime-manager/in-process.test",
  "transport-protocol/",
  "translated-module/",
  "veracruz-client/",
  "veracruz-server/",
  "veracruz-utils/",
  "wasm3-node/l",
  "wasm3-node/memory",
  "wasm3-node/numerics",
  "wasm3-node/traps",
  "wasm3-node/values",
];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", short: "h", default: false },
  },
});
const wanted = positionals.length > 0 ? positionals : Object.keys(versions);
const unknown = wanted.filter((major) => !versions[major]);
if (options.help || unknown.length > 0) {
  const text = `Usage: npm run test:nodes -- [VERSION]... [--all | --only PATTERN...]

  VERSION        ${Object.keys(versions).join(", ")} (default: each)
  --all          every test file, not only what differs between versions
  --only PATTERN test files whose path contains it (repeatable)
  --again        run what fails once more when all others have ended, alone`;
  if (options.help) console.log(text);
  else console.error(`test-nodes: no Node.js ${unknown.join(", ")} here\n${text}`);
  process.exit(options.help ? 0 : 2);
}

/** The binary of that version, installed where it is not there yet. @param {string} version */
function binary(version) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, "build", "nodes", version);
  const path = join(folder, "node_modules", name, "bin", "node");
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  // The network may break off once.
  for (let attempt = 0; attempt < 3; attempt++) {
    const { status } = spawnSync("npm", [...args, `${name}@${version}`], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status === 0 && existsSync(path)) return path;
  }
  throw new Error(`${name}@${version} cannot be installed`);
}

const patterns = options.all ? [] : options.only.length > 0 ? options.only : quick;
const again = options.again ? ["--again"] : [];
let failed = false;
for (const major of wanted) {
  const node = binary(/** @type {string} */ (versions[major]));
  console.log(`\nNode.js ${versions[major]}`);
  const { status } = spawnSync(node, [join(root, "build/js/test/run.js"), ...patterns, ...again], {
    cwd: root,
    stdio: "inherit",
    // What a test starts by the name `node` is that version, too.
    env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` },
  });
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
