// What the trusted runtime refuses, and that a refusal changes nothing.
import { createHash, createPublicKey, randomBytes } from "node:crypto";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROFILE_MCU } from "../../assembly/platform-services/program-profiles.js";
import { VERSION } from "../../host/common/version.js";
import { commitPayload } from "../../host/continuity/commit-statement.js";
import { loadCa } from "../../host/proxy-attestation-server/ca.js";
import { StatementSigner } from "../../host/proxy-attestation-server/signer.js";
import { enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import { verifyToken } from "../../host/psa-attestation/verifier.js";
import {
  decodeMessage,
  encodeMessage,
  frame,
  State,
  Status,
} from "../../host/transport-protocol/index.js";
import { OID_COMMIT_SERVICE } from "../../host/x509/certificate.js";
import { readCsr } from "../../host/x509/csr.js";
import { readCertificate } from "../../host/x509/read-certificate.js";
import { mainProgram, program } from "../execution-engine/programs.js";
import { makeCertificate } from "../support/certificates.js";
import { testOn } from "../support/platforms.js";
import { until } from "../support/system.js";
import {
  Deployment,
  type DeploymentOptions,
  example,
  type LocalIsolate,
  newPrincipal,
  type PrincipalConnection,
  type RuntimePlatform,
} from "./deployment.js";

const alice = newPrincipal("alice");
const bob = newPrincipal("bob");
const mallory = newPrincipal("mallory");

const module = example("nop");
const standard: DeploymentOptions = {
  identities: [
    { certificate: alice, capabilities: "p.wasm:w,output:r" },
    { certificate: bob, capabilities: "input-0:w" },
  ],
  programs: [{ name: "p.wasm", module, capabilities: "input-0:r,output:w" }],
};

function status(response: unknown): number {
  return (response as { status: number }).status;
}
function text(response: unknown): string {
  return (response as { text: string }).text;
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code ?? ""} ${(error as Error).message}`;
  }
  throw new Error("expected a rejection");
}

/** Lets minutes go by at the isolate and the attestation service, while a session asks for the state, until it is closed. */
async function pass(
  deployment: Deployment,
  session: PrincipalConnection,
  minutes: number,
): Promise<void> {
  const isolate = deployment.isolate as LocalIsolate;
  // Less at a time than the idle limit.
  for (let passed = 0; passed < minutes; passed += 50) {
    isolate.tick(3_000_000);
    deployment.later += 3_000_000;
    if (isolate.closed.has(session.number)) return;
    assert.is(status(await session.request({ type: "requestState" })), Status.SUCCESS);
  }
}

/** What the trusted runtime refuses. */
export function refusals(platform: RuntimePlatform): void {
  const start = (options: DeploymentOptions) => Deployment.on(platform, options);
  /** A board's frames are smaller. */
  const pieceBytes = platform.kind === "linux" ? 16384 : 4096;

  testOn(
    platform,
    "client certificates: none, one that the policy does not know, one whose key is another's",
    async () => {
      const deployment = await start(standard);
      assert.match(
        await rejection(deployment.connect(undefined)),
        /CERTIFICATE_REQUIRED|certificate required/i,
      );
      assert.match(await rejection(deployment.connect(mallory)), /access.denied/i);
      // The policy's certificate, made again by its owner's rival: same name, another key.
      const impostor = makeCertificate({ commonName: "alice" });
      assert.match(await rejection(deployment.connect(impostor)), /access.denied/i);
      assert.match(
        await rejection(deployment.connect({ pem: alice.pem, keyPem: mallory.keyPem })),
        /key values mismatch/i,
      );
      await until("they are closed", () => deployment.isolate.closed.size >= 2);
      // The isolate goes on.
      const connection = await deployment.connect(alice);
      assert.is(status(await connection.request({ type: "requestState" })), Status.SUCCESS);
      await deployment.stop();
    },
  );

  testOn(platform, "no session before the isolate has its certificate", async () => {
    const deployment = await start({ ...standard, unattested: true });
    assert.match(await rejection(deployment.connect(alice)), /no certificate yet/);
    await deployment.attest();
    await deployment.connect(alice);
    await deployment.stop();
  });

  testOn(
    platform,
    "a second policy is refused; after a reset another one is taken, and the key is another",
    async () => {
      const deployment = await start(standard);
      const first = await deployment.connect(alice);
      const key = (
        first.socket.getPeerX509Certificate() as { publicKey: { export: (o: object) => Buffer } }
      ).publicKey
        .export({ type: "spki", format: "der" })
        .toString("hex");
      assert.match(text(await deployment.initialise(deployment.policyBytes)), /reset it first/);
      assert.is((await deployment.isolate.request({ type: "reset", id: 7 })).type, "done");
      const state = await deployment.isolate.request({ type: "runtimeState", id: 8 });
      assert.equal(
        {
          state: (state as { state: number }).state,
          sessions: (state as { sessions: number }).sessions,
        },
        { state: State.INITIAL, sessions: 0 },
      );
      assert.is((await deployment.initialise(deployment.policyBytes)).type, "done");
      await deployment.attest();
      const second = await deployment.connect(alice);
      const otherKey = (
        second.socket.getPeerX509Certificate() as { publicKey: { export: (o: object) => Buffer } }
      ).publicKey
        .export({ type: "spki", format: "der" })
        .toString("hex");
      assert.is.not(otherKey, key);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "policies that are malformed are refused with place and reason, and leave no state",
    async () => {
      const deployment = await start(standard);
      await deployment.isolate.request({ type: "reset", id: 1 });
      const good = deployment.policyBytes;
      const bad: [Uint8Array, RegExp][] = [
        [new Uint8Array(0), /./],
        [Buffer.from("{"), /./],
        [good.subarray(0, good.length - 1), /./],
        [Buffer.concat([good, Buffer.from("x")]), /./],
        [Buffer.from(good.toString().replace('"debug":false', '"debug":1')), /debug/],
        [Buffer.from(good.toString().replace('"month":1', '"month":13')), /./],
      ];
      for (const [policy, reason] of bad) {
        const answer = await deployment.initialise(policy);
        assert.is(answer.type, "refused");
        assert.match(text(answer), reason);
        const state = await deployment.isolate.request({ type: "runtimeState", id: 2 });
        assert.is((state as { state: number }).state, State.INITIAL);
      }
      assert.is((await deployment.initialise(good)).type, "done");
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "a certificate that is not for the isolate's key, or not by the policy's CA, is refused",
    async () => {
      const deployment = await start(standard);
      const other = await Deployment.start(standard);
      const certificate = await other.attest();
      const authority = makeCertificate({ commonName: "test CA", ca: true });
      const install = (leaf: Uint8Array, issuer: Uint8Array) =>
        deployment.isolate.request({
          type: "installCertificate",
          id: 4,
          certificate: leaf,
          issuer,
        });
      assert.is((await install(certificate, other.caDer)).type, "refused");
      assert.is((await install(certificate, deployment.caDer)).type, "refused");
      assert.is((await install(authority.der, authority.der)).type, "refused");
      assert.is((await install(certificate.subarray(0, 30), deployment.caDer)).type, "refused");
      await deployment.attest();
      await deployment.stop();
      await other.stop();
    },
  );

  testOn(
    platform,
    "what a principal may not do gets one and the same refusal, whether or not the file exists",
    async () => {
      const deployment = await start(standard);
      const provider = await deployment.connect(bob);
      const refusals = [
        await provider.read("output"),
        await provider.read("p.wasm"),
        await provider.read("input-0"),
        await provider.read("nothing"),
        await provider.send("program", "p.wasm", module),
        await provider.send("data", "input-1", module),
        await provider.send("stream", "stream-0", module),
        await provider.request({ type: "requestNextRound", round: 0 }),
        await provider.request({ type: "requestPiHash", fileName: "nothing" }),
        await provider.request({ type: "requestShutdown" }),
      ];
      for (const refusal of refusals) assert.equal(refusal, refusals[0]);
      assert.is(status(refusals[0]), Status.FAILED_INVALID_ROLE);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "an incorrect program: hash mismatch, nothing stored, and the right one is still taken",
    async () => {
      const deployment = await start(standard);
      const author = await deployment.connect(alice);
      const wrong = Uint8Array.from(module);
      wrong[wrong.length - 1] = (wrong.at(-1) as number) ^ 1;
      const refused = await author.send("program", "p.wasm", wrong);
      assert.is(status(refused), Status.FAILED_GENERIC);
      assert.match(text(refused), /hash is not the one in the policy/);
      const missing = await author.request({ type: "requestPiHash", fileName: "p.wasm" });
      assert.is(status(missing), Status.FAILED_NOT_READY);
      assert.is(status(await author.send("program", "p.wasm", module)), Status.SUCCESS);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "no program, or no data: a result request is answered FAILED_NOT_READY",
    async () => {
      const deployment = await start(standard);
      const author = await deployment.connect(alice);
      assert.is(status(await author.read("output")), Status.FAILED_NOT_READY);
      await author.send("program", "p.wasm", module);
      const noData = await author.read("output");
      assert.is(status(noData), Status.FAILED_NOT_READY);
      assert.match(text(noData), /inputs are missing/);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "more data than expected: a second write, pieces out of order, beyond the total, and of other kinds",
    async () => {
      const deployment = await start(standard);
      const provider = await deployment.connect(bob);
      const piece = (offset: number, total: number, length: number) =>
        provider.request({
          type: "data",
          fileName: "input-0",
          offset,
          total,
          bytes: new Uint8Array(length),
        });
      assert.is(status(await piece(5, 10, 5)), Status.FAILED_INVALID_REQUEST);
      assert.is(status(await piece(0, 10, 5)), Status.SUCCESS);
      assert.is(status(await piece(4, 10, 5)), Status.FAILED_INVALID_REQUEST);
      assert.is(status(await piece(5, 11, 5)), Status.FAILED_INVALID_REQUEST);
      assert.is(status(await piece(5, 10, 6)), Status.FAILED_INVALID_REQUEST);
      // Another session of the same principal cannot cut in.
      const second = await deployment.connect(bob);
      assert.match(
        text(await second.send("data", "input-0", new Uint8Array(3))),
        /another session/,
      );
      assert.is(status(await piece(5, 10, 5)), Status.SUCCESS);
      assert.match(text(await piece(0, 10, 5)), /written before/);
      assert.match(text(await second.send("data", "input-0", new Uint8Array(3))), /written before/);
      const author = await deployment.connect(alice);
      const kind = await author.send("data", "p.wasm", module);
      assert.is(status(kind), Status.FAILED_INVALID_REQUEST);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "a transfer whose session ends is forgotten, and can begin again in another",
    async () => {
      const deployment = await start(standard);
      const first = await deployment.connect(bob);
      await first.request({
        type: "data",
        fileName: "input-0",
        offset: 0,
        total: 100,
        bytes: new Uint8Array(50),
      });
      await deployment.isolate.request({ type: "closeSession", id: 1, session: first.number });
      const second = await deployment.connect(bob);
      assert.is(status(await second.send("data", "input-0", new Uint8Array(9))), Status.SUCCESS);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "a file larger than the policy's limit or the memory left is refused at its first piece, with the sizes",
    async () => {
      const deployment = await start({
        ...standard,
        memoryLimit: 2 * 1024 * 1024,
        policy: { execution_limits: { file_bytes: 3_000_000 } },
      });
      const provider = await deployment.connect(bob);
      const first = (total: number) =>
        provider.request({
          type: "data",
          fileName: "input-0",
          offset: 0,
          total,
          bytes: new Uint8Array(100),
        });
      assert.match(
        text(await first(3_000_001)),
        /3000001 bytes is larger than the policy's limit of 3000000/,
      );
      const tooLarge = await first(2_500_000);
      const [, free] =
        /2500000 bytes does not fit: (\d+) bytes are free/.exec(text(tooLarge)) ?? [];
      const [least, frames] = platform.kind === "linux" ? [1_000_000, 200_000] : [30_000, 20_000];
      assert.ok(Number(free) > least, text(tooLarge));
      // What is free does fit (a frame with a full piece takes some of it), and all works beside it.
      const content = new Uint8Array(Number(free) - frames);
      assert.is(
        status(await provider.send("data", "input-0", content, pieceBytes)),
        Status.SUCCESS,
      );
      const author = await deployment.connect(alice);
      assert.is(status(await author.send("program", "p.wasm", module)), Status.SUCCESS);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "malformed requests inside TLS are answered, and the session goes on; a bad frame ends it alone",
    async () => {
      const deployment = await start(standard);
      const connection = await deployment.connect(alice);
      for (const bytes of [
        Buffer.from([0xc0]),
        Buffer.from([0x91, 0x7f]),
        Buffer.from([0x91, 0x20]),
        Buffer.concat([encodeMessage({ type: "requestState" }), Buffer.from([0])]),
        Buffer.alloc(1000, 0xff),
      ]) {
        const answer = connection.request({ type: "requestState" });
        const next = new Promise((resolve) => connection.expectNext(resolve));
        connection.socket.write(frame(bytes));
        assert.is((await answer).type, "state");
        const second = await next;
        assert.is(status(second), Status.FAILED_INVALID_REQUEST);
      }
      const other = await deployment.connect(bob);
      const closed = new Promise((resolve) => connection.socket.once("close", resolve));
      connection.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
      await closed;
      assert.is(status(await other.request({ type: "requestState" })), Status.SUCCESS);
      await deployment.stop();
    },
  );

  testOn(platform, "malformed frames from the server are refused, and change nothing", async () => {
    const deployment = await start(standard);
    const { isolate } = deployment;
    // An empty one ends the connection to a board (test/mcu-client/links), as does one beyond its buffer.
    const least = platform.kind === "linux" ? 0 : 1;
    for (let length = least; length < 40; length++) {
      for (const byte of [0x00, 0x92, 0xc4, 0xdf, 0xff]) isolate.raw(Buffer.alloc(length, byte));
    }
    if (platform.kind === "linux") {
      const [long] = isolate.raw(new Uint8Array(70_000)) as Uint8Array[];
      assert.match(text(decodeMessage("isolateAnswer", long as Uint8Array)), /too long/);
    }
    const unknown = await isolate.request({
      type: "tlsInput",
      id: 5,
      session: 99,
      tls: new Uint8Array(3),
    });
    assert.match(text(unknown), /no session/);
    assert.is((await isolate.request({ type: "closeSession", id: 6, session: 99 })).type, "done");
    const connection = await deployment.connect(alice);
    assert.is(status(await connection.request({ type: "requestState" })), Status.SUCCESS);
    await deployment.stop();
  });

  testOn(
    platform,
    "programs that fail: the reason reaches the requester, failed runs are bounded, files stay",
    async () => {
      const cases: [string, Uint8Array, number, RegExp][] = [
        [
          "returns a code",
          mainProgram("(i32.const -4)"),
          Status.FAILED_ERROR_CODE_RETURNED,
          /returned -4/,
        ],
        ["traps", mainProgram("unreachable"), Status.FAILED_VM_ERROR, /unreachable/],
        [
          "loops for ever",
          mainProgram("(loop $l (br $l)) (i32.const 0)"),
          Status.FAILED_VM_ERROR,
          /out of fuel/,
        ],
        [
          "calls itself for ever",
          program(`(func $down (param i32) (result i32)
          (i32.add (i32.const 1) (call $down (i32.add (local.get 0) (i32.const 1)))))
        (func (export "main") (result i32) (call $down (i32.const 0)))`),
          Status.FAILED_VM_ERROR,
          /stack overflow/,
        ],
        [
          "makes an H-call from a full stack",
          program(`(func $down (export "main") (result i32)
            (drop (call $getrandom (i32.const 0) (i32.const 300))) (call $down))`),
          Status.FAILED_VM_ERROR,
          /stack overflow/,
        ],
        [
          "is no module",
          Buffer.from("no wasm"),
          Status.FAILED_VM_ERROR,
          /WASM check 10\d at byte \d/,
        ],
        [
          "grows without end",
          mainProgram(
            "(loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) (i32.const 3)",
          ),
          Status.FAILED_ERROR_CODE_RETURNED,
          /returned 3/,
        ],
        [
          "writes too much",
          mainProgram("(call $write_output (i32.const 0) (i32.const 65536))"),
          Status.FAILED_VM_ERROR,
          /output exceeds/,
        ],
      ];
      for (const [name, bytes, expected, reason] of cases) {
        const deployment = await start({
          identities: [{ certificate: alice, capabilities: "p.wasm:w,output:r" }],
          programs: [{ name: "p.wasm", module: bytes, capabilities: "output:w" }],
          policy: {
            max_failed_runs: 2,
            execution_limits: { fuel: 1_000_000, memory_bytes: 1_048_576, output_bytes: 1000 },
          },
        });
        const connection = await deployment.connect(alice);
        assert.is(status(await connection.send("program", "p.wasm", bytes)), Status.SUCCESS, name);
        for (let run = 0; run < 2; run++) {
          const response = await connection.read("output");
          assert.is(status(response), expected, `${name}: ${JSON.stringify(response)}`);
          assert.match(text(response), reason);
          const state = (await connection.request({ type: "requestState" })) as {
            state: number;
            failedRuns: number;
          };
          assert.equal([state.state, state.failedRuns], [State.READY, run + 1]);
        }
        assert.match(text(await connection.read("output")), /no further run: 2 runs failed/);
        await deployment.stop();
      }
    },
  );

  testOn(
    platform,
    "the debug message appears where the policy says so, and never otherwise",
    async () => {
      for (const debug of [true, false]) {
        const deployment = await start({ ...standard, policy: { debug } });
        const before = deployment.isolate.debugLines.length;
        await rejection(deployment.connect(mallory));
        if (debug) await until("it says so", () => deployment.isolate.debugLines.length > before);
        else assert.is(deployment.isolate.debugLines.length, before);
        await deployment.stop();
      }
    },
  );

  testOn(
    platform,
    "sessions have a limit, handshakes a smaller one and a deadline; open sessions never give way",
    async () => {
      const deployment = await start(standard);
      const isolate = deployment.isolate as LocalIsolate;
      const open = await deployment.connect(alice);
      const idle: number[] = [];
      try {
        for (;;) idle.push(isolate.openSession().number);
      } catch (error) {
        assert.match((error as Error).message, /too many handshakes are under way: 24/);
      }
      assert.is(idle.length, 24);
      // One deadline for the whole handshake: bytes that come meanwhile do not put it off.
      isolate.tick(15_000);
      for (const session of idle) {
        assert.not.ok(isolate.closed.has(session));
        const tls = Uint8Array.of(0x16);
        assert.is((await isolate.request({ type: "tlsInput", id: 1, session, tls })).type, "done");
      }
      isolate.tick(1);
      for (const number of idle) assert.ok(isolate.closed.has(number));
      assert.not.ok(isolate.closed.has(open.number));
      assert.is(status(await open.request({ type: "requestState" })), Status.SUCCESS);
      await deployment.stop();
    },
    { mcu: "a board's time cannot be moved on; the end-to-end tests leave handshakes unfinished" },
  );

  testOn(platform, "M7: one principal does not take the sessions of others", async () => {
    const deployment = await start(standard);
    const { isolate } = deployment;
    // Two principals, each half of them.
    const share = platform.kind === "linux" ? 32 : 3;
    const first = await deployment.connect(alice);
    const greedy: PrincipalConnection[] = [];
    for (let turn = 0; turn < share + 3; turn++) greedy.push(await deployment.connect(bob));
    // Of its own sessions the oldest give way.
    const gone = greedy.splice(0, 3);
    await until("they are closed", () => gone.every(({ number }) => isolate.closed.has(number)));
    for (const each of [first, ...greedy, await deployment.connect(alice)]) {
      assert.is(status(await each.request({ type: "requestState" })), Status.SUCCESS);
    }
    await deployment.stop();
  });

  testOn(platform, "M7: attestation tokens of one principal are bounded", async () => {
    const deployment = await start(standard);
    const reader = await deployment.connect(alice);
    const nonce = new Uint8Array(32).fill(9);
    const ask = (by: PrincipalConnection) =>
      by.request({ type: "requestProxyAttestationToken", nonce });
    // Time passes on a board: it may earn another one meanwhile.
    let answer = await ask(reader);
    for (let turn = 1; turn < 20 && status(answer) === Status.SUCCESS; turn++) {
      answer = await ask(reader);
    }
    assert.is(status(answer), Status.FAILED_NOT_READY);
    assert.match(text(answer), /^too many tokens asked for/);
    // Another session of the same principal gets none either; another principal does.
    assert.is(status(await ask(await deployment.connect(alice))), Status.FAILED_NOT_READY);
    assert.is(status(await ask(await deployment.connect(bob))), Status.SUCCESS);
    await deployment.stop();
  });

  testOn(
    platform,
    "M7: a principal has eight tokens at once, and earns one in ten seconds",
    async () => {
      const deployment = await start(standard);
      const isolate = deployment.isolate as LocalIsolate;
      const reader = await deployment.connect(alice);
      const nonce = new Uint8Array(32).fill(9);
      const granted = async () => {
        let count = 0;
        while (
          status(await reader.request({ type: "requestProxyAttestationToken", nonce })) ===
          Status.SUCCESS
        )
          count++;
        return count;
      };
      assert.is(await granted(), 8);
      isolate.tick(9_999);
      assert.is(await granted(), 0);
      isolate.tick(1);
      assert.is(await granted(), 1);
      isolate.tick(1_000_000);
      assert.is(await granted(), 8, "and never more than eight");
      await deployment.stop();
    },
    { mcu: "a board's time cannot be moved on" },
  );

  testOn(
    platform,
    "M7: where all sessions are taken, one that was left alone for two minutes gives way",
    async () => {
      const others = [mallory, newPrincipal("trudy")];
      const deployment = await start({
        ...standard,
        identities: [
          ...standard.identities,
          ...others.map((certificate) => ({ certificate, capabilities: "" })),
        ],
      });
      const isolate = deployment.isolate as LocalIsolate;
      const all: PrincipalConnection[] = [];
      for (const each of [alice, bob, ...others])
        for (let turn = 0; turn < 16; turn++) all.push(await deployment.connect(each));
      const ended = () => all.filter(({ number }) => isolate.closed.has(number));
      const isRefused = () =>
        assert.throws(() => isolate.openSession(), /all sessions are taken: 64/);
      isRefused();
      isolate.tick(50_000);
      const used = all[0] as PrincipalConnection;
      assert.is(status(await used.request({ type: "requestState" })), Status.SUCCESS);
      isolate.tick(69_999);
      isRefused();
      isolate.tick(1);
      assert.equal(ended(), []);
      // It ends now, so that whoever comes again finds its place free.
      isRefused();
      await until("one has ended", () => ended().length > 0);
      assert.is(ended().length, 1);
      assert.not.ok(ended().includes(used));
      isolate.openSession();
      await deployment.stop();
    },
    { mcu: "a board's time cannot be moved on" },
  );

  testOn(
    platform,
    "M7: work for a principal that ends in nothing is bounded, and earned again",
    async () => {
      const deployment = await start(standard);
      const { isolate } = deployment;
      const author = await deployment.connect(alice);
      // The provider may write its input, not the program: refused, again and again, at the price of a large request.
      const provider = await deployment.connect(bob);
      const bytes = new Uint8Array(4096);
      const wish = { type: "program", fileName: "p.wasm", offset: 0, total: 4096, bytes } as const;
      const share = platform.kind === "linux" ? 512 << 10 : 128 << 10;
      const enough = share / bytes.length + 2;
      let granted = 0;
      for (let turn = 0; turn < enough && !isolate.closed.has(provider.number); turn++) {
        // What is granted costs nothing, nor gives it more than its share.
        const free = await author.request({ type: "requestState" });
        if (status(free) === Status.SUCCESS) granted++;
        await provider.request(wish).catch(() => undefined);
      }
      await until("it is closed", () => isolate.closed.has(provider.number));
      assert.match(isolate.closed.get(provider.number) ?? "", /its share of work for nothing/);
      assert.ok(granted > enough / 2, "others are served");
      assert.is(status(await author.request({ type: "requestState" })), Status.SUCCESS);
      if (platform.kind === "linux") {
        (isolate as LocalIsolate).tick(1000);
        const again = await deployment.connect(bob);
        assert.is(status(await again.request({ type: "requestState" })), Status.SUCCESS);
      }
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "M7: how much work that is, at once and a second, on a computer and on a microcontroller",
    async () => {
      const small = { programProfile: PROFILE_MCU, memoryLimit: 1 << 20 };
      for (const [home, atOnce, perSecond] of [
        [{}, 512 << 10, 32 << 10],
        [small, 128 << 10, 512],
      ] as const) {
        const deployment = await start({ ...standard, ...home });
        const isolate = deployment.isolate as LocalIsolate;
        const bytes = new Uint8Array(4096);
        /** The bytes of requests that come to nothing until the session is over. */
        const spend = async () => {
          const session = await deployment.connect(bob);
          let spent = 0;
          for (; !isolate.closed.has(session.number) && spent <= atOnce; spent += bytes.length)
            await session
              .request({ type: "program", fileName: "p.wasm", offset: 0, total: 4096, bytes })
              .catch(() => undefined);
          return spent;
        };
        const first = await spend();
        assert.ok(first > 0.9 * atOnce && first <= atOnce, `${first} of ${atOnce}`);
        const earned = 32 << 10;
        isolate.tick((1000 * earned) / perSecond);
        const second = await spend();
        // What was too little for one more request is left from before.
        const most = earned + bytes.length;
        assert.ok(second > 0.5 * earned && second <= most, `${second} of ${most}`);
        await deployment.stop();
      }
    },
    { mcu: "a board's time cannot be moved on" },
  );

  testOn(
    platform,
    "M2: what strangers only announce takes no memory",
    async () => {
      const deployment = await start({ ...standard, memoryLimit: 4 * 1024 * 1024 });
      const isolate = deployment.isolate as LocalIsolate;
      const free = () =>
        (isolate.request({ type: "runtimeState", id: 1 }) as { freeBytes: number }).freeBytes;
      const strangers = [1, 2, 3].map(() => isolate.openSession());
      const before = free();
      for (const stranger of strangers) stranger.write(Buffer.from([22, 3, 1, 0x12, 0x00]));
      assert.ok(before - free() <= 2048, `${before} bytes, then ${free()}`);
      await deployment.stop();
    },
    { mcu: "the same code; a board's free memory is known to its largest block only" },
  );

  testOn(
    platform,
    "a principal without rights gets one refusal, and keeps nothing alive",
    async () => {
      const none = { certificate: mallory, capabilities: "" };
      const deployment = await start({
        ...standard,
        identities: [...standard.identities, none],
      });
      const isolate = deployment.isolate as LocalIsolate;
      const author = await deployment.connect(alice);
      await author.send("program", "p.wasm", module);
      const idle = await deployment.connect(mallory);
      const wishes = [
        { type: "requestState" },
        { type: "requestPiHash", fileName: "p.wasm" },
        { type: "requestPiHash", fileName: "other.wasm" },
        {
          type: "requestResult",
          round: 0,
          programName: "",
          fileName: "output",
          offset: 0,
          length: 1,
        },
        { type: "requestNextRound", round: 0 },
        { type: "requestShutdown" },
        { type: "requestProxyAttestationToken", nonce: new Uint8Array(32) },
        { type: "data", fileName: "input-0", offset: 0, total: 1, bytes: new Uint8Array(1) },
      ] as const;
      const answers = [];
      for (const wish of wishes) answers.push(await idle.request(wish));
      for (const answer of answers) {
        assert.equal(answer, answers[0]);
        assert.is(status(answer), Status.FAILED_INVALID_ROLE);
      }
      if (platform.kind === "linux") {
        isolate.tick(3_000_000);
        for (const wish of wishes) await idle.request(wish);
        assert.is((await idle.request({ type: "requestPolicyHash" })).type, "hash");
        isolate.tick(700_000);
        assert.match(isolate.ended ?? "", /no request came/);
      }
      await deployment.stop();
    },
  );

  testOn(platform, "sessions in a row take nothing that they do not give back", async () => {
    const deployment = await start(standard);
    const { isolate } = deployment;
    const free: number[] = [];
    for (let turn = 0; turn < 30; turn++) {
      const { number } = await deployment.connect(turn % 2 === 0 ? alice : bob);
      await isolate.request({ type: "closeSession", id: 1, session: number });
      const state = await isolate.request({ type: "runtimeState", id: 2 });
      free.push((state as { freeBytes: number }).freeBytes);
    }
    assert.is(free.at(-1), free[3], free.join(" "));
    await deployment.stop();
  });

  testOn(
    platform,
    "after a long time without a request everything is wiped",
    async () => {
      const deployment = await start(standard);
      const author = await deployment.connect(alice);
      const isolate = deployment.isolate as LocalIsolate;
      // A large message whose bytes come one by one is no request before it is whole.
      const say = (bytes: Uint8Array) =>
        new Promise<unknown>((said) => author.socket.write(bytes, said));
      await say(frame(new Uint8Array(16_000)).subarray(0, 100));
      for (let minute = 0; minute < 59; minute++) {
        await say(Uint8Array.of(0));
        isolate.tick(60_000);
      }
      assert.is(isolate.ended, undefined);
      assert.not.ok(isolate.closed.has(author.number));
      for (let minute = 0; minute < 2; minute++) isolate.tick(60_000);
      assert.match(isolate.ended ?? "", /long time/);
      await deployment.stop();
    },
    { mcu: "a board's time cannot be moved on by an hour" },
  );

  testOn(
    platform,
    "sessions end when the isolate's certificate has expired and was not renewed",
    async () => {
      const deployment = await start(standard);
      const isolate = deployment.isolate as LocalIsolate;
      const author = await deployment.connect(alice);
      const minutes = (count: number) => pass(deployment, author, count);
      // A day, and a renewal in time.
      await minutes(23 * 60);
      await deployment.attest();
      await minutes(23 * 60);
      assert.not.ok(isolate.closed.has(author.number));
      await minutes(90);
      assert.match(isolate.closed.get(author.number) ?? "", /certificate has expired/);
      const refused = isolate.request({ type: "newSession", id: 5, session: 77, admitted: 1 });
      assert.match(text(await refused), /no certificate/);
      assert.is(isolate.ended, undefined);
      // A certificate that comes late lets sessions begin again.
      await deployment.attest();
      const again = await deployment.connect(alice, { rejectUnauthorized: false });
      assert.is(status(await again.request({ type: "requestState" })), Status.SUCCESS);
      await deployment.stop();
    },
    { mcu: "a board's time cannot be moved on by a day" },
  );

  testOn(
    platform,
    "certificates that are installed again, or were put by, make none last longer",
    async () => {
      const deployment = await start(standard);
      const isolate = deployment.isolate as LocalIsolate;
      const author = await deployment.connect(alice);
      const first = await deployment.attest();
      const putBy: Uint8Array[] = [];
      for (let i = 0; i < 3; i++) {
        deployment.later += 1_000;
        putBy.push(await deployment.certify());
      }
      // From now on the device is revoked, say: no other certificate is made.
      for (const certificate of [first, ...putBy]) {
        await pass(deployment, author, 5 * 60);
        assert.is((await deployment.install(certificate)).type, "done");
      }
      await pass(deployment, author, 5 * 60);
      assert.match(isolate.closed.get(author.number) ?? "", /certificate has expired/);
      for (const certificate of [first, ...putBy]) {
        await deployment.install(certificate);
        isolate.tick(1);
        const refused = isolate.request({ type: "newSession", id: 5, session: 77, admitted: 1 });
        assert.match(text(await refused), /no certificate/);
      }
      await deployment.stop();
    },
    { mcu: "a board's time cannot be moved on by a day" },
  );

  testOn(
    platform,
    "a statement by a key that ended long ago commits nothing, before the certificate is there as after",
    async () => {
      const deployment = await start({ ...standard, unattested: true });
      const { isolate } = deployment;
      const asked = { type: "attest", id: 1, challenge: new Uint8Array(32), deviceId: 1 } as const;
      const evidence = await isolate.request(asked);
      if (evidence.type !== "attestation") throw new Error(JSON.stringify(evidence));
      const csr = readCsr(evidence.csr);
      if (!csr.ok) throw new Error(csr.detail);
      // Of last year, and stolen meanwhile.
      const then = Date.now() - 365 * 86_400_000;
      const ca = loadCa(join(deployment.folder, "ca.key"), join(deployment.folder, "ca.pem"));
      const subject = {
        policyHash: evidence.policyHash,
        scopeHash: createHash("sha256").update(evidence.scope).digest(),
        publicKey: csr.subjectPublicKeyInfo,
      };
      const statement = new StatementSigner(ca, OID_COMMIT_SERVICE).sign(
        commitPayload(subject, { n: 1, of: 1 }, then),
        then,
      );
      const install = () => isolate.request({ type: "installCommitment", id: 2, statement });
      assert.match(text(await install()), /no certificate yet/);
      await deployment.attest();
      assert.match(text(await install()), /no statement about this isolate's key/);
      const author = await deployment.connect(alice);
      assert.is(status(await author.send("program", "p.wasm", module)), Status.FAILED_NOT_READY);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "after the end nothing is taken or given: requests on their way, attestation, sessions, a policy",
    async () => {
      const deployment = await start(standard);
      const { isolate } = deployment;
      const author = await deployment.connect(alice);
      const provider = await deployment.connect(bob);
      // In one piece: the one reader's consent, and what it would like to do then.
      const wishes = [
        { type: "requestShutdown" },
        { type: "program", fileName: "p.wasm", offset: 0, total: module.length, bytes: module },
        { type: "requestState" },
        { type: "requestShutdown" },
      ] as const;
      const outcomes = wishes.map(
        () =>
          new Promise<unknown>((resolve) => {
            author.expectNext(resolve);
          }),
      );
      author.socket.write(Buffer.concat(wishes.map((wish) => frame(encodeMessage(wish)))));
      const [consent, ...others] = await Promise.all(outcomes);
      assert.is(status(consent), Status.SUCCESS);
      for (const other of others) assert.match((other as Error).message, /closed/);
      await until("it says so", () => isolate.endings === 1);
      assert.match(await rejection(provider.request({ type: "requestState" })), /closed/);
      const state = await isolate.request({ type: "runtimeState", id: 1 });
      assert.is((state as { state: number }).state, State.ENDED);
      assert.is((state as { attested: number }).attested, 0);
      const challenge = new Uint8Array(32);
      const certificate = new Uint8Array(deployment.caDer);
      for (const message of [
        { type: "attest", id: 2, challenge, deviceId: 1 },
        { type: "installCommitment", id: 3, statement: challenge },
        { type: "newSession", id: 4, admitted: 1, session: 77 },
        { type: "installCertificate", id: 5, certificate, issuer: certificate },
      ] as const)
        assert.match(
          text(await isolate.request(message)),
          /the computation has ended/,
          message.type,
        );
      assert.match(text(await deployment.initialise(deployment.policyBytes)), /reset it first/);
      assert.is(isolate.endings, 1);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "a new attestation counts when its certificate is installed, not before",
    async () => {
      const deployment = await start(standard);
      const { isolate } = deployment;
      const reader = await deployment.connect(alice);
      const nonce = new Uint8Array(32).fill(9);
      const deviceId = async () => {
        const answer = await reader.request({ type: "requestProxyAttestationToken", nonce });
        return (answer as { deviceId: number }).deviceId;
      };
      const first = await deviceId();
      // The server asks for another token, but no certificate comes of it.
      const started = await isolate.request({
        type: "attest",
        id: 1,
        challenge: nonce,
        deviceId: 4711,
      });
      assert.is((started as { deviceId: number }).deviceId, 4711);
      assert.is(await deviceId(), first);
      await deployment.attest();
      assert.is.not(await deviceId(), first);
      assert.is.not(await deviceId(), 4711);
      // The key is the same, and the session that was open went on.
      assert.is(status(await reader.request({ type: "requestState" })), Status.SUCCESS);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "a device proves its key over a challenge, with a policy and without",
    async () => {
      const deployment = await start({ ...standard, unattested: true });
      const { isolate } = deployment;
      const { publicKey, instanceId } = JSON.parse(isolate.enrolment) as Record<string, string>;
      const key = createPublicKey(String(publicKey));
      const point = key.export({ type: "spki", format: "der" }).subarray(-65);
      const prove = async (challenge: Uint8Array) => {
        const answer = await isolate.request({ type: "proveDevice", id: 1, challenge });
        if (answer.type !== "deviceProof") throw new Error(JSON.stringify(answer));
        const nonce = enrolmentNonce(challenge, point);
        const verdict = verifyToken(answer.token, key, {
          nonce,
          instanceId: Buffer.from(String(instanceId), "hex"),
          allowDevelopment: true,
        });
        assert.ok(verdict.ok, JSON.stringify(verdict));
      };
      await prove(randomBytes(32));
      await isolate.request({ type: "reset", id: 1 });
      await prove(randomBytes(32));
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "a policy's minimum version is kept: what runs reaches its own, and no other",
    async () => {
      const wanting = (version: string): DeploymentOptions => ({
        ...standard,
        policy: { ...standard.policy, minimum_versions: [{ component: "ARoT", version }] },
        uncommitted: true,
      });
      const deployment = await start({ ...wanting(VERSION), unattested: true });
      const certificate = readCertificate(await deployment.attest());
      const versions = certificate.extensions.get("0603551e05")?.value;
      assert.ok(Buffer.from(versions ?? []).includes(VERSION));
      await deployment.stop();
      assert.match(await rejection(start(wanting("999"))), /scope-version: .*wants ARoT 999/);
    },
  );

  testOn(platform, "an isolate without a policy has no key to attest", async () => {
    const deployment = await start({ ...standard, unattested: true });
    const { isolate } = deployment;
    await isolate.request({ type: "reset", id: 1 });
    const challenge = new Uint8Array(32);
    const refused = await isolate.request({ type: "attest", id: 2, challenge, deviceId: 1 });
    assert.match(text(refused), /no policy yet/);
    await deployment.stop();
  });

  const runs = platform.kind === "linux" ? 100 : 10;
  testOn(
    platform,
    `${runs} computations in a row leave the runtime's memory as it was`,
    async () => {
      const deployment = await start({
        ...standard,
        policy: { ...standard.policy, max_restarts: runs },
        // Each computation below has itself attested and committed.
        unattested: true,
      });
      const { isolate } = deployment;
      const figures: number[] = [];
      for (let run = 0; run < runs; run++) {
        if (run > 0) {
          await isolate.request({ type: "reset", id: 1 });
          assert.is((await deployment.initialise(deployment.policyBytes)).type, "done");
        }
        if (run < 3 || run > runs - 4) {
          await deployment.attest();
          await deployment.commit();
          const author = await deployment.connect(alice);
          const provider = await deployment.connect(bob);
          await author.send("program", "p.wasm", module);
          await provider.send(
            "data",
            "input-0",
            new Uint8Array(platform.kind === "linux" ? 100_000 : 10_000),
            pieceBytes,
          );
          assert.ok((await author.read("output")) instanceof Uint8Array);
          author.close();
          provider.close();
        }
        await isolate.request({ type: "reset", id: 1 });
        const state = await isolate.request({ type: "runtimeState", id: 2 });
        figures.push((state as { freeBytes: number }).freeBytes);
        await deployment.initialise(deployment.policyBytes);
        await isolate.request({ type: "reset", id: 1 });
      }
      if (platform.kind === "linux") assert.is(figures.at(-1), figures[3], figures.join(" "));
      // In little memory, how much is free in one piece depends on where the last allocations lay.
      const most = (some: number[]) => Math.max(...some);
      assert.ok(most(figures.slice(-4)) + 8192 > most(figures.slice(0, 4)), figures.join(" "));
      await deployment.stop();
    },
  );
}
