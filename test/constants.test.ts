// One source for each number of the ABI, the alerts, the protocols and the platform. Files of constants in
// assembly/ are that source; host code and tests import them, C gets a header that is printed from them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HCALL_PREFIX } from "../assembly/abi/hcalls.js";
import { projectRoot } from "../host/common/paths.js";
import { generatedSources } from "../host/generate/files.js";
import { pageHeader, serialHeader } from "../host/generate/firmware.js";
import { pageItems } from "../host/mcu-client/page-items.js";

const rooms = ["assembly", "host", "mcu-client", "scripts", "model"];

/** A file's text without its comments. */
function code(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
}

const tracked = (...folders: string[]) =>
  execFileSync("git", ["ls-files", ...folders], { cwd: projectRoot, encoding: "utf8" })
    .split("\n")
    .filter((path) => /\.(ts|js|c|h)$/.test(path));

/** Whether a file holds constants, and nothing that would have to run in AssemblyScript. */
function holdsConstantsOnly(path: string): boolean {
  return (
    code(path)
      .replace(/^import \{[^}]*\} from "[^"]*";$/gm, "")
      .replace(
        /^export const \w+: (?:[iu](?:8|16|32|64)|string) =\s*[^;{(]*(?:\([^)]*\)[^;{(]*)*;$/gm,
        "",
      )
      .replace(/^export enum \w+ \{[^}]*\}$/gm, "")
      .trim() === ""
  );
}

const generated = new Set(generatedSources().map(({ path }) => path));
const sources = tracked("assembly").filter(
  (path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && holdsConstantsOnly(path),
);

test("files of constants are found", () => {
  for (const path of [
    "assembly/abi/hcalls.ts",
    "assembly/mcu-client/codes.ts",
    "assembly/mcu-client/steps.ts",
    "assembly/platform-services/errors.ts",
    "assembly/psa-attestation/claim-keys.ts",
    "assembly/session-manager/alerts.ts",
    "assembly/session-manager/protocol.ts",
    "assembly/wasm-checker/refusals.ts",
  ])
    assert.ok(sources.includes(path), path);
});

test("code for Node.js imports of assembly/ only what holds constants", () => {
  const wrong: string[] = [];
  let imports = 0;
  for (const path of tracked("host", "test", "model", "scripts"))
    for (const [, target = ""] of code(path).matchAll(/from "(\.[^"]*\/assembly\/[^"]+)"/g)) {
      const source = join(dirname(path), target).replace(/\.js$/, ".ts");
      imports++;
      if (!sources.includes(source)) wrong.push(`${path} imports ${source}`);
    }
  assert.ok(imports > 30, `${imports} imports`);
  assert.equal(wrong, []);
});

/** Names that two standards have in common, or two modules for things of their own, and why. */
const shared: Readonly<Record<string, string>> = {
  MESSAGE_HASH: "the TLS handshake type, and a message of the transport protocol",
  MAX_EXTENSIONS: "of a TLS message, and of a certificate",
  CERTIFICATE: "the TLS handshake type, and an item of a device's page",
  HCALL_TRAP: "host/generate/hcalls.ts prints it",
};

test("no constant of such a file is written down a second time", () => {
  const owners = new Map<string, string>();
  for (const source of sources)
    for (const [, name = ""] of code(source).matchAll(/^export const (\w+)/gm))
      owners.set(name, source);
  assert.ok(owners.size > 300, `${owners.size} constants`);
  // A definition in TypeScript or C: `const NAME = 1`, `#define NAME 1`, `NAME = 1,`, `NAME: 1,`.
  const definition =
    /(?:\bconst |#define |^\s*|[{,]\s*)([A-Z][A-Z0-9_]+)(?:: \w+)? *(?:=|:| ) *(?:-?(?:0x)?[\d_a-f]+)\b/gm;
  const twice: string[] = [];
  for (const path of tracked(...rooms)) {
    if (generated.has(path)) continue;
    for (const [, name = ""] of code(path).matchAll(definition)) {
      const owner = owners.get(name);
      if (owner !== undefined && owner !== path && shared[name] === undefined)
        twice.push(`${path}: ${name} of ${owner}`);
    }
  }
  assert.equal(twice, []);
});

test("no label of the protocol is typed a second time", () => {
  const places = new Map<string, string[]>();
  for (const path of tracked(...rooms)) {
    // The table of the document describes them.
    if (generated.has(path) || path === "host/generate/tables.ts") continue;
    for (const [, label = ""] of code(path).matchAll(/"((?:EXPORTER-)?veracruz-[a-z-]+-v\d+)"/g))
      places.set(label, [...(places.get(label) ?? []), path]);
  }
  assert.ok(places.size >= 14, `${places.size} labels`);
  // Two modules have this one: what is printed from both fails where they differ (host/generate/labels.ts).
  places.delete("EXPORTER-veracruz-reattest-v2");
  assert.equal(
    [...places].filter(([, paths]) => paths.length > 1),
    [],
  );
});

test("no H-call's name is typed outside of the declarations and of text for WebAssembly", () => {
  const typed = tracked(...rooms).filter(
    (path) =>
      !generated.has(path) &&
      !path.startsWith("assembly/sdk/") && // which declares and calls them
      code(path).includes(HCALL_PREFIX),
  );
  assert.equal(typed, ["host/generate/hcalls.ts"]);
});

test("packets and items of a page are printed into C, and not written there", () => {
  assert.match(serialHeader(), /SERIAL_WELCOME = 2,/);
  for (const [name, number] of Object.entries(pageItems))
    assert.ok(pageHeader().includes(`  VC_ITEM_${name} = ${number},\n`), name);
  for (const path of tracked("mcu-client").filter((each) => !generated.has(each)))
    assert.not.match(code(path), /\b(?:VC_ITEM|SERIAL)_[A-Z_]+ = \d/, path);
});

test.run();
