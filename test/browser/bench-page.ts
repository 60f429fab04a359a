// npm run bench:page: principal.html in Chromium against the client of Node.js, each in turn against the same server and in a process of its own.
import { execFileSync, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../../host/common/paths.js";
import { BenchReport, reportHelp, reportOptions } from "../support/bench-report.js";
import { exampleModule, principal, System, TestAttestation } from "../support/system.js";
import type { Beginning, Order } from "./bench-page-client.js";
import { findBrowser } from "./browser.js";
import { makePage, preparedPage } from "./prepared-page.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    ...reportOptions,
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:page -- [--rounds N] [--check] [--json FILE] [--chart FILE]

  --rounds N        of page and Node.js in turn; the medians are told (default and most: 7)
${reportHelp}

First view: a navigation until the page is drawn and its script has run; of Node.js, "veracruz --help" of the bundled
@veracruz/client. Checks: from the click until all checks of the isolate are shown, a new attestation among them, and
what is missing; of Node.js, the same by the client's library. Sending: a file of 10 MiB, chosen in the page, until the
isolate has it; of Node.js, the same by the client's library, from the disk as vc-client reads it.

Bar: the page at most 1.5 times what the client of Node.js takes.`);
  process.exit(0);
}
const rounds = Math.min(7, Number(options.rounds));
const BAR = 1.5;
const FILE_BYTES = 10 * 1024 * 1024;

const browser = findBrowser();
if (browser === undefined) throw new Error("no chromium; on Debian: apt-get install chromium");
const attestation = await TestAttestation.start();
const page = join(attestation.folder, "principal.html");
makePage(page);
const client = join(attestation.folder, "client");
mkdirSync(client);
execFileSync(process.execPath, [join(projectRoot, "scripts/bundle-client.js"), client]);

const inputs = Array.from({ length: 2 * rounds }, (_, index) => `input-${index}`);
// An isolate makes eight tokens at once for each principal, and then one in ten seconds.
const system = await System.start({
  attestation,
  principals: {
    page: inputs.map((name) => `${name}:w`).join(","),
    node: inputs.map((name) => `${name}:w`).join(","),
  },
  programs: {
    "nop.wasm": {
      module: exampleModule("nop"),
      rights: [...inputs, "output"]
        .map((name) => (name === "output" ? "output:w" : `${name}:r`))
        .join(","),
    },
  },
});
const file = attestation.write("ten.bin", randomBytes(FILE_BYTES));

/** Milliseconds from something in the page until it says so: measured in the page, not by who looks at it. */
const timed = (begin: string, said: string) => `new Promise((resolve) => {
  const start = performance.now();
  const look = () => {
    const text = document.body.dataset.said ?? "";
    if (text.startsWith("bad: ")) resolve(text);
    if (text.startsWith(${JSON.stringify(said)})) resolve(performance.now() - start);
  };
  document.body.dataset.said = "";
  new MutationObserver(look).observe(document.body, { attributeFilter: ["data-said"] });
  ${begin};
})`;
const milliseconds = (found: number | string): number => {
  if (typeof found === "string") throw new Error(found);
  return found;
};
const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

const { pem, keyPem } = principal("node");
const node = fork(join(projectRoot, "build/js/test/browser/bench-page-client.js"));
const beginning: Beginning = {
  policy: attestation.write("node-policy.json", system.policy.bytes),
  certificate: attestation.write("node.pem", pem),
  key: attestation.write("node.key.pem", keyPem),
  content: file,
  records: join(attestation.folder, "node-records"),
  server: system.address,
};
node.send(beginning);
const ask = async (order: Order): Promise<number> => {
  node.send(order);
  const [answer] = (await once(node, "message")) as [number];
  return answer;
};

const times = { view: [[], []], checks: [[], []], send: [[], []] } as Record<
  "view" | "checks" | "send",
  [number[], number[]]
>;
try {
  const driver = await preparedPage(
    browser,
    page,
    attestation,
    system.address,
    principal("page"),
    system.policy.bytes,
  );
  for (let round = 0; round < rounds; round++) {
    times.checks[0].push(
      milliseconds(
        await driver.run(
          timed("document.getElementById('connect-button').click()", "good: The isolate is"),
        ),
      ),
    );
    times.checks[1].push(await ask({ do: "checks" }));

    const name = inputs[2 * round] as string;
    // The time begins when the page has the file, which Chromium gives it.
    const sent = driver.run<number | string>(
      timed(
        `document.getElementById("send-${name}").addEventListener("change", () => { globalThis.began = performance.now(); }, true)`,
        `good: Sent ${name}`,
      ),
    );
    await driver.give(`[id="send-${name}"]`, file);
    milliseconds(await sent);
    times.send[0].push(await driver.run<number>("performance.now() - globalThis.began"));
    times.send[1].push(await ask({ do: "send", name: inputs[2 * round + 1] as string }));
  }
  for (let round = 0; round < rounds; round++) {
    await driver.visit("about:blank");
    await driver.visit(`file://${page}`);
    times.view[0].push(
      await driver.run<number>(
        `new Promise((resolve) => {
          const [load] = performance.getEntriesByType("navigation");
          const look = () => {
            const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
            if (painted === undefined) setTimeout(look, 5);
            else resolve(Math.max(painted, load.domComplete));
          };
          look();
        })`,
      ),
    );
    const begin = performance.now();
    execFileSync(process.execPath, [join(client, "build/js/cli.js"), "--help"]);
    times.view[1].push(performance.now() - begin);
  }
  await driver.close();
} finally {
  node.kill();
  await system.stop();
  await attestation.stop();
}

const report = new BenchReport("principal.html against the client of Node.js", options);
const named = {
  view: "first view",
  checks: "checks of an isolate",
  send: "sending 10 MiB",
} as const;
for (const [what, name] of Object.entries(named) as [keyof typeof named, string][]) {
  const [ours, theirs] = times[what].map(median) as [number, number];
  report.note(`${name}, the page`, ours, "ms");
  report.note(`${name}, Node.js`, theirs, "ms");
  report.note(`${name}, page / Node.js`, ours / theirs, "×", BAR);
}
report.finish();
