// What may import what. Without circles a file can be read after what it uses; with layers a room can be
// understood, tested and replaced without those above it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

/** Rooms, from the lowest layer up: a room imports from layers below its own, never from its own. */
const layers: readonly (readonly string[])[] = [
  [
    "assembly/abi",
    "assembly/platform-services",
    "assembly/encoding",
    "assembly/asn1",
    "assembly/cbor",
  ],
  ["assembly/crypto", "assembly/transport-protocol", "assembly/wasm-checker", "assembly/sdk"],
  ["assembly/x509", "assembly/execution-engine", "assembly/thumb2-compiler"],
  ["assembly/psa-attestation", "assembly/session-manager", "assembly/veracruz-utils"],
  ["assembly/continuity", "assembly/dice"],
  ["assembly/mcu-client", "assembly/runtime-manager"],
  ["assembly/trusted-runtime"],
  ["assembly/testing"],
  ["host/common"],
  ["host/wasm3-node", "host/transport-protocol", "host/program-data", "host/thumb2-compiler"],
  ["examples/no_std"],
  ["host/translated-module"],
  ["host/psa-attestation"],
  ["host/update"],
  ["host/x509", "host/isolate"],
  ["host/session-manager", "host/continuity", "host/wasm-checker", "host/mcu"],
  ["host/program-debugger"],
  ["host/veracruz-utils", "host/freestanding-execution-engine"],
  ["host/proxy-attestation-server", "host/policy-generator", "host/program-tests"],
  ["host/veracruz-client", "host/veracruz-server"],
  ["host/veracruz"],
  ["host/demo", "host/principal-page"],
  ["host/mcu-client"],
  ["host/benchmarks", "host/generate"],
];

/**
 * Circles that are left, by one of their files: with `import type` all the way round, and why they cannot
 * be cut. There are none.
 */
const typeCircles: Readonly<Record<string, string>> = {};

interface Import {
  readonly file: string;
  /** Whether nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
}

const files = ["assembly", "examples", "host", "test"].flatMap((folder) =>
  readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .map((file) => `${folder}/${file}`),
);

const statement =
  /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gms;

/** What a file imports of this repository's sources. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(projectRoot, file), "utf8");
  return [...text.matchAll(statement)].flatMap(([, type, path, lazy]) => {
    const target = join(dirname(file), path ?? lazy ?? "");
    const found = [target.replace(/\.js$/, ".ts"), `${target}.ts`, `${target}/index.ts`].find(
      (candidate) => candidate.endsWith(".ts") && existsSync(join(projectRoot, candidate)),
    );
    return found === undefined ? [] : [{ file: found, typeOnly: type !== undefined }];
  });
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));

/** Files that import each other in a circle, over imports that count (Tarjan's components). */
function circles(counts: (edge: Import) => boolean): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    lowest.set(file, own);
    stack.push(file);
    for (const edge of graph.get(file) ?? []) {
      if (!counts(edge)) continue;
      const reached = order.has(edge.file)
        ? stack.includes(edge.file)
          ? (order.get(edge.file) as number)
          : own
        : visit(edge.file);
      lowest.set(file, Math.min(lowest.get(file) as number, reached));
    }
    if (lowest.get(file) === own) {
      const component = stack.splice(stack.indexOf(file));
      if (component.length > 1) found.push(component.sort());
    }
    return lowest.get(file) as number;
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return found;
}

const roomOf = (file: string) => file.split("/").slice(0, 2).join("/");

test("imports are found", () => {
  const edges = [...graph.values()].reduce((sum, { length }) => sum + length, 0);
  assert.ok(edges > 1_000, `${edges} imports in ${files.length} files`);
});

test("no file imports itself over others", () => {
  assert.equal(
    circles(({ typeOnly }) => !typeOnly),
    [],
  );
});

test("every circle of types has its reason, and every reason its circle", () => {
  const left = circles(() => true);
  for (const circle of left)
    assert.ok(
      circle.some((file) => typeCircles[file] !== undefined),
      `without a reason: ${circle.join(", ")}`,
    );
  for (const file of Object.keys(typeCircles))
    assert.ok(
      left.some((circle) => circle.includes(file)),
      `${file} is in no circle`,
    );
});

test("every room has its layer", () => {
  const rooms = new Set(
    files.filter((file) => /^(?:assembly|examples|host)\/[^/]+\//.test(file)).map(roomOf),
  );
  assert.equal([...rooms].sort(), layers.flat().sort());
});

test("no room imports from its own layer or from one above", () => {
  const layerOf = new Map(layers.flatMap((rooms, layer) => rooms.map((room) => [room, layer])));
  const wrong: string[] = [];
  for (const [file, imports] of graph) {
    const layer = layerOf.get(roomOf(file));
    if (layer === undefined) continue;
    for (const { file: imported } of imports) {
      const other = layerOf.get(roomOf(imported)) ?? Number.POSITIVE_INFINITY;
      if (roomOf(imported) !== roomOf(file) && other >= layer)
        wrong.push(`${file} imports ${relative(".", imported)}`);
    }
  }
  assert.equal(wrong, []);
});

/** What host/ exports for tests alone, by name, and why it stays there. */
const forTestsAlone: Readonly<Record<string, string>> = {
  generatedFiles: "what the build prints, in one list, for the test that it is printed",
};

test("what host/ exports is used outside of its file, and not by tests alone", () => {
  const text = new Map(
    [...files, "scripts/build.js"].map((file) => [
      file,
      readFileSync(join(projectRoot, file), "utf8"),
    ]),
  );
  const left = new Set(Object.keys(forTestsAlone));
  const wrong: string[] = [];
  let exported = 0;
  for (const [file, source] of text) {
    if (!file.startsWith("host/")) continue;
    for (const [, name = ""] of source.matchAll(
      /^export (?:async )?(?:function|const|let|class) (\w+)/gm,
    )) {
      exported++;
      const word = new RegExp(`\\b${name}\\b`, "g");
      const usedHere = (source.match(word)?.length ?? 0) > 1;
      const usedElsewhere = [...text].some(
        ([other, code]) => other !== file && !other.startsWith("test/") && word.test(code),
      );
      if (usedHere || usedElsewhere || left.delete(name)) continue;
      wrong.push(`${file}: ${name}`);
    }
  }
  assert.ok(exported > 500, `${exported} exports`);
  assert.equal(wrong, []);
  assert.equal([...left], [], "no longer for tests alone");
});

test.run();
