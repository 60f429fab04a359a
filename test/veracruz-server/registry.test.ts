// Several servers that share a PostgreSQL database: a party may come to any of them; one that dies loses its own
// computations only.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, unlinkSync, writeFileSync } from "node:fs";
import { connect as openSocket, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWebSocketStream, WebSocket } from "ws";
import { formatAddress } from "../../host/common/addresses.js";
import { freePort } from "../../host/common/free-port.js";
import { ComputationRecords } from "../../host/continuity/records.js";
import {
  type ConnectOptions,
  type OpenTunnel,
  VeracruzClient,
} from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { startPostgres } from "../proxy-attestation-server/postgres.js";
import { ServerCommand } from "../support/server-command.js";
import { skip } from "../support/shared.js";
import {
  exampleModule,
  failure,
  makePolicy,
  principal,
  TestAttestation,
  until,
} from "../support/system.js";

const nop = exampleModule("nop");
const postgres = await startPostgres();
if ("reason" in postgres) {
  skip(6, postgres.reason);
} else {
  const attestation = await TestAttestation.start();
  const started: ServerCommand[] = [];

  const newPolicy = (restarts = 0) => {
    const document = makePolicy(attestation, {
      principals: { alice: "nop.wasm:w,output:r" },
      programs: { "nop.wasm": { module: nop, rights: "output:w" } },
      policy: { max_restarts: restarts },
    });
    return new Policy(Buffer.from(JSON.stringify(document)));
  };

  /** A server of the registry, with policies in a folder of its own, or one that it shares. */
  const start = async (name: string, folder: string, ...options: readonly string[]) => {
    const port = await freePort();
    const run = new ServerCommand("veracruz-server", [
      ...["--policies", folder, "--listen", `127.0.0.1:${port}`, "--isolate-restarts", "0"],
      ...["--registry", postgres.url, "--server-name", name],
      ...["--root-of-trust", attestation.rootOfTrust, "--runtime", attestation.runtime],
      ...options,
    ]);
    started.push(run);
    const address = await run.address();
    return { run, address };
  };

  const folderWith = (...policies: readonly Policy[]) => {
    const folder = mkdtempSync(join(attestation.folder, "policies-"));
    for (const [number, { bytes }] of policies.entries())
      writeFileSync(join(folder, `${number}.json`), bytes);
    return folder;
  };

  const connect = (
    policy: Policy,
    server: { host: string; port: number },
    options: Partial<ConnectOptions> = {},
  ) => {
    const { pem, keyPem } = principal("alice");
    return VeracruzClient.connect({
      policy,
      server,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      records: new ComputationRecords(join(attestation.folder, "records")),
      timeoutMs: 300_000,
      ...options,
    });
  };

  /** A WebSocket to the server of this address, for the computation that the path names. */
  const webSocket = async ({ host, port }: { host: string; port: number }, hash: string) =>
    createWebSocketStream(
      new WebSocket(`ws://${host}:${port}/computations/${hash}/runtime_manager`),
    );

  test("a party comes to any server; one that is killed loses its own computations, and says so by the others", async () => {
    const [first, second] = [newPolicy(), newPolicy()];
    const one = await start("one", folderWith(first));
    const two = await start("two", folderWith(second));
    // Each computation runs on the server that has it, whichever is asked, and however.
    const clients = [
      await connect(first, two.address),
      await connect(second, one.address, { transport: "post" }),
    ] as const;
    const overWebSocket = await connect(first, two.address, { transport: webSocket });
    assert.ok((await overWebSocket.policyHash()).equals(first.hash));
    await overWebSocket.close();
    assert.match(one.run.out, /"isolate process started"/);
    assert.match(one.run.out, /"admitted":1[^\n]*"msg":"session opened"/);
    await clients[0].sendProgram("nop.wasm", nop);
    await clients[1].sendProgram("nop.wasm", nop);
    const health = async (policy: Policy, { port }: { port: number }) => {
      const path = `/computations/${policy.hash.toString("hex")}/healthz`;
      return (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as { status: string };
    };
    assert.is((await health(first, two.address)).status, "ready");
    await one.run.kill();
    const lost = await failure(clients[0].state());
    assert.match(
      lost.message,
      /the server says: the server one(, which| has this computation, and cannot)/,
    );
    await until("two knows that one is gone", async () => {
      const { message } = await failure(connect(first, two.address));
      return /the server one, which had this computation, is gone or was started anew, and with it all/.test(
        message,
      );
    });
    // The other computation was forwarded by the one that died, no more: it is as it was.
    const again = await connect(second, two.address);
    await again.read();
    await again.requestShutdown();
    await until("it is over", async () => (await health(second, two.address)).status === "over");
    // Back again under its name, it has what it had, as far as the policy allows another isolate.
    const back = await start("one", folderWith(second));
    const over = await failure(connect(second, back.address));
    assert.match(over.message, /the computation is over: by consent/);
    for (const { run } of [back, two]) {
      run.child.kill("SIGTERM");
      assert.is(await run.ended, 0);
    }
  });

  /** Has so many strangers come to a server, each of whom takes a place until somebody else needs it. */
  const flood = async (
    { host, port }: { host: string; port: number },
    hash: string,
    count: number,
  ) => {
    const strangers: Socket[] = [];
    for (let turn = 0; turn < count; turn++) {
      const stranger = openSocket({ host, port }).on("error", () => undefined);
      strangers.push(stranger);
      await once(stranger, "connect");
      // Some are silent, and some are forwarded as well.
      if (turn % 3 === 0)
        stranger.write(`CONNECT ${hash}.isolate:443 HTTP/1.1\r\nHost: isolate:443\r\n\r\n`);
    }
    return () => {
      for (const stranger of strangers) stranger.destroy();
    };
  };

  test("strangers who flood a server do not cut off the principals whom it forwards to another one", async () => {
    const policy = newPolicy();
    const hash = policy.hash.toString("hex");
    const bounds = ["--max-connections", "16", "--max-connections-per-address", "16"];
    const owner = await start("owner", folderWith(policy));
    const first = await start("first", folderWith(), ...bounds);
    // One whose signature is good waits for the isolate to start, and strangers come meanwhile.
    const early = connect(policy, first.address);
    await owner.run.logged("isolate starting");
    const goAway = await flood(first.address, hash, 200);
    const clients = [await early];
    goAway();
    // By POST, and by a WebSocket that nobody has signed for: TLS says who that is.
    clients.push(await connect(policy, first.address, { transport: "post" }));
    clients.push(await connect(policy, first.address, { transport: webSocket }));
    const unknown = openSocket(first.address).on("error", () => undefined);
    await once(unknown, "connect");
    const goAwayAgain = await flood(first.address, hash, 400);
    for (const client of clients) assert.ok((await client.policyHash()).equals(policy.hash));
    assert.ok(unknown.destroyed);
    goAwayAgain();
    for (const client of clients) await client.close();
    for (const { run } of [first, owner]) {
      run.child.kill("SIGTERM");
      assert.is(await run.ended, 0);
    }
  });

  /** A page from a disk: whoever it is comes as the first message of its WebSocket, changed as a test wants it. */
  const asPage =
    (change: (signature: string) => string): OpenTunnel =>
    async (server, hash, signer) => {
      const [target, host] = [`/computations/${hash}/runtime_manager`, formatAddress(server)];
      const signed = await signer?.headers(server, "GET", target, host);
      const first = Object.entries(signed ?? {}).map(([name, value]) => `${name}: ${value}`);
      const socket = new WebSocket(`ws://${host}${target}`, { origin: "null" });
      closed = once(socket, "close");
      await once(socket, "open");
      const message = change(first.join("\n"));
      if (message !== "") socket.send(message);
      return createWebSocketStream(socket).on("error", () => undefined);
    };
  let closed: Promise<unknown[]> = Promise.resolve([]);

  test("a page's signature is its first message through another server, too, and nobody else's page has a session", async () => {
    const policy = newPolicy();
    const hash = policy.hash.toString("hex");
    const bounds = ["--max-connections", "16", "--max-connections-per-address", "16"];
    const owner = await start("page-owner", folderWith(policy));
    const other = await start("page-other", folderWith(), ...bounds);
    const client = await connect(policy, other.address, { transport: asPage((signed) => signed) });
    assert.match(owner.run.out, /"admitted":1[^\n]*"msg":"session opened"/);
    // The server that forwards it has learned that it is a principal's: strangers do not push it out.
    const goAway = await flood(other.address, hash, 200);
    assert.ok((await client.policyHash()).equals(policy.hash));
    goAway();
    await client.close();
    for (const [change, why] of [
      [() => "", /^this origin is not allowed$/],
      [(signed: string) => signed.replace(/^(signature: .*?:)..../m, "$1AAAA"), /^the signature/],
      [() => "hello", /^this origin is not allowed$/],
    ] as const) {
      await failure(connect(policy, other.address, { transport: asPage(change) }));
      const [code, reason] = await closed;
      assert.is(code, 1008);
      assert.match(String(reason), why);
    }
    for (const { run } of [other, owner]) {
      run.child.kill("SIGTERM");
      assert.is(await run.ended, 0);
    }
  });

  test("a flood of made-up policy hashes is answered without the database, and a party from the same address is served", async () => {
    const policy = newPolicy();
    const hash = policy.hash.toString("hex");
    const owner = await start("asked", folderWith(policy));
    const other = await start("flooded", folderWith());
    const status = async (of: string) => {
      const { host, port } = other.address;
      return (await fetch(`http://${host}:${port}/computations/${of}/healthz`)).status;
    };
    const client = await connect(policy, other.address);
    const count = new Map<number, number>();
    for (let n = 0; n < 400; n++) {
      const code = await status(randomBytes(32).toString("hex"));
      count.set(code, (count.get(code) ?? 0) + 1);
    }
    assert.is((count.get(404) ?? 0) + (count.get(429) ?? 0), 400);
    // How many more are asked for depends on how long the flood takes.
    assert.ok((count.get(429) ?? 0) > 0, JSON.stringify([...count]));
    assert.is(await status(hash), 200);
    await client.close();
    const again = await connect(policy, other.address);
    assert.ok((await again.policyHash()).equals(policy.hash));
    await again.close();
    for (const { run } of [other, owner]) {
      run.child.kill("SIGTERM");
      assert.is(await run.ended, 0);
    }
  });

  test("servers that share a folder each start what is asked of them first, and forward the rest", async () => {
    const policies = [newPolicy(), newPolicy()] as const;
    const folder = folderWith(...policies);
    const servers = [await start("north", folder), await start("south", folder)] as const;
    // A third one has none of it: whoever asks there is sent to one that has.
    const third = await start("third", folderWith());
    const started = ({ run }: (typeof servers)[number]) =>
      run.out.match(/"isolate process started"/g)?.length ?? 0;
    const running: VeracruzClient[] = [];
    for (const [turn, policy] of policies.entries()) {
      running.push(await connect(policy, (servers[turn] as (typeof servers)[number]).address));
      assert.equal(servers.map(started), turn === 0 ? [1, 0] : [1, 1]);
    }
    const forwarded: VeracruzClient[] = [];
    for (const [turn, policy] of policies.entries()) {
      const other = servers[1 - turn] as (typeof servers)[number];
      forwarded.push(await connect(policy, other.address), await connect(policy, third.address));
    }
    assert.equal(servers.map(started), [1, 1]);
    await forwarded[2]?.sendProgram("nop.wasm", nop);
    // The first one dies: what the other one runs goes on, by any server that is left.
    await servers[0].run.kill();
    assert.ok((await failure(running[0]?.state() as Promise<unknown>)) instanceof Error);
    assert.ok((await running[1]?.policyHash())?.equals(policies[1].hash));
    assert.ok((await forwarded[3]?.policyHash())?.equals(policies[1].hash));
    // One that comes again under its name runs nothing of what it ran before.
    const back = await start("north", folder);
    const health = async ({ address: { port } }: { address: { port: number } }, policy: Policy) => {
      const path = `/computations/${policy.hash.toString("hex")}/healthz`;
      return (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as { status: string };
    };
    await until("it is known again", async () => {
      return (await health(third, policies[0])).status === "waiting";
    });
    assert.is((await health(back, policies[1])).status, "ready");
    // Its operator ends a computation on the server that runs it: all say so, with that reason.
    unlinkSync(join(folder, "1.json"));
    servers[1].run.child.kill("SIGHUP");
    await until("it is over", async () => (await health(third, policies[1])).status === "over");
    const { message } = await failure(connect(policies[1], back.address));
    assert.match(message, /the server's operator has taken its policy away/);
    for (const { run } of [third, back, servers[1]]) {
      run.child.kill("SIGTERM");
      assert.is(await run.ended, 0);
    }
  });

  test("servers that share a folder run each computation once, and take over what a dead one had", async () => {
    const policy = newPolicy(1);
    const folder = folderWith(policy);
    const servers = [await start("left", folder), await start("right", folder)] as const;
    const clients = await Promise.all(
      servers.map(({ address }) =>
        // Who comes second while the first takes it is told to come again.
        patiently(() => connect(policy, address)),
      ),
    );
    const isolates = servers.filter(({ run }) => run.out.includes('"isolate process started"'));
    assert.is(isolates.length, 1);
    await (clients[0] as VeracruzClient).sendProgram("nop.wasm", nop);
    const [owner] = isolates as [(typeof servers)[number]];
    const other = servers.find((each) => each !== owner) as (typeof servers)[number];
    await owner.run.kill();
    const client = await patiently(() => connect(policy, other.address, { acceptRestart: 2 }));
    await client.sendProgram("nop.wasm", nop);
    assert.equal(client.commitment, { n: 2, of: 2 });
    await client.close();
    other.run.child.kill("SIGTERM");
    assert.is(await other.run.ended, 0);
  });

  /** Tries until it succeeds: the registry needs seconds to learn that a server is gone. */
  const patiently = async (run: () => Promise<VeracruzClient>): Promise<VeracruzClient> => {
    let done: VeracruzClient | undefined;
    await until("it is connected", async () => {
      done = await run().catch(() => undefined);
      return done !== undefined;
    });
    return done as VeracruzClient;
  };

  test.after(async () => {
    for (const { child } of started) child.kill("SIGKILL");
    await attestation.stop();
    await postgres.stop();
  });
}
test.run();
