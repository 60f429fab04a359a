import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { ServerCommand } from "../support/server-command.js";
import { exampleModule, makePolicy, principal, TestAttestation, until } from "../support/system.js";

const attestation = await TestAttestation.start();
const nop = exampleModule("nop");
const document = makePolicy(attestation, {
  attestation,
  principals: { alice: "nop.wasm:w,output:r" },
  programs: { "nop.wasm": { module: nop, rights: "output:w" } },
});
const write = (name: string, content: string) => {
  const path = join(attestation.folder, name);
  writeFileSync(path, content);
  return path;
};
const policyFile = write("policy.json", JSON.stringify(document));
const usual = [
  ...["--listen", "127.0.0.1:0", "--root-of-trust", attestation.rootOfTrust],
  ...["--runtime", attestation.runtime],
];

const started: ServerCommand[] = [];

function start(...args: string[]): ServerCommand {
  const run = new ServerCommand("veracruz-server", args);
  started.push(run);
  return run;
}

/** The port, once the server is ready. */
async function ready(run: ServerCommand): Promise<number> {
  await run.logged("ready");
  return (await run.address()).port;
}

test("the server starts, serves, and ends with 0 on SIGTERM, its isolate with it", async () => {
  const run = start(policyFile, ...usual);
  const port = await ready(run);
  const report = await (await fetch(`http://127.0.0.1:${port}/healthz`)).json();
  assert.is((report as { status: string }).status, "ready");
  const isolate = Number(/"pid":(\d+)/.exec(run.out)?.[1]);
  process.kill(isolate, 0);
  run.child.kill("SIGTERM");
  assert.is(await run.ended, 0);
  assert.throws(() => process.kill(isolate, 0), /ESRCH/);
  // The log is one JSON object a line.
  for (const line of run.out.trim().split("\n")) {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    assert.ok(["info", "warn", "error"].includes(level) && msg.length > 0, line);
  }
});

test("a server that is killed leaves no isolate behind", async () => {
  const run = start(policyFile, ...usual);
  await ready(run);
  const isolate = Number(/"pid":(\d+)/.exec(run.out)?.[1]);
  await run.kill();
  // A process that has ended and that nobody has waited for has an empty command line.
  await until("the isolate has ended", () => {
    try {
      return readFileSync(`/proc/${isolate}/cmdline`, "utf8") === "";
    } catch {
      return true;
    }
  });
});

test("the server ends with 0 when the computation ends by consent", async () => {
  const run = start(policyFile, ...usual);
  const port = await ready(run);
  const { pem, keyPem } = principal("alice");
  const client = await VeracruzClient.connect({
    policy: new Policy(Buffer.from(JSON.stringify(document))),
    identity: loadIdentity(Buffer.from(pem), keyPem),
    server: { host: "127.0.0.1", port },
  });
  await client.sendProgram("nop.wasm", nop);
  await client.read();
  await client.requestShutdown();
  assert.is(await run.ended, 0);
  assert.match(run.out, /"status":"ended","reason":"the computation is over: by consent/);
});

test("an isolate that is lost too often ends the server with 3", async () => {
  const run = start(policyFile, ...usual, "--isolate-restarts", "0");
  await ready(run);
  process.kill(Number(/"pid":(\d+)/.exec(run.out)?.[1]), "SIGKILL");
  assert.is(await run.ended, 3);
  assert.match(run.err, /^vc-server: the isolate's process ended with signal SIGKILL\n$/m);
});

test("what keeps the server from starting is said in one line, with its exit code", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const bad = write("bad.json", JSON.stringify({ ...document, max_rounds: 0 }));
  const jit = write(
    "elsewhere.json",
    JSON.stringify({ ...document, proxy_attestation_server_url: "127.0.0.1:1" }),
  );
  const listen = ["--listen", "127.0.0.1:0"];
  const cases: [string[], number, RegExp][] = [
    [[], 2, /a policy is missing: as argument, or a folder of them/],
    [
      ["--policies", "/no/such/folder", ...usual],
      2,
      /cannot read the folder of policies "\/no\/such\/folder"/,
    ],
    [
      [policyFile, ...usual, "--isolate", "process", "--isolate", "tcp:127.0.0.1:1"],
      2,
      /it cannot stand beside others/,
    ],
    [[policyFile], 2, /--root-of-trust is missing/],
    [["nowhere.json", ...usual], 2, /cannot read the policy "nowhere.json": no such file/],
    [[policyFile, ...usual, "--colour"], 2, /unknown option '--colour'/],
    [[policyFile, ...listen, "--isolate", "serial"], 2, /expected process or tcp:HOST:PORT/],
    [
      [policyFile, "--isolate", "tcp:127.0.0.1:1", "--root-of-trust", "x"],
      2,
      /--root-of-trust is for --isolate process/,
    ],
    [
      [policyFile, "--isolate", "tcp:127.0.0.1:1", "--isolate-memory", "1MiB"],
      2,
      /--isolate-memory is for --isolate process/,
    ],
    [[policyFile, ...usual, "--isolate-memory", "10"], 2, /at least 262144 bytes/],
    [[policyFile, ...usual, "--listen", "nonsense"], 2, /expected host:port/],
    [
      [bad, ...usual],
      1,
      /the policy ".*bad.json" is refused: line 1, .*max_rounds: number out of range/,
    ],
    [
      [policyFile, ...usual, "--listen", `127.0.0.1:${port}`],
      1,
      new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: another program listens there`),
    ],
    [
      [jit, ...usual, "--attestation-timeout", "1"],
      1,
      /no attestation by the proxy attestation server at \S+: .*ECONNREFUSED/,
    ],
    [
      [policyFile, ...listen, "--isolate", "tcp:127.0.0.1:1", "--isolate-restarts", "0"],
      1,
      /cannot connect to 127\.0\.0\.1:1/,
    ],
    [
      [policyFile, ...listen, "--root-of-trust", "/no/such/folder/key.pem"],
      1,
      /ended with exit code 1: vc-isolate: cannot start: cannot write "[^"]*": no such folder\n$/,
    ],
  ];
  const queue = [...cases];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [args, code, pattern] = next;
      const run = start(...args);
      assert.is(await run.ended, code, `${args.join(" ")}: ${run.err}`);
      assert.match(run.err, pattern, args.join(" "));
    }
  };
  try {
    await Promise.all([worker(), worker(), worker()]);
  } finally {
    taken.close();
  }
});

test("--help describes end points and exit codes", async () => {
  const run = start("--help");
  assert.is(await run.ended, 0);
  for (const words of ["/runtime_manager", "CONNECT isolate:443", "/healthz", "Exit codes: 0"]) {
    assert.ok(run.out.includes(words), words);
  }
});

test.after(() => {
  for (const { child } of started) child.kill("SIGTERM");
  return attestation.stop();
});
test.run();
