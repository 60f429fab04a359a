// Every line of every shell block of every document is run by a test: here, as it is printed, or by the suite that the
// table names. A block that nobody runs fails.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";
import { missingTools } from "../host/mcu/toolchain.js";
import { skip } from "./support/shared.js";

const read = (path: string) => readFileSync(join(projectRoot, path), "utf8");

/** Where a line of a document is run that is not run here, and what shows so in that file. */
interface Runner {
  readonly line: RegExp;
  readonly by: string;
  readonly shows: RegExp;
}
const suite = (line: RegExp, by: string, shows: RegExp): Runner => ({ line, by, shows });

/** Suites that read a document, and run each of its blocks. */
const wholeDocuments: Readonly<Record<string, string>> = {
  "CLI_QUICKSTART.md": "test/quickstart.test.ts",
  "MCU_CLIENT_INSTRUCTIONS.md": "test/mcu-demo/instructions.test.ts",
  "assembly/sdk/README.md": "test/sdk/guides.test.ts",
  "sdk/c/README.md": "test/sdk/guides.test.ts",
  "sdk/data.md": "test/sdk/guides.test.ts",
  "sdk/debugging.md": "test/sdk/guides.test.ts",
  "sdk/rust/README.md": "test/sdk/guides.test.ts",
  "sdk/testing.md": "test/sdk/guides.test.ts",
};

const ATTESTATION_CLI = "test/proxy-attestation-server/cli.test.ts";
const SECURED = "test/mcu-client/secured.test.ts";
const MCU_DEMO = /^\.\/run_mcu_demo_server\.sh/;
const CLIENT = "test/client-package/package.test.ts";
const TRANSLATED = "test/translated-module/translated-module.test.ts";

