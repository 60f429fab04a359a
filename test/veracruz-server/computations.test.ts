// Many computations on one server: each by its name, with an isolate of its own that is started when somebody comes.
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { pino } from "pino";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ComputationRecords } from "../../host/continuity/records.js";
import { type ConnectOptions, VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { boardPool } from "../../host/veracruz-server/board-pool.js";
import { tcpIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import { processIsolates } from "../../host/veracruz-server/isolate-source.js";
import { splitAuthority, splitTarget } from "../../host/veracruz-server/named-computation.js";
import { VeracruzServer } from "../../host/veracruz-server/server.js";
import type { ServerOptions } from "../../host/veracruz-server/settings.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { ServerCommand } from "../support/server-command.js";
import {
  exampleModule,
  failure,
  type LogLine,
  makePolicy,
  principal,
  TestAttestation,
  until,
} from "../support/system.js";

const attestation = await TestAttestation.start();
const nop = exampleModule("nop");

/** Another computation of alice's each time. */
function newPolicy(): Policy {
  const document = makePolicy(attestation, {
    principals: { alice: "nop.wasm:w,output:r" },
    programs: { "nop.wasm": { module: nop, rights: "output:w" } },
  });
  return new Policy(Buffer.from(JSON.stringify(document)));
}

const hashOf = (policy: Policy) => policy.hash.toString("hex");

/** A server for many, with what it has logged. */
class Many {
  private constructor(
    readonly server: VeracruzServer,
    readonly log: readonly LogLine[],
  ) {}

  static async use(options: Partial<ServerOptions>, use: (many: Many) => Promise<void>) {
    const log: LogLine[] = [];
    const logger = pino(
      { base: null },
      { write: (text: string) => void log.push(JSON.parse(text)) },
    );
    const server = await VeracruzServer.start({
      isolates: processIsolates(
        () => attestation.isolate(),
        () => 1_000,
      ),
      host: "127.0.0.1",
      port: 0,
      logger,
      handshakeMs: 60_000,
      healthTimeoutMs: 60_000,
      ...options,
    });
    try {
      await use(new Many(server, log));
    } catch (error) {
      for (const line of log.slice(-30)) console.log(JSON.stringify(line));
      throw error;
    } finally {
      await server.close();
    }
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.server.address.port}${path}`;
  }

  connect(policy: Policy, options: Partial<ConnectOptions> = {}): Promise<VeracruzClient> {
    const { pem, keyPem } = principal("alice");
    return VeracruzClient.connect({
      policy,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      server: { host: "127.0.0.1", port: this.server.address.port },
      records: new ComputationRecords(join(attestation.folder, "records")),
      timeoutMs: 300_000,
      ...options,
    });
  }

  async health(policy: Policy): Promise<{ status: string; isolate: { lastFailure: string } }> {
    const answer = await fetch(this.url(`/computations/${hashOf(policy)}/healthz`));
    return (await answer.json()) as Awaited<ReturnType<Many["health"]>>;
  }

  pidOf(policy: Policy): number {
    const line = this.log.findLast(
      ({ pid, computation }) => pid !== undefined && computation === hashOf(policy),
    );
    return Number(line?.pid);
  }

  logged(event: string): LogLine[] {
    return this.log.filter(({ msg }) => msg === event);
  }
}

test("targets and authorities name computations in one form only", () => {
  const hash = "ab".repeat(32);
  assert.equal(splitTarget(`/computations/${hash}/healthz?x`), { hash, path: "/healthz?x" });
  assert.equal(splitTarget(`/computations/${hash}`), { hash, path: "/" });
  for (const other of [
    "/",
    "/computations/",
    `/computations/${hash}0/x`,
    `//computations/${hash}/x`,
  ])
    assert.equal(splitTarget(other), { hash: undefined, path: other });
  assert.equal(splitTarget(`/computations/${hash.toUpperCase()}/x`).hash, undefined);
  assert.equal(splitAuthority("isolate:443"), { hash: undefined });
  assert.equal(splitAuthority(`${hash}.isolate:443`), { hash });
  for (const other of ["isolate:80", `x${hash}.isolate:443`, `${hash}isolate:443`, "a.isolate:443"])
    assert.is(splitAuthority(other), undefined);
});

