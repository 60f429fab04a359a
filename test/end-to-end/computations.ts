// End to end: client, server, isolate and proxy attestation server over real sockets; on any platform.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import * as assert from "uvu/assert";
import { State } from "../../host/transport-protocol/index.js";
import { type ConnectOptions, VeracruzClient } from "../../host/veracruz-client/client.js";
import { ClientError, type FailureKind } from "../../host/veracruz-client/errors.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { connectTunnel } from "../../host/veracruz-client/tunnels.js";
import { makeCertificate } from "../support/certificates.js";
import { exampleData } from "../support/example-data.js";
import { testOn } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import {
  exampleModule,
  principal,
  System,
  type SystemOptions,
  type TestAttestation,
} from "../support/system.js";
import { assemble } from "../support/wat.js";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** Copies input 0 to the result. */
const echo = (pages: number) =>
  assemble(`(module
  (import "env" "__veracruz_hcall_input_size" (func $size (param i32 i32) (result i32)))
  (import "env" "__veracruz_hcall_read_input" (func $read (param i32 i32 i32) (result i32)))
  (import "env" "__veracruz_hcall_write_output" (func $write (param i32 i32) (result i32)))
  (memory (export "memory") ${pages})
  (func (export "main") (result i32)
    (drop (call $size (i32.const 0) (i32.const 0)))
    (drop (call $read (i32.const 0) (i32.const 16) (i32.load (i32.const 0))))
    (call $write (i32.const 16) (i32.load (i32.const 0)))))`);
const program = (body: string) =>
  assemble(`(module (memory (export "memory") 1) (func (export "main") (result i32) ${body}))`);

async function refused(kind: FailureKind, pattern: RegExp, run: Promise<unknown>): Promise<void> {
  const error = await run.then(
    () => new Error("it was not refused"),
    (each: Error) => each,
  );
  assert.instance(error, ClientError, error.message);
  assert.match(error.message, pattern);
  assert.is((error as ClientError).kind, kind, error.message);
  assert.not.match(error.message, /\n/);
}

const same = (actual: Uint8Array, expected: Uint8Array | undefined) =>
  assert.ok(Buffer.compare(actual, expected as Uint8Array) === 0);

