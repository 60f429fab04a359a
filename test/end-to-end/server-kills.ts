// The Veracruz server is killed after each step of a computation, and started again in front of the
// isolate, which stays: what it holds is still there, and the computation goes on to the right result.
import * as assert from "uvu/assert";
import { State } from "../../host/transport-protocol/index.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { exampleData } from "../support/example-data.js";
import { testOn } from "../support/platforms.js";
import { ServerCommand } from "../support/server-command.js";
import {
  exampleModule,
  failure,
  type HealthReport,
  makePolicy,
  principal,
  type TestAttestation,
  until,
} from "../support/system.js";
import { distanceOrEndless, endless } from "./power-cuts.js";

/** For how long the endless program runs. */
const DEADLINE_MS = 4_000;

export function serverKills(attestation: TestAttestation): void {
  const { platform } = attestation;
  const module = exampleModule("string-edit-distance");
  const data = exampleData("string-edit-distance");
  const input = (name: string) => data[name] as Uint8Array;

  testOn(platform, "the server is killed after each step; the computation goes on", async () => {
    const lone = await attestation.provisioned.startAlone();
    const document = makePolicy(attestation, {
      ...distanceOrEndless(module),
      policy: {
        execution_limits: { fuel: Number.MAX_SAFE_INTEGER, deadline_ms: DEADLINE_MS },
        max_failed_runs: 100,
      },
    });
    const policy = new Policy(Buffer.from(JSON.stringify(document)));
    const policyFile = attestation.write("policy.json", policy.bytes);
    const { host, port } = lone.address;
    const args = [policyFile, "--listen", "127.0.0.1:0", "--isolate", `tcp:${host}:${port}`];
    let server = new ServerCommand("veracruz-server", args);
    /** The server dies, another one takes its place. */
    const again = async () => {
      await server.kill();
      server = new ServerCommand("veracruz-server", args);
    };
    const connect = async (name: string) => {
      const { pem, keyPem } = principal(name);
      return VeracruzClient.connect({
        policy,
        identity: loadIdentity(Buffer.from(pem), keyPem),
        server: await server.address(),
      });
    };
    const ready = () => server.logged("ready");
    const assertLost = (error: Error) => {
      assert.instance(error, ClientError, error.message);
      assert.is((error as ClientError).kind, "connection", error.message);
      assert.match(error.message, /server/);
      assert.not.match(error.message, /\n/);
    };
    try {
      // A server that died when the policy was on its way leaves open whether it arrived.
      const policyThere = ["policy handed over", "isolate found at work under this policy"];
      for (const events of [
        ["listening"],
        ["isolate connected"],
        policyThere,
        ["isolate attested"],
      ]) {
        await server.logged(...events);
        await again();
      }
      await ready();

      let alice = await connect("alice");
      const { fingerprint } = alice.isolate;
      await alice.sendProgram("distance.wasm", module);
      await alice.sendProgram("endless.wasm", endless);
      await again();
      await ready();
      assertLost(await failure(alice.state()));

      // In mid-transfer: what had come of it is forgotten with its session.
      alice = await connect("alice");
      assert.is(alice.isolate.fingerprint, fingerprint);
      const content = input("input-0");
      async function* pieces() {
        yield content.subarray(0, 1);
        await again();
        yield content.subarray(1);
      }
      assertLost(
        await failure(alice.sendData("input-0", { length: content.length, pieces: pieces() })),
      );
      await ready();
      alice = await connect("alice");
      await alice.sendData("input-0", content);
      await again();
      await ready();
      let bob = await connect("bob");
      await bob.sendData("input-1", input("input-1"));
      assert.is((await bob.state()).state, State.READY);

      // While a program runs: the next server is let in when the run is over.
      alice = await connect("alice");
      const { port: web } = await server.address();
      let running: Promise<Error>;
      let over: boolean;
      do {
        let seen = false;
        over = false;
        running = failure(alice.compute("endless.wasm")).finally(() => {
          over = true;
        });
        await until("the program is seen to run, or has ended", async () => {
          const answer = await fetch(`http://127.0.0.1:${web}/healthz`);
          seen = ((await answer.json()) as HealthReport).isolate.running;
          return seen || over;
        });
        // Where this process stood still, the run may be over by now: the next one is looked at.
      } while (over);
      await again();
      assertLost(await running);
      await ready();
      bob = await connect("bob");
      assert.ok((await bob.state()).failedRuns >= 1);
      const expected = Buffer.from(input("expected-1"));
      assert.equal(await bob.read("output", "distance.wasm"), expected);

      await again();
      await ready();
      bob = await connect("bob");
      assert.is((await bob.state()).state, State.RESULT);
      assert.equal(await bob.read("output", "distance.wasm"), expected);
      await bob.requestShutdown();
      await again();
      await ready();
      alice = await connect("alice");
      assert.is(alice.isolate.fingerprint, fingerprint);
      await alice.requestShutdown();
      assert.is(await server.ended, 0, server.err);
      assert.match(server.out, /the computation is over: by consent/);
    } catch (error) {
      console.log(server.out.split("\n").slice(-20).join("\n"), server.err);
      throw error;
    } finally {
      await server.kill();
      await lone.stop();
    }
  });
}