test("each computation has its own isolate, started for who comes first; one ends alone", () =>
  Many.use({}, async (many) => {
    const [first, second] = [newPolicy(), newPolicy()];
    many.server.add(first);
    many.server.add(second);
    assert.is((await many.health(first)).status, "waiting");
    const [one, two] = await Promise.all([
      many.connect(first),
      many.connect(second, { transport: "post" }),
    ]);
    assert.is.not(many.pidOf(first), many.pidOf(second));
    assert.is((await many.health(first)).status, "ready");
    await one.sendProgram("nop.wasm", nop);
    await two.sendProgram("nop.wasm", nop);
    await one.read();
    await one.requestShutdown();
    await until("the first is over", () => many.logged("computation over").length === 1);
    assert.is((await many.health(first)).status, "over");
    const gone = await failure(many.connect(first));
    assert.match(gone.message, /refuses a session: the computation is over: by consent/);
    await two.read();
    await two.close();
    // Who names none gets the only one that is left.
    const unnamed = (await (await fetch(many.url("/healthz"))).json()) as { policyHash: string };
    assert.is(unnamed.policyHash, hashOf(second));
    assert.match(await (await fetch(many.url("/"))).text(), /<td>1 held of at most 1024<\/td>/);
  }));

test("an isolate that is killed takes its own sessions with it, and no others", () =>
  Many.use({ isolateRestarts: 0 }, async (many) => {
    const policies = [newPolicy(), newPolicy(), newPolicy()];
    for (const policy of policies) many.server.add(policy);
    const clients = await Promise.all(policies.map((policy) => many.connect(policy)));
    const [victim, ...others] = policies as [Policy, ...Policy[]];
    process.kill(many.pidOf(victim), "SIGKILL");
    const lost = await failure((clients[0] as VeracruzClient).state());
    assert.match(lost.message, /ended with signal SIGKILL|the isolate ended the session/);
    await until("its end is known", async () => (await many.health(victim)).status === "over");
    for (const client of clients.slice(1)) {
      assert.is((await client.state()).round, 1);
      await client.close();
    }
    for (const policy of others) assert.is((await many.health(policy)).status, "ready");
  }));

test("paths, authorities and headers name a computation; others are not found", () =>
  Many.use({}, async (many) => {
    const policies = [newPolicy(), newPolicy()] as const;
    for (const policy of policies) many.server.add(policy);
    const status = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(many.url(path), { headers })).status;
    const hash = hashOf(policies[1]);
    assert.is(await status(`/computations/${hash}/healthz`), 200);
    assert.is(await status("/healthz", { "veracruz-policy": hash }), 200);
    assert.is(await status(`/computations/${"0".repeat(64)}/healthz`), 404);
    assert.is(await status("/healthz", { "veracruz-policy": "0".repeat(64) }), 404);
    // The server itself is well without any computation.
    assert.is(await status("/healthz"), 200);
    const post = async (path: string) => {
      const answer = await fetch(many.url(path), { method: "POST", body: "0 " });
      return `${answer.status} ${await answer.text()}`;
    };
    assert.match(
      await post("/runtime_manager"),
      /^404 name a computation, by \/computations\/HASH/,
    );
    // It is found: what is wrong is the request.
    assert.match(await post(`/computations/${hash}/runtime_manager`), /^400 /);
    const tunnel = (path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const { port } = many.server.address;
        request({ host: "127.0.0.1", port, method: "CONNECT", path, agent: false })
          .on("connect", (answer, socket) => {
            socket.destroy();
            resolve(answer.statusCode);
          })
          .on("error", reject)
          .end();
      });
    assert.is(await tunnel("isolate:443"), 404);
    assert.is(await tunnel(`${"0".repeat(64)}.isolate:443`), 404);
    assert.is(await tunnel("elsewhere:443"), 403);
    assert.is(await tunnel(`${hash}.isolate:443`), 200);
  }));

