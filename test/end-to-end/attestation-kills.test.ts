// The proxy attestation server is killed in mid-flow, before a commit and after it, and started again: the Veracruz
// server waits for it, and nobody who is connected notices but who needs it.
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ServerCommand } from "../support/server-command.js";
import { exampleModule, failure, System, TestAttestation, until } from "../support/system.js";

test("killed between the challenge and the token, and after the certificate; each time started again", async () => {
  const attestation = await TestAttestation.start();
  const path = (name: string) => join(attestation.folder, name);
  let port = 0;
  const start = async () => {
    const server = new ServerCommand("proxy-attestation-server", [
      ...["serve", "--port", String(port), "--allow-development", "--database", path("pas.sqlite")],
      ...["--ca-key", path("ca-key.pem"), "--ca-certificate", path("ca.pem")],
    ]);
    ({ port } = await server.address());
    return server;
  };
  let server = await start();

  // A doorway in front of it, which sees what is asked and closes when the server dies.
  let killed: Promise<void> | undefined;
  const asked: string[] = [];
  const doorway = createServer((from) => {
    const to = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    to.pipe(from);
    from.on("data", (bytes: Buffer) => {
      const request = /^POST (\S+)/.exec(bytes.toString("latin1"))?.[1];
      if (request !== undefined) asked.push(request);
      if (request !== undefined && request !== "/Start" && killed === undefined) {
        // The token is on its way: it does not arrive.
        killed = server.kill();
        return;
      }
      to.write(bytes);
    });
  });
  await new Promise<void>((resolve) => doorway.listen(0, "127.0.0.1", resolve));
  const address = doorway.address();
  if (address === null || typeof address === "string") throw new Error("not listening");

  const system = await System.start(
    {
      attestation,
      principals: { alice: "nop.wasm:w,output:r" },
      programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
      policy: { proxy_attestation_server_url: `127.0.0.1:${address.port}` },
    },
    false,
  );
  try {
    await until("the server was killed", () => killed !== undefined);
    await killed;
    await until(
      "an attempt without it",
      () => system.logged("attestation failed, will be tried again").length > 1,
    );
    server = await start();
    await system.server.ready();
    assert.equal([...new Set(asked)].length, 2, asked.join(" "));
    assert.is(system.logged("isolate lost").length, 0);

    const alice = await system.connect("alice");
    assert.is((await alice.reattest()).kind, "linux");
    // A commit waits for it as well.
    await server.kill();
    const sent = alice.sendProgram("nop.wasm", exampleModule("nop"));
    await until(
      "a commit without it",
      () => system.logged("the computation is not committed yet, will be tried again").length > 1,
    );
    server = await start();
    await sent;
    assert.equal(alice.commitment, { n: 1, of: 1 });
    await server.kill();
    const error = await failure(alice.reattest());
    assert.match(error.message, /proxy attestation server at \S+ cannot be reached/);
    assert.not.match(error.message, /\n/);
    // The computation needs it no more.
    assert.is((await alice.read()).length, 0);
    server = await start();
    assert.is((await alice.reattest()).kind, "linux");
  } finally {
    await system.stop();
    await server.kill();
    doorway.close();
    await attestation.stop();
  }
});

test.run();
