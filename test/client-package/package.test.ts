// The package @veracruz/client by itself: how large, how quick, on every Node.js; a party that has nothing else takes
// part in a computation, across two networks where this user may make one.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "../../host/common/free-port.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { until } from "../support/system.js";
import { cable } from "../support/two-networks.js";
import { Desk } from "../veracruz/people.js";

const desk = new Desk();
/** A folder in which nothing of this project can be found but the package. */
const installed = desk.path("installed/node_modules/@veracruz/client");
mkdirSync(installed, { recursive: true });
const bundled = spawnSync(
  process.execPath,
  [join(projectRoot, "scripts/bundle-client.js"), installed],
  {
    encoding: "utf8",
  },
);
const command = join(installed, "build/js/cli.js");
test.after(() => desk.remove());

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );

test("it has at most 5 MiB and no dependency, and nothing in it is native code", () => {
  assert.is(bundled.status, 0, bundled.stderr);
  const names = files(installed);
  const size = names.reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
  assert.ok(size < 1024 * 1024, `${size} bytes`);
  // README.md says how large it is.
  const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
  const [, told] = /`@veracruz\/client`\]\([^)]*\): ([\d.]+) MB/.exec(readme) ?? [];
  assert.is(told, (size / 1e6).toFixed(1), `${size} bytes`);
  const { dependencies, bin, version } = JSON.parse(
    readFileSync(join(installed, "package.json"), "utf8"),
  );
  assert.is(dependencies, undefined);
  assert.ok(existsSync(join(installed, bin.veracruz)));
  assert.is(version, JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")).version);
  assert.equal(
    names.filter((name) => /\.(node|so|c|h|gyp)$/.test(name)),
    [],
  );
  const licences = readFileSync(join(installed, "build/THIRD-PARTY.txt"), "utf8");
  for (const name of ["commander", "cbor-x", "@msgpack/msgpack"])
    assert.match(licences, `${name} `);
  assert.match(licences, "Permission is hereby granted");
});

/** Bytes of the scripts that Node.js evaluates for these arguments, its own left out. */
function evaluatedBytes(args: readonly string[]): number {
  const folder = desk.path("coverage");
  const { status, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, NODE_V8_COVERAGE: folder },
  });
  assert.is(status, 0, stderr);
  const reports = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  assert.is(reports.length, 1);
  const { result } = JSON.parse(reports[0] as string) as { result: { url: string }[] };
  return result
    .filter(({ url }) => url.startsWith("file:"))
    .reduce((sum, { url }) => sum + statSync(new URL(url)).size, 0);
}

test("what only the whole project does is said to be there, not unknown", () => {
  for (const words of [["plan", "plan.yaml"], ["up", "policy.json", "--detach"], ["open"]]) {
    const { status, stderr } = spawnSync(process.execPath, [command, ...words], {
      encoding: "utf8",
    });
    assert.is(status, 2, stderr);
    assert.match(
      stderr,
      new RegExp(
        `^veracruz: veracruz ${words[0]} is not in this package.* needs the whole project`,
      ),
    );
  }
  const help = spawnSync(process.execPath, [command, "--help"], { encoding: "utf8" }).stdout;
  assert.not.match(help, /^ {2}(plan|up|open) /m);
});

test("its start evaluates little more than a help text needs", () => {
  const bytes = evaluatedBytes([command, "--help"]);
  console.log(`start: ${bytes} bytes of scripts`);
  // The bar is 60 ms of processor time above bare Node.js (`npm run bench:client-package` prints it). A test counts
  // what costs that time instead: all commands together are twice as large, and no WebAssembly is compiled.
  assert.ok(bytes > 0 && bytes < 200 * 1024, `${bytes} bytes`);
});