test("isolates, their memory and computations are bounded; what holds nothing gives way to a party", () =>
  Many.use({ maxComputations: 3, maxIsolates: 1, maxIsolateMemory: 1_500 }, async (many) => {
    const [first, second, third] = [newPolicy(), newPolicy(), newPolicy()];
    for (const policy of [first, second, third]) many.server.add(policy);
    assert.throws(() => many.server.add(newPolicy()), /has 3 computations already/);
    assert.throws(() => many.server.add(first), /is here already/);
    const one = await many.connect(first);
    const full = await failure(many.connect(second));
    assert.match(full.message, /runs 1 isolates, and may run no more/);
    await one.sendProgram("nop.wasm", nop);
    await one.close();
    // Somebody has sent something to it: it stays, however long nobody speaks to it.
    const computation = many.server.computations.find(hashOf(first));
    await until("the session has ended", () => computation?.bridge.openSessions === 0);
    if (computation !== undefined) computation.lastUsed -= 3_600_000;
    assert.match((await failure(many.connect(second))).message, /may run no more/);
    await many.server.computations.remove(hashOf(first), "taken away");
    assert.match((await failure(many.connect(first))).message, /taken away/);
    await (await many.connect(second)).close();
    // Nobody has sent anything to this one.
    const idle = many.server.computations.find(hashOf(second));
    await until("the session has ended", () => idle?.bridge.openSessions === 0);
    if (idle !== undefined) idle.lastUsed -= 3_600_000;
    const unsigned = await failure(many.connect(third, { unsigned: true }));
    assert.match(unsigned.message, /may run no more/);
    await (await many.connect(third)).close();
    assert.is((await many.health(second)).status, "waiting");
  }));

test("memory bounds isolates, too, and keeps out a policy that alone would take too much", async () => {
  const isolates = processIsolates(
    () => attestation.isolate(),
    () => 1_000,
  );
  await Many.use({ isolates, maxIsolateMemory: 1_999 }, async (many) => {
    const policies = [newPolicy(), newPolicy()] as const;
    for (const policy of policies) many.server.add(policy);
    const one = await many.connect(policies[0]);
    const full = await failure(many.connect(policies[1]));
    assert.match(full.message, /no memory for another isolate now/);
    await one.close();
  });
  await Many.use({ isolates, maxIsolateMemory: 999 }, async (many) => {
    assert.throws(
      () => many.server.add(newPolicy()),
      /may take 1000 bytes, all isolates of the server together 999/,
    );
  });
});

test("an isolate that could not be started is tried again for who comes later", async () => {
  let mayStart = false;
  const isolates = processIsolates(
    () => ({
      ...attestation.isolate(),
      start: (log) =>
        mayStart ? attestation.isolate().start(log) : Promise.reject(new Error("not today")),
    }),
    () => 0,
  );
  await Many.use({ isolates }, async (many) => {
    const policy = newPolicy();
    many.server.add(policy);
    assert.match((await failure(many.connect(policy))).message, /not today/);
    mayStart = true;
    // Not at once: starts cost more than requests.
    assert.match((await failure(many.connect(policy))).message, /not today/);
    await until("it is started", async () => {
      const client = await many.connect(policy).catch(() => undefined);
      await client?.close();
      return client !== undefined;
    });
  });
});

test("boards of a pool serve one computation after the other, and those they are at work for", async () => {
  const alone = await Promise.all([0, 1].map(() => attestation.provisioned.startAlone()));
  const pool = () =>
    boardPool(
      alone.map(({ address }) => ({ launcher: tcpIsolate(address), lasts: true })),
      false,
    );
  const [first, second, third] = [newPolicy(), newPolicy(), newPolicy()] as const;
  try {
    await Many.use({ isolates: pool() }, async (many) => {
      for (const policy of [first, second, third]) many.server.add(policy);
      const one = await many.connect(first);
      const two = await many.connect(second);
      const full = await failure(many.connect(third));
      assert.match(full.message, /every isolate of the server is taken/);
      await one.sendProgram("nop.wasm", nop);
      await two.sendProgram("nop.wasm", nop);
      await one.read();
      await one.requestShutdown();
      await until("the first is over", () => many.logged("computation over").length === 1);
      const three = await many.connect(third);
      assert.is((await three.state()).round, 1);
      await three.close();
      await two.close();
    });
    // The next server finds what is at work for it; a board that is at work for others it leaves alone.
    const fourth = newPolicy();
    await Many.use({ isolates: pool() }, async (many) => {
      for (const policy of [second, fourth]) many.server.add(policy);
      const two = await many.connect(second);
      await two.read();
      const other = await failure(many.connect(fourth));
      assert.match(other.message, /no board can be had: .*it is at work for another policy/);
      await two.close();
    });
  } finally {
    await Promise.all(alone.map((each) => each.stop()));
  }
});

