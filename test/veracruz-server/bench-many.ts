// npm run bench:many: a hundred computations on one server.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ComputationRecords } from "../../host/continuity/records.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { BenchReport, reportHelp, reportOptions } from "../support/bench-report.js";
import { ServerCommand } from "../support/server-command.js";
import {
  exampleModule,
  failure,
  makePolicy,
  principal,
  TestAttestation,
  until,
} from "../support/system.js";
import { processorSecondsOf } from "./bench-processes.js";

const { values: options } = parseArgs({
  options: {
    computations: { type: "string", default: "100" },
    ...reportOptions,
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:many -- [--computations N] [--check] [--json FILE] [--chart FILE]

  --computations N  that are held at a time, each with a process for its isolate (default 100)
${reportHelp}

Each computation has a program sent to it, so that its isolate is committed and holds something. Memory is the
proportional set size (smaps_rollup); processor time is that of the isolate's process until the party has its
session, less that of a Node.js process that does nothing.

Bars: an isolate 60 MB, the server 120 MB, one more isolate 300 ms of processor time; when one isolate is killed,
all others go on.`);
  process.exit(0);
}

const most = Number(options.computations);
const MB = 1e6;

/** Proportional set size of a process, in bytes. */
function memoryOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
}

const nop = exampleModule("nop");
const attestation = await TestAttestation.start();
const { pem, keyPem } = principal("alice");
const identity = loadIdentity(Buffer.from(pem), keyPem);
const records = new ComputationRecords(join(attestation.folder, "records"));
const folder = join(attestation.folder, "policies");
execFileSync("mkdir", [folder]);
const policies = Array.from({ length: most + 1 }, (_, number) => {
  const document = makePolicy(attestation, {
    principals: { alice: "nop.wasm:w,output:r" },
    programs: { "nop.wasm": { module: nop, rights: "output:w" } },
  });
  const policy = new Policy(Buffer.from(JSON.stringify(document)));
  writeFileSync(join(folder, `${String(number).padStart(4, "0")}.json`), policy.bytes);
  return policy;
});

const run = new ServerCommand("veracruz-server", [
  ...["--policies", folder, "--listen", "127.0.0.1:0", "--max-isolates", String(most + 1)],
  ...["--max-isolate-memory", `${(most + 1) * 256}MiB`, "--isolate-restarts", "0"],
  ...["--root-of-trust", attestation.rootOfTrust, "--runtime", attestation.runtime],
]);
const report = new BenchReport(`${most} computations on one server`, options);
const note = report.note.bind(report);

try {
  const server = await run.address();
  const begin = async (policy: Policy) => {
    const client = await VeracruzClient.connect({
      policy,
      identity,
      server,
      records,
      timeoutMs: 300_000,
    });
    await client.sendProgram("nop.wasm", nop);
    return client;
  };
  const pidOf = (policy: Policy) => {
    const hash = policy.hash.toString("hex");
    const line = run.out
      .split("\n")
      .find((each) => each.includes('"isolate process started"') && each.includes(hash));
    return Number(/"pid":(\d+)/.exec(line ?? "")?.[1]);
  };
  const clients: VeracruzClient[] = [];
  for (const policy of policies.slice(0, most)) clients.push(await begin(policy));
  const isolates = policies.slice(0, most).map((policy) => memoryOf(pidOf(policy)));
  const largest = Math.max(...isolates);
  const mean = isolates.reduce((sum, each) => sum + each, 0) / isolates.length;
  note(`an isolate of ${most}, mean`, mean / MB, "MB", 60);
  note("the largest of them", largest / MB, "MB", 60);
  const own = memoryOf(run.child.pid as number);
  note("the server", own / MB, "MB", 120);

  const bare = Math.min(
    ...Array.from({ length: 5 }, () =>
      Number(
        execFileSync(
          process.execPath,
          ["-e", "const{user,system}=process.cpuUsage();console.log((user+system)/1e6)"],
          { encoding: "utf8" },
        ),
      ),
    ),
  );
  const last = policies[most] as Policy;
  const before = processorSecondsOf(run.child.pid as number);
  const one = await begin(last);
  const started = processorSecondsOf(pidOf(last)) - bare;
  const bySide = processorSecondsOf(run.child.pid as number) - before;
  note("one more, processor time above bare Node.js", started * 1000, "ms", 300);
  note("the server's processor time for it", bySide * 1000, "ms", 300);
  await one.close();

  process.kill(pidOf(policies[0] as Policy), "SIGKILL");
  await failure((clients[0] as VeracruzClient).state());
  await until("its end is known", () => run.out.includes('"msg":"computation over"'));
  let unharmed = 0;
  for (const client of clients.slice(1)) if ((await client.state()).round === 1) unharmed++;
  note("one isolate killed: others harmed", most - 1 - unharmed, "", 0);
  for (const client of clients.slice(1)) await client.close();
} finally {
  run.child.kill("SIGTERM");
  await run.ended;
  await attestation.stop();
}
report.finish();