test("its library can be imported, and its types stand by themselves", async () => {
  desk.write(
    "installed/use.mjs",
    `import * as client from "@veracruz/client"; console.log(Object.keys(client).sort().join());`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, [desk.path("installed/use.mjs")], {
    encoding: "utf8",
  });
  assert.match(stdout, /ClientError.*Policy.*VeracruzClient.*loadIdentity/, stderr);
  desk.write(
    "installed/use.ts",
    `import { loadIdentity, Policy, VeracruzClient } from "@veracruz/client";
    export async function send(policy: Uint8Array, certificate: Uint8Array, key: string, data: Uint8Array) {
      const identity = loadIdentity(certificate, key);
      const client = await VeracruzClient.connect({ policy: new Policy(policy), identity });
      await client.sendData("input-0", data);
      await client.close();
    }`,
  );
  const tsc = spawnSync(
    process.execPath,
    [
      join(projectRoot, "node_modules/typescript/bin/tsc"),
      ...["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", "node"],
      ...["--typeRoots", join(projectRoot, "node_modules/@types"), desk.path("installed/use.ts")],
    ],
    { encoding: "utf8", cwd: desk.path("installed") },
  );
  assert.is(tsc.status, 0, tsc.stdout);
});

/** Runs the package's command, in a network of its own where `network` names one. */
async function party(network: string | undefined, home: string, ...words: string[]) {
  const line = [process.execPath, command, ...words];
  const [program, ...args] =
    network === undefined ? line : ["ip", "netns", "exec", network, ...line];
  const child = spawn(program as string, args, {
    cwd: desk.folder,
    // No XDG folders: what a user has who has set nothing.
    env: { PATH: process.env.PATH, HOME: desk.path(home) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const [code] = await once(child, "close");
  return { code, out, err };
}

const networks = cable();
if (networks === undefined)
  skip(0, "no network namespaces for this user: the party and the server are on one network");

test("a party with nothing but Node.js and this package takes part in a computation", async () => {
  const data = exampleData("string-edit-distance");
  desk.write("distance.wasm", readFileSync(wasmPath("examples/string-edit-distance")));
  desk.write("one", data["input-0"] as Uint8Array);
  desk.write("two", data["input-1"] as Uint8Array);
  const address = networks?.address ?? "127.0.0.1";
  const [server, attestation] =
    networks === undefined ? [await freePort(), await freePort()] : [3017, 3010];
  // The operator is alice, with the whole project; bob has the package.
  await desk.init("alice");
  const made = await party(networks?.client, "bob", "init", "--as", "bob");
  assert.is(made.code, 0, made.err);
  desk.write("bob.contact", made.out);
  desk.write(
    "plan.yaml",
    `parties:
  alice: {contact: alice.contact, sends: [distance.wasm, input-0]}
  bob: {contact: bob.contact, sends: input-1, reads: output}
programs: {distance.wasm: distance.wasm}
server: ${address}:${server}
attestation: {server: "${address}:${attestation}"}
`,
  );
  for (const words of ["plan plan.yaml", "review policy.json --as alice --accept"]) {
    const { code, err } = await desk.run(...words.split(" "));
    assert.is(code, 0, err);
  }
  const whole = (words: string) => desk.runIn(networks?.server, ...words.split(" "));
  const up = whole("up policy.json --detach");
  try {
    assert.is(up.status, 0, up.stderr);
    const sent = whole("send --as alice distance.wasm distance.wasm input-0 one");
    assert.is(sent.status, 0, sent.stderr);
    for (const words of [
      "review policy.json --accept",
      "send input-1 two",
      "status --json",
      "fetch output -o result",
    ]) {
      const { code, err } = await party(networks?.client, "bob", ...words.split(" "));
      assert.is(code, 0, `${words}: ${err}`);
    }
    assert.equal(
      new Uint8Array(readFileSync(desk.path("result"))),
      new Uint8Array(data["expected-1"] as Uint8Array),
    );
    await until("the server has ended", () => whole("up policy.json --stop").status === 1);
  } finally {
    whole("up policy.json --stop");
    networks?.remove();
  }
});

test.run();