test("the metrics of many add up, and remember those that are over", () =>
  Many.use({}, async (many) => {
    const [first, second] = [newPolicy(), newPolicy()];
    many.server.add(first);
    many.server.add(second);
    await (await many.connect(first)).close();
    await many.server.computations.remove(hashOf(first), "taken away");
    const text = await (await fetch(many.url("/metrics"))).text();
    assert.match(text, /^veracruz_computations\{state="waiting"\} 1$/m);
    assert.match(text, /^veracruz_computations\{state="ready"\} 0$/m);
    assert.match(text, /^veracruz_computations_over_total\{how="stopped"\} 1$/m);
    assert.match(text, /^veracruz_sessions_total\{admitted="yes"\} 1$/m);
    assert.match(text, /^veracruz_isolate_memory_bytes 0$/m);
  }));

test("a proxy that nobody trusts neither hides who asks nor is believed", async () => {
  const forwarded = { "x-forwarded-for": "127.0.0.1" };
  await Many.use({}, async (many) => {
    // As a proxy on this computer asks for somebody elsewhere.
    for (const headers of [forwarded, { via: "1.1 p" }, { forwarded: "for=1.2.3.4" }])
      for (const path of ["/metrics", "/"])
        assert.is((await fetch(many.url(path), { headers })).status, 403, path);
    assert.is((await fetch(many.url("/metrics"))).status, 200);
  });
  await Many.use({ trustedProxies: ["127.0.0.1"] }, async (many) => {
    const status = async (from: string) =>
      (await fetch(many.url("/metrics"), { headers: { "x-forwarded-for": from } })).status;
    assert.is(await status("127.0.0.1"), 200);
    // What a client writes itself stands in front of what its proxy adds.
    for (const from of ["198.51.100.1", "127.0.0.1, 198.51.100.1", "::1,2001:db8::1"])
      assert.is(await status(from), 403, from);
  });
});

/** A policy in a file, its hash, and what `vc-server` is started with. */
function filed(folder: string, name: string): { policy: Policy; path: string } {
  const policy = newPolicy();
  const path = join(folder, name);
  writeFileSync(path, policy.bytes);
  return { policy, path };
}

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

test("a folder of policies is held, read again at SIGHUP, and left in order at SIGTERM", async () => {
  const folder = mkdtempSync(join(attestation.folder, "policies-"));
  const [one, two] = [filed(folder, "one.json"), filed(folder, "two.json")];
  writeFileSync(join(folder, "bad.json"), "{}");
  writeFileSync(join(folder, "readme.txt"), "not a policy");
  const run = start("--policies", folder, ...usual);
  const { port } = await run.address();
  await until("all files are read", () => run.out.split('"msg":"policy taken"').length === 3);
  assert.match(run.out, /"file":"[^"]*bad.json","reason":"the policy [^\n]*"msg":"policy refused"/);
  const status = async (policy: Policy) => {
    const answer = await fetch(`http://127.0.0.1:${port}/computations/${hashOf(policy)}/healthz`);
    return ((await answer.json()) as { status: string }).status;
  };
  assert.is(await status(one.policy), "waiting");
  const three = filed(folder, "three.json");
  rmSync(two.path);
  run.child.kill("SIGHUP");
  await until("the new one is there", async () => (await status(three.policy)) === "waiting");
  assert.is(await status(two.policy), "over");
  run.child.kill("SIGTERM");
  assert.is(await run.ended, 0);
});

/** Asks at the administrator's socket. */
function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: Uint8Array | string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
    });
    asking.on("error", reject).end(body);
  });
}