/** Computations of one to many principals, and what their clients are told when something is wrong. */
export function computations(attestation: TestAttestation): void {
  const { platform } = attestation;
  const { capacity } = platform;

  async function withSystem(options: SystemOptions, use: (system: System) => Promise<void>) {
    await System.use({ attestation, ...options }, use);
  }

  if (!hasOpenssl) skip(1, "openssl not found; on Debian: apt-get install openssl");
  else
    testOn(
      platform,
      "attestation only: OpenSSL verifies the isolate's chain, which names its runtime",
      async () => {
        const options: SystemOptions = { principals: { alice: "input-0:w" } };
        await withSystem(options, async (system) => {
          const alice = await system.connect("alice");
          assert.is((await alice.reattest()).kind, platform.kind);
          assert.is((await alice.state()).state, State.PROVISIONING);
          const { pem, keyPem } = principal("alice");
          const socket = connectTls({
            socket: await connectTunnel(system.address, 60_000),
            servername: "ComputeEnclave.dev",
            ca: attestation.caPem,
            cert: pem,
            key: keyPem,
            minVersion: "TLSv1.3",
          });
          await once(socket, "secureConnect");
          const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
          socket.destroy();
          const ca = attestation.write("only-ca.pem", attestation.caPem);
          const leaf = attestation.write("isolate.pem", certificate.toString());
          const purpose = ["-x509_strict", "-purpose", "sslserver"];
          const verdict = execFileSync("openssl", ["verify", ...purpose, "-CAfile", ca, leaf]);
          assert.match(verdict.toString(), /isolate\.pem: OK/);
          const shown = execFileSync("openssl", [
            "x509",
            "-in",
            leaf,
            "-noout",
            "-text",
          ]).toString();
          assert.match(shown, /DNS:ComputeEnclave\.dev/);
          assert.ok(certificate.raw.includes(Buffer.from(attestation.runtimeHash)), shown);
        });
      },
    );

  testOn(platform, "one principal is everything: program, data, result", async () => {
    const module = exampleModule("linear-regression");
    const data = exampleData("linear-regression");
    const options: SystemOptions = {
      principals: { alice: "linear.wasm:w,input-0:w,output:r" },
      programs: { "linear.wasm": { module, rights: "input-0:r,output:w" } },
    };
    await withSystem(options, async (system) => {
      const alice = await system.connect("alice");
      await alice.sendProgram("linear.wasm", module);
      await alice.sendData("input-0", data["input-0"] as Uint8Array);
      same(await alice.read(), data["expected-1"]);
      await alice.requestShutdown();
      assert.is((await system.server.finished).status, "ended");
    });
  });

  testOn(
    platform,
    "four principals: author, two providers in reverse order, reader; two of them at once",
    async () => {
      const module = exampleModule("string-edit-distance");
      const data = exampleData("string-edit-distance");
      const options: SystemOptions = {
        principals: {
          alice: "distance.wasm:w",
          bob: "input-0:w",
          carol: "input-1:w",
          dave: "output:r",
        },
        programs: { "distance.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
      };
      await withSystem(options, async (system) => {
        const [alice, bob, carol, dave] = (await Promise.all(
          ["alice", "bob", "carol", "dave"].map((name) => system.connectPatiently(name)),
        )) as [VeracruzClient, VeracruzClient, VeracruzClient, VeracruzClient];
        await refused("not-ready", /^FAILED_NOT_READY: /, dave.read());
        await carol.sendData("input-1", data["input-1"] as Uint8Array);
        await Promise.all([
          bob.sendData("input-0", data["input-0"] as Uint8Array),
          alice.sendProgram("distance.wasm", module),
        ]);
        same(await dave.read(), data["expected-1"]);
        // The others read nothing, and cannot tell what there is.
        await refused("role", /^FAILED_INVALID_ROLE: /, alice.read());
        await refused("role", /^FAILED_INVALID_ROLE: /, bob.read("input-1"));
        await refused("role", /^FAILED_INVALID_ROLE: /, bob.read("nowhere"));
        await refused(
          "role",
          /^FAILED_INVALID_ROLE: /,
          carol.sendData("input-0", Buffer.from("x")),
        );
        await dave.requestShutdown();
        assert.is((await system.server.finished).status, "ended");
      });
    },
  );

  testOn(platform, "private set intersection of two sources", async () => {
    const module = exampleModule("private-set-intersection");
    const data = exampleData("private-set-intersection");
    const options: SystemOptions = {
      principals: { alice: "psi.wasm:w,input-0:w", bob: "input-1:w,output:r" },
      programs: { "psi.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
    };
    await withSystem(options, async (system) => {
      const alice = await system.connect("alice");
      const bob = await system.connect("bob");
      assert.is((await alice.reattest()).kind, platform.kind);
      assert.is(alice.isolate.fingerprint, bob.isolate.fingerprint);
      await bob.sendData("input-1", data["input-1"] as Uint8Array);
      await alice.sendData("input-0", data["input-0"] as Uint8Array);
      await alice.sendProgram("psi.wasm", module);
      assert.ok((await bob.compute()) > 0);
      same(await bob.read(), data["expected-1"]);
    });
  });

  testOn(platform, "number stream: rounds go on from the result before", async () => {
    const module = exampleModule("number-stream-accumulation");
    const data = exampleData("number-stream-accumulation");
    const options: SystemOptions = {
      principals: {
        alice: "sum.wasm:w,input-0:w,output:r",
        bob: "stream-0:w",
        carol: "stream-1:w",
      },
      programs: {
        "sum.wasm": { module, rights: "input-0:r,stream-0:r,stream-1:r,output:w" },
      },
      policy: { max_rounds: 3 },
    };
    await withSystem(options, async (system) => {
      const [alice, bob, carol] = (await Promise.all(
        ["alice", "bob", "carol"].map((name) => system.connectPatiently(name)),
      )) as [VeracruzClient, VeracruzClient, VeracruzClient];
      await alice.sendProgram("sum.wasm", module);
      await alice.sendData("input-0", data["input-0"] as Uint8Array);
      for (let round = 1; round <= 3; round++) {
        if (round > 1) await alice.nextRound();
        const state = await alice.state();
        assert.is(state.state, State.STREAMING);
        assert.is(state.round, round);
        await bob.sendStream("stream-0", data[`round-${round}/stream-0`] as Uint8Array);
        await refused("not-ready", /^FAILED_NOT_READY/, alice.compute());
        await carol.sendStream("stream-1", data[`round-${round}/stream-1`] as Uint8Array);
        // Once per round.
        await refused(
          "not-ready",
          /was written before/,
          bob.sendStream("stream-0", Buffer.from("again")),
        );
        same(await alice.read(), data[`expected-${round}`]);
      }
      await refused("request", /^FAILED_GENERIC: no further round/, alice.nextRound());
    });
  });

  testOn(platform, "a large file there and back, over each transport and each TLS", async () => {
    const module = echo(capacity.programPages);
    const content = randomBytes(capacity.fileBytes);
    const step = Math.ceil(content.length / 10);
    for (const transport of ["connect", "post"] as const) {
      for (const tls of ["node", "own"] as const) {
        const options: SystemOptions = {
          principals: { alice: "echo.wasm:w,input-0:w,output:r" },
          programs: { "echo.wasm": { module, rights: "input-0:r,output:w" } },
          policy: tls === "own" ? { ciphersuite: "TLS1_3_AES_128_GCM_SHA256" } : {},
        };
        await withSystem(options, async (system) => {
          const how: Partial<ConnectOptions> = { transport, tls };
          const alice = await system.connect("alice", how);
          await alice.sendProgram("echo.wasm", module);
          const seen: number[] = [];
          async function* pieces() {
            for (let at = 0; at < content.length; at += step) yield content.subarray(at, at + step);
          }
          const source = { length: content.length, pieces: pieces() };
          await alice.sendData("input-0", source, (done) => seen.push(done));
          assert.is(seen.at(-1), content.length);
          assert.ok(seen.every((done, index) => done >= (seen[index - 1] ?? 0)));
          same(await alice.read(), content);
          await alice.close();
        });
      }
    }
  });

  testOn(
    platform,
    "each kind of failure reaches the client in one line, and the isolate goes on",
    async () => {
      const good = exampleModule("nop");
      const modules = {
        "trap.wasm": program("unreachable"),
        "code.wasm": program("(i32.const -4)"),
        "loop.wasm": program("(loop $again (br $again)) (i32.const 0)"),
        "good.wasm": good,
      };
      const limit = Math.floor(capacity.fileBytes / 7);
      const options: SystemOptions = {
        principals: {
          alice: "trap.wasm:w,code.wasm:w,loop.wasm:w,good.wasm:w,output:r",
          bob: "input-0:w",
        },
        programs: Object.fromEntries(
          Object.entries(modules).map(([name, module]) => [name, { module, rights: "output:w" }]),
        ),
        policy: { execution_limits: { fuel: 1_000_000, file_bytes: limit }, max_failed_runs: 10 },
      };
      await withSystem(options, async (system) => {
        const alice = await system.connect("alice");
        const bob = await system.connect("bob");
        // A program that is another one is not stored.
        await refused("request", /^FAILED_\w+: .*hash/, alice.sendProgram("trap.wasm", good));
        for (const [name, module] of Object.entries(modules)) await alice.sendProgram(name, module);
        await refused(
          "program",
          /^FAILED_VM_ERROR: .*unreachable/,
          alice.read("output", "trap.wasm"),
        );
        await refused("program", /^FAILED_VM_ERROR: .*fuel/, alice.read("output", "loop.wasm"));
        await refused(
          "return-code",
          /^FAILED_ERROR_CODE_RETURNED -4/,
          alice.read("output", "code.wasm"),
        );
        await refused("role", /^FAILED_INVALID_ROLE/, alice.read("output", "other.wasm"));
        await refused("role", /^FAILED_INVALID_ROLE/, alice.sendData("input-0", Buffer.from("x")));
        await refused("role", /^FAILED_INVALID_ROLE/, bob.compute("good.wasm"));
        await refused("role", /^FAILED_INVALID_ROLE/, bob.nextRound());
        // Larger than the policy allows: refused at the first piece, whatever is on its way.
        const tooLarge = new Uint8Array(3 * limit);
        await refused(
          "request",
          new RegExp(`limit of ${limit}`),
          bob.sendData("input-0", tooLarge),
        );
        await bob.sendData("input-0", new Uint8Array(limit));
        assert.is((await alice.read("output", "good.wasm")).length, 0);
        assert.is((await alice.state()).failedRuns, 3);
      });
    },
  );

  testOn(
    platform,
    `${capacity.principals} principals at once, each with a file of its own`,
    async () => {
      const module = exampleModule("nop");
      const names = Array.from({ length: capacity.principals }, (_, index) => `p${index}`);
      const options: SystemOptions = {
        principals: {
          ...Object.fromEntries(names.map((name, index) => [name, `input-${index}:w`])),
          reader: "nop.wasm:w,output:r",
        },
        programs: {
          "nop.wasm": {
            module,
            rights: `${names.map((_, index) => `input-${index}:r`).join(",")},output:w`,
          },
        },
      };
      const fileBytes = Math.floor(capacity.fileBytes / capacity.principals / 1.4);
      await withSystem(options, async (system) => {
        const reader = await system.connect("reader");
        await reader.sendProgram("nop.wasm", module);
        await Promise.all(
          names.map(async (name, index) => {
            const client = await system.connectPatiently(name, {
              transport: index % 2 === 0 ? "connect" : "post",
              tls: index % 3 === 0 ? "own" : "node",
            });
            await client.sendData(`input-${index}`, randomBytes(fileBytes));
            await client.close();
          }),
        );
        assert.is((await reader.state()).state, State.READY);
        assert.is((await reader.read()).length, 0);
      });
    },
  );

  testOn(
    platform,
    "certificates that the policy does not name are turned away in TLS, with any TLS",
    async () => {
      const options: SystemOptions = {
        principals: { alice: "nop.wasm:w,output:r" },
        programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
      };
      await withSystem(options, async (system) => {
        const eve = makeCertificate({ commonName: "alice" });
        // She takes the policy's hashes, and a client that has her in its list: that gets her as far as the handshake.
        const document = structuredClone(system.policy.document);
        Object.assign(document.identities[0] as object, { certificate: eve.pem });
        const { Policy } = await import("../../host/veracruz-utils/policy.js");
        const policy = new Policy(Buffer.from(JSON.stringify(document)));
        const { hash, scopeHash } = system.policy;
        Object.assign(policy, { hash, scopeHash });
        for (const tls of ["node", "own"] as const) {
          for (const transport of ["connect", "post"] as const) {
            const attempt = VeracruzClient.connect({
              policy,
              identity: loadIdentity(Buffer.from(eve.pem), eve.keyPem),
              server: system.address,
              tls,
              transport,
            });
            await refused("identity", /refused this certificate/, attempt);
          }
        }
        // The certificate of another, without its key, cannot even be loaded.
        assert.throws(
          () => loadIdentity(Buffer.from(principal("alice").pem), eve.keyPem),
          /does not belong/,
        );
      });
    },
  );
}
