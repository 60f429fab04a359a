// A Node.js of another major version than the one that set the clone up: what was built for the one works with the
// other, and what is too old says so in one line. `npm run test:nodes -- 24` brings a Node.js.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { exampleData } from "../support/example-data.js";
import { otherNodes } from "../support/other-node.js";
import { skip } from "../support/shared.js";

const { bin } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
  bin: Record<string, string>;
};
const folder = mkdtempSync(join(tmpdir(), "other-node-"));
test.after(() => rmSync(folder, { recursive: true }));

const nodes = otherNodes();
if (nodes.length === 0) skip(3, "no other Node.js; npm run test:nodes -- 24 brings one");
for (const { version, path } of nodes) {
  const run = (command: string, ...args: string[]) => {
    const script = join(projectRoot, bin[command] as string);
    return spawnSync(path, [script, ...args], { cwd: folder, encoding: "utf8" });
  };

  test(`${version}: every command of the package starts`, () => {
    for (const command of Object.keys(bin)) {
      const { status, stdout, stderr } = run(command, "--help");
      assert.is(status, 0, `${command}: ${stderr}`);
      assert.match(stdout, /^Usage: /, command);
      assert.is(stderr, "", command);
    }
  });

  test(`${version}: the interpreter that another Node.js has built runs a program`, () => {
    const [input = new Uint8Array(0)] = [exampleData("linear-regression")["input-0"]];
    const { status, stdout, stderr } = spawnSync(
      path,
      [
        join(projectRoot, bin["vc-fee"] as string),
        ...["--program", wasmPath("examples/linear-regression"), "--data", "-", "--json"],
      ],
      { cwd: folder, encoding: "utf8", input },
    );
    assert.is(status, 0, stderr);
    // Only interp counts fuel.
    assert.ok(JSON.parse(stdout).fuel > 1000, stdout);
  });

  test(`${version}: so does the attestation server's database`, () => {
    const database = `${version}.sqlite`;
    const key = run("vc-root-of-trust", "init", "--key", `${version}.key`, "--enrolment", "e.json");
    assert.is(key.status, 0, key.stderr);
    const enrolled = run("vc-pas", "enroll", "--database", database, "--from", "e.json");
    assert.is(enrolled.status, 0, enrolled.stderr);
    // What the one has written, the one at hand reads.
    const script = join(projectRoot, bin["vc-pas"] as string);
    const listed = spawnSync(
      process.execPath,
      [script, "list", "--database", database, "--what", "devices"],
      { cwd: folder, encoding: "utf8" },
    );
    assert.is(listed.status, 0, listed.stderr);
    assert.match(listed.stdout, /[0-9a-f]{64}/);
  });
}

test("a Node.js that is too old is told so in one line, whatever it can parse", () => {
  const text = readFileSync(join(projectRoot, "scripts/require-node.js"), "utf8");
  const old = `Object.defineProperty(process.versions, "node", { value: "18.20.4" });\n${text}`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", old], { encoding: "utf8" });
  assert.is(status, 1);
  assert.match(stderr, /^This project needs Node\.js >= 20\.19; this is 18\.20\.4\.$/m);
});

test.run();