test("the administrator adds, sees and ends computations while the server runs", async () => {
  const socket = join(attestation.folder, "admin.sock");
  const run = start("--admin-socket", socket, ...usual);
  const { port } = await run.address();
  await until("the socket is there", () => existsSync(socket));
  assert.is(statSync(socket).mode & 0o777, 0o600);
  const policy = newPolicy();
  const hash = hashOf(policy);
  const added = await ask(socket, "POST", "/computations?start", policy.bytes);
  assert.is(added.status, 201);
  assert.is(added.body.computation, hash);
  await until("its isolate is ready", async () => {
    return (await ask(socket, "GET", `/computations/${hash}`)).body.status === "ready";
  });
  assert.is((await ask(socket, "POST", "/computations", policy.bytes)).status, 409);
  const refused = await ask(socket, "POST", "/computations", "{}");
  assert.is(refused.status, 400);
  assert.match(String(refused.body.error), /^the policy is refused: /);
  const { pem, keyPem } = principal("alice");
  const client = await VeracruzClient.connect({
    policy,
    identity: loadIdentity(Buffer.from(pem), keyPem),
    server: { host: "127.0.0.1", port },
    records: new ComputationRecords(join(attestation.folder, "records")),
  });
  await client.sendProgram("nop.wasm", nop);
  const state = await ask(socket, "GET", `/computations/${hash}`);
  assert.equal(state.body.committed, { n: 1, of: 1 });
  const enrolment = await ask(socket, "GET", "/enrolment");
  assert.is(enrolment.body.kind, "linux");
  assert.is((await ask(socket, "DELETE", `/computations/${hash}`)).status, 200);
  assert.match((await failure(client.state())).message, /the server's operator has ended it/);
  assert.is((await ask(socket, "GET", `/computations/${hash}`)).status, 404);
  // Another server does not take the socket over while this one lives.
  const second = start("--admin-socket", socket, ...usual);
  assert.is(await second.ended, 1);
  assert.match(second.err, /another server has the socket/);
  run.child.kill("SIGKILL");
  await run.ended;
  const third = start("--admin-socket", socket, ...usual);
  await until("it answers again", () =>
    ask(socket, "GET", "/").then(
      () => true,
      () => false,
    ),
  );
  third.child.kill("SIGTERM");
  assert.is(await third.ended, 0);
});

test("a configuration file has every option, and its errors name lines", async () => {
  const folder = mkdtempSync(join(attestation.folder, "policies-"));
  const one = filed(folder, "one.json");
  const file = join(attestation.folder, "server.yaml");
  const write = (...lines: string[]) => writeFileSync(file, `${lines.join("\n")}\n`);
  write(
    "# where clients connect",
    "listen: 127.0.0.1:0",
    `policies: ${folder}`,
    `root-of-trust: ${attestation.rootOfTrust}`,
    `runtime: ${attestation.runtime}`,
    "max-isolates: 7",
    "trust-proxy: [192.0.2.1, 192.0.2.2]",
    "allow-origin:",
    "  - https://one.example",
    "status-page: true",
    "isolate-memory: 64MiB",
  );
  const run = start("--config", file, "--max-isolates", "8");
  const { port } = await run.address();
  await run.logged("policy taken");
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  const { computations, policyHash } = (await answer.json()) as {
    computations: { maxRunning: number };
    policyHash: string;
  };
  // The command line says more than the file.
  assert.is(computations.maxRunning, 8);
  assert.is(policyHash, hashOf(one.policy));
  run.child.kill("SIGTERM");
  assert.is(await run.ended, 0);
  write(
    "max-isolates: many",
    "max-sesions: 3",
    "status-page: perhaps",
    "trust-proxy: here",
    "log-level: loud",
    "nonsense: 1",
    "listen: [127.0.0.1:1, 127.0.0.1:2]",
    "post-idle: {}",
  );
  const bad = start("--config", file);
  assert.is(await bad.ended, 2);
  for (const [line, words] of [
    "max-isolates: expected a whole number from 1 to 100000",
    "max-sesions: there is no such option: did you mean max-sessions?",
    "status-page: expected true or false",
    "trust-proxy: expected an IP address",
    "log-level: Allowed choices are debug, info, warn, error, silent.",
    "nonsense: there is no such option: expected one of listen, policies, ",
    "listen: expected one value",
    "post-idle: expected a value, or a list of values",
  ].entries())
    assert.ok(bad.err.includes(`server.yaml:${line + 1}: ${words}`), `${words} in ${bad.err}`);
  write("listen: 127.0.0.1:0", "policies: [");
  const broken = start("--config", file);
  assert.is(await broken.ended, 2);
  assert.match(broken.err, /server\.yaml:\d: not YAML: /);
});

test.after(() => {
  for (const { child } of started) child.kill("SIGKILL");
  return attestation.stop();
});
test.run();