/** Lines whose commands a suite runs in its own way: they take long, want a board, or hold a reader's own names. */
const elsewhere: Readonly<Record<string, readonly Runner[]>> = {
  "README.md": [
    suite(/^npm cit /, ".ci/run", /^patiently npm ci\n(?:.*\n)*npm run test:ci -- --again$/m),
    // Below, each by itself.
    suite(MCU_DEMO, "test/shell-blocks.test.ts", /runs as README\.md prints it/),
  ],
  "docs/operating.md": [
    suite(/^PATH=/, "test/shell-blocks.test.ts", /PATH=/),
    suite(/^vc-server --config /, "test/veracruz-server/computations.test.ts", /"--config", file/),
  ],
  "host/proxy-attestation-server/README.md": [
    suite(/^vc-pas endorse /, SECURED, /"endorse"/),
    suite(/^vc-pas trust-manufacturer /, SECURED, /"trust-manufacturer"/),
    suite(/^vc-pas challenge /, SECURED, /vcPas\("challenge", /),
    suite(/^vc-mcu prove /, SECURED, /vcMcu\("prove"/),
    suite(/^vc-pas enroll --from board\.json --endorsement /, SECURED, /"--endorsement"/),
    suite(
      /^vc-pas allow-measurement .*--measurement HEX/,
      ATTESTATION_CLI,
      /"allow-measurement", "--database"/,
    ),
    suite(/^vc-pas set-floor /, ATTESTATION_CLI, /pas\("set-floor"/),
  ],
  "host/translated-module/README.md": [
    suite(/^node .*translate\.js +#/, "scripts/build.js", /host\/translated-module\/translate\.js/),
    suite(/^node .*translate\.js FILE/, TRANSLATED, /await translate\(bytes/),
    suite(/^PATH=/, "test/shell-blocks.test.ts", /PATH=/),
    suite(/^vc-isolate .*--host wasm3/, TRANSLATED, /"wasm3"/),
  ],
  "model/README.md": [
    suite(/^npm run model/, "test/model/models.test.ts", /await checkAll\(true/),
    suite(/^npm run prove:field/, "test/model/arithmetic.test.ts", /tryMutations/),
  ],
  "packages/client/README.md": [
    suite(/^PATH=/, "test/shell-blocks.test.ts", /PATH=/),
    suite(/^veracruz init > /, CLIENT, /"init", "--as"/),
    suite(/^veracruz review /, CLIENT, /"review policy\.json/),
    suite(/^veracruz send /, CLIENT, /"send input-1/),
    suite(/^veracruz status/, CLIENT, /"status --json"/),
    suite(/^veracruz fetch /, CLIENT, /"fetch output -o/),
    suite(/^veracruz init --public-key /, "test/veracruz-client/signers.test.ts", /"--signer"/),
  ],
  "packages/create-program/README.md": [
    suite(/^mkdir -p tarballs/, "test/program-packages/packages.test.ts", /mkdirSync\(tarballs\)/),
    suite(/^npm pack /, "test/program-packages/packages.test.ts", /"pack"/),
    suite(/^node .*\/create\.js /, "test/program-packages/packages.test.ts", /create\.js/),
    suite(/^cd my-program/, "test/program-packages/packages.test.ts", /my-\$\{language\}/),
    suite(/^npm install/, "test/program-packages/packages.test.ts", /"install"/),
    suite(/^npm test/, "test/program-packages/packages.test.ts", /\["test"\]/),
  ],
};

/** Documents of which each line that is not in the table above is run here. */
const runHere = ["README.md", "host/proxy-attestation-server/README.md"];

/** A document's shell blocks, each as its lines: those that a backslash continues are one. */
function shellBlocks(document: string): string[][] {
  return [...read(document).matchAll(/^```sh.*?\n(.*?)^```$/gms)].map(([, block = ""]) =>
    block
      .replaceAll(/\\\n/g, "\\\u0000")
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll("\u0000", "\n")),
  );
}

const skipped = new Set(["node_modules", "build", ".git", "quickstart", "mcu-quickstart", "data"]);
function documentsIn(folder = ""): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : documentsIn(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

/** Of a document that is run here, the blocks as they are run: without lines that another suite runs. */
const ownBlocks = (document: string) =>
  shellBlocks(document)
    .map((lines) =>
      lines.filter((line) => !elsewhere[document]?.some((runner) => runner.line.test(line))),
    )
    .filter((lines) => lines.length > 0);

test("each shell block of each document is run by a test", () => {
  const found = documentsIn().filter((document) => shellBlocks(document).length > 0);
  const nobody: string[] = [];
  const used = new Set<Runner>();
  for (const document of found) {
    const whole = wholeDocuments[document];
    if (whole !== undefined) {
      assert.ok(read(whole).includes(document), `${whole} does not read ${document}`);
      assert.match(read(whole), /sh\b/);
      continue;
    }
    for (const line of shellBlocks(document).flat()) {
      const runner = elsewhere[document]?.find((each) => each.line.test(line));
      if (runner !== undefined) used.add(runner);
      else if (!runHere.includes(document)) nobody.push(`${document}: ${line}`);
    }
  }
  assert.equal(nobody, [], "nobody runs these lines");
  for (const document of [...Object.keys(wholeDocuments), ...Object.keys(elsewhere), ...runHere])
    assert.ok(found.includes(document), `${document} has no shell block`);
  for (const runner of Object.values(elsewhere).flat()) {
    assert.ok(used.has(runner), `${runner.line} is no line of a document`);
    assert.match(read(runner.by), runner.shows, `${runner.by} does not run ${runner.line}`);
  }
});

/** Runs a script in a folder where the clone's own files are, and what is made besides goes away with it. */
function runInClone(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), "vc-blocks-"));
  try {
    for (const name of readdirSync(projectRoot))
      if (!["data", "program.wasm", "device.json"].includes(name) && !/\.(pem|key)$/.test(name))
        symlinkSync(join(projectRoot, name), join(folder, name));
    // Whoever writes a program has one: an example's, with the SDK by the name that users import.
    const program = read("examples/no_std/linear-regression/program.ts");
    writeFileSync(
      join(folder, "program.ts"),
      program.replaceAll('"../../../assembly/sdk', '"veracruz-mcu/assembly/sdk'),
    );
    mkdirSync(join(folder, "home"));
    // The documented ports may be taken here: where it can be had, the shell gets a network of its own.
    const own = process.getuid?.() === 0 ? ["--net"] : ["--net", "--map-root-user"];
    const canUnshare =
      spawnSync("unshare", [...own, "ip", "link"], { stdio: "ignore" }).status === 0;
    // Each job has a process group of its own, so that it ends with all that it has started.
    const end = "for job in $(jobs -p); do kill -- -$job 2> /dev/null || true; done";
    const lines = `set -euo pipefail -m\ntrap '${end}' EXIT\n${script}`;
    const [command, args] = canUnshare
      ? ["unshare", [...own, "bash", "-c", `ip link set lo up\n${lines}`]]
      : ["bash", ["-c", lines]];
    const run = spawnSync(command as string, args as string[], {
      cwd: folder,
      encoding: "utf8",
      timeout: 540_000,
      env: { ...process.env, HOME: join(folder, "home"), NO_COLOR: "1" },
    });
    assert.is(run.status, 0, `${run.stdout}\n${run.stderr}`);
    return run.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A line that serves until it is ended, as in a terminal of its own; what follows waits for `ready`. */
const serving = (line: string, ready: string) =>
  `{ ${line.replace(/\s+#.*$/, "")}\n} > serving.log 2>&1 &\nuntil ${ready}; do kill -0 $! || { cat serving.log; exit 1; }; sleep 0.2; done`;

const missing = ["bash", "openssl", "curl"].filter(
  (tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).error !== undefined,
);
if (missing.length > 0) {
  skip(2, `the documents' blocks need ${missing.join(", ")}: apt-get install them`);
} else {
  test("the blocks of README.md run as they are printed", () => {
    const blocks = ownBlocks("README.md");
    const tls = blocks.find(([first = ""]) => first.startsWith("npm run tls:demo"));
    assert.ok(tls, "README.md shows no tls:demo");
    const [server = "", ...clients] = tls;
    const talk = [
      serving(server, "grep -q -- '-connect' serving.log && test -e demo-ca.pem"),
      // Whoever types gets back what was typed.
      "mkfifo typed; exec 3<> typed",
      `{ ${clients.join("\n")}\n} < typed > talk.log 2>&1 &`,
      "talk=$!; echo 'typed by a user' >&3",
      "until grep -q '^typed by a user' talk.log; do kill -0 $talk || { cat talk.log; exit 1; }; sleep 0.2; done",
      "grep '^typed by a user' talk.log",
    ].join("\n");
    const printed = runInClone(
      blocks.map((lines) => (lines === tls ? talk : lines.join("\n"))).join("\n"),
    );
    assert.match(printed, /On both lists: /);
    assert.match(printed, /^result \(16 bytes\)/m);
    assert.match(printed, /^typed by a user$/m);
  });

  test("the five commands of the attestation server's README bring one up", () => {
    const lines = ownBlocks("host/proxy-attestation-server/README.md").flat();
    assert.ok(lines.length >= 6, lines.join("\n"));
    const printed = runInClone(
      [
        ...lines.map((line) =>
          line.startsWith("vc-pas serve")
            ? serving(line, "curl -fs http://127.0.0.1:3010/healthz > health.json")
            : line,
        ),
        "cat health.json",
      ].join("\n"),
    );
    assert.match(printed, /"status":"?\w/);
  });
}

test.after(() => {
  for (const name of ["demo-ca.pem", "client.key", "client.pem", "program.wasm"])
    assert.not.ok(existsSync(join(projectRoot, name)), `${name} was left in the clone`);
});
const demos = shellBlocks("README.md")
  .flat()
  .filter((line) => MCU_DEMO.test(line));
const missingForDemo = missingTools();
if (missingForDemo) skip(demos.length, missingForDemo);
else {
  for (const line of demos)
    test(`${line.replace(/\s+#.*$/, "")} runs as README.md prints it`, () => {
      const printed = runInClone(`{ ${line}\n} 2>&1`);
      assert.match(printed, / controller +the result is right$/m);
      const kind = line.includes("--isolate qemu:") ? "mcu" : "linux";
      for (const device of ["device-0", "device-1", "device-2"])
        assert.match(printed, new RegExp(` ${device} +vc: isolate attested: kind ${kind},`));
    });
}

test.run();
