// Computations of several principals on the trusted runtime: the server tests of the test plan that
// end in a result.
import * as assert from "uvu/assert";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { State, Status } from "../../host/transport-protocol/index.js";
import { exampleData } from "../support/example-data.js";
import { testOn } from "../support/platforms.js";
import { failure, until } from "../support/system.js";
import {
  Deployment,
  type DeploymentOptions,
  example,
  newPrincipal,
  type PrincipalConnection,
  type RuntimePlatform,
  sha256,
} from "./deployment.js";

const alice = newPrincipal("alice");
const bob = newPrincipal("bob");
const carol = newPrincipal("carol");
const dave = newPrincipal("dave");

const done = { type: "outcome", status: Status.SUCCESS, returnCode: 0, text: "" };

async function stateOf(connection: PrincipalConnection): Promise<number> {
  const state = await connection.request({ type: "requestState" });
  assert.is(state.type, "state");
  return (state as { state: number }).state;
}

function equalBytes(actual: unknown, expected: Uint8Array | undefined): void {
  assert.ok(actual instanceof Uint8Array, JSON.stringify(actual));
  assert.equal(Buffer.from(actual as Uint8Array), Buffer.from(expected as Uint8Array));
}

/** The server tests of the system that end in a result. */
export function computations(platform: RuntimePlatform): void {
  const start = (options: DeploymentOptions) => Deployment.on(platform, options);

  testOn(
    platform,
    "random source, no data: one principal provides the program and reads the result",
    async () => {
      const module = example("random-source");
      const deployment = await start({
        identities: [{ certificate: alice, capabilities: "random.wasm:w,output:r" }],
        programs: [{ name: "random.wasm", module, capabilities: "output:w" }],
      });
      const connection = await deployment.connect(alice);
      assert.is(await stateOf(connection), State.PROVISIONING);
      const hash = await connection.request({ type: "requestPolicyHash" });
      assert.is(
        Buffer.from((hash as { hash: Uint8Array }).hash).toString("hex"),
        sha256(deployment.policyBytes),
      );
      assert.equal(await connection.send("program", "random.wasm", module), done);
      assert.is(await stateOf(connection), State.READY);
      const piHash = await connection.request({ type: "requestPiHash", fileName: "random.wasm" });
      assert.is(Buffer.from((piHash as { hash: Uint8Array }).hash).toString("hex"), sha256(module));
      const result = await connection.read("output");
      assert.ok(result instanceof Uint8Array && result.length > 0, JSON.stringify(result));
      assert.is(await stateOf(connection), State.RESULT);
      // One run per round: the result stays what it is.
      equalBytes(await connection.read("output"), result as Uint8Array);
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "linear regression, one data source, on a real data set, in both cipher suites",
    async () => {
      const module = example("linear-regression");
      const data = exampleData("linear-regression");
      for (const ciphersuite of [
        "TLS1_3_CHACHA20_POLY1305_SHA256",
        "TLS1_3_AES_128_GCM_SHA256",
      ] as const) {
        const deployment = await start({
          identities: [
            { certificate: alice, capabilities: "linear.wasm:w" },
            { certificate: bob, capabilities: "input-0:w" },
            { certificate: carol, capabilities: "output:r" },
          ],
          programs: [{ name: "linear.wasm", module, capabilities: "input-0:r,output:w" }],
          policy: { ciphersuite },
        });
        const [author, provider, reader] = await Promise.all(
          [alice, bob, carol].map((who) => deployment.connect(who)),
        );
        assert.is(reader?.socket.getCipher().name, ciphersuite.replace("TLS1_3", "TLS"));
        assert.equal(await author?.send("program", "linear.wasm", module), done);
        assert.equal(await provider?.send("data", "input-0", data["input-0"] as Uint8Array), done);
        equalBytes(await reader?.read("output"), data["expected-1"]);
        await deployment.stop();
      }
    },
  );

  testOn(
    platform,
    "what is missing: a reader hears of every file, others of their own, and of nothing that no program needs",
    async () => {
      const module = example("number-stream-accumulation");
      const data = exampleData("number-stream-accumulation");
      // Names that fill more than one message, of programs that nobody sends.
      const others = Array.from({ length: 15 }, (_, n) => `${n + 10}-${"long".repeat(14)}.wasm`);
      const inputs = Array.from({ length: 9 }, (_, n) => `input-${n + 1}`);
      const manyInputs = ["input-0", ...inputs].map((name) => `${name}:r`).join(",");
      const deployment = await start({
        identities: [
          { certificate: alice, capabilities: "sum.wasm:w,input-0:rw,input-10:w" },
          { certificate: bob, capabilities: "stream-0:w,stream-1:w" },
          { certificate: carol, capabilities: "output:r" },
          {
            certificate: dave,
            capabilities: [...others, ...inputs].map((name) => `${name}:w`).join(","),
          },
        ],
        programs: [
          {
            name: "sum.wasm",
            module,
            capabilities: "input-0:r,stream-0:r,stream-1:r,output:w",
          },
          ...others.map((name) => ({ name, module, capabilities: `${manyInputs},output:w` })),
        ],
        policy: { max_rounds: 2 },
      });
      // One after the other: a device with so large a policy has room for three handshakes at once.
      const author = await deployment.connect(alice);
      const streamer = await deployment.connect(bob);
      const reader = await deployment.connect(carol);
      const idle = await deployment.connect(dave);
      const missing = async (connection: PrincipalConnection) => {
        const names: string[] = [];
        let pages = 0;
        for (let file = 0, first = true; first || file !== 0; first = false, pages++) {
          const answer = await connection.request({ type: "requestMissing", file });
          if (answer.type !== "missing") throw new Error(JSON.stringify(answer));
          names.push(...Buffer.from(answer.names).toString().split("\n").slice(0, -1));
          ({ file } = answer);
        }
        return { names: names.sort(), pages };
      };
      const sorted = (...names: string[]) => names.sort();
      assert.equal((await missing(author)).names, sorted("input-0", "sum.wasm"));
      assert.equal((await missing(streamer)).names, ["stream-0", "stream-1"]);
      assert.equal((await missing(idle)).names, sorted(...others, ...inputs));
      const all = await missing(reader);
      assert.equal(
        all.names,
        sorted("input-0", "stream-0", "stream-1", "sum.wasm", ...others, ...inputs),
      );
      assert.is(all.pages, 2, "as many as fit each time");
      // Beyond the last file is nothing, wherever that is.
      for (const file of [128, 2 ** 31, 2 ** 32 - 1]) {
        const answer = await reader.request({ type: "requestMissing", file });
        assert.equal(answer, { type: "missing", status: 0, names: Buffer.alloc(0), file: 0 });
      }
      const input = (name: string) => data[name] as Uint8Array;
      assert.equal(await author.send("program", "sum.wasm", module), done);
      assert.equal(await author.send("data", "input-0", input("input-0")), done);
      assert.equal((await missing(author)).names, []);
      assert.equal(await streamer.send("stream", "stream-1", input("round-1/stream-1")), done);
      assert.equal((await missing(streamer)).names, ["stream-0"]);
      assert.equal((await missing(reader)).names, sorted("stream-0", ...others, ...inputs));
      assert.equal(await streamer.send("stream", "stream-0", input("round-1/stream-0")), done);
      const request = {
        type: "requestResult",
        round: 0,
        programName: "sum.wasm",
        fileName: "output",
      } as const;
      assert.is((await reader.request({ ...request, offset: 0, length: 100 })).type, "result");
      // This round has its result: no stream item is missing before the next one begins.
      assert.equal((await missing(streamer)).names, []);
      assert.equal(await reader.request({ type: "requestNextRound", round: 0 }), done);
      assert.equal((await missing(streamer)).names, ["stream-0", "stream-1"]);
      await deployment.stop();
    },
  );

  for (const [name, policyNames] of [
    ["string-edit-distance", "string.wasm"],
    ["private-set-intersection", "psi.wasm"],
    ["intersection-set-sum", "sum.wasm"],
  ] as const) {
    for (const reversed of [false, true]) {
      testOn(
        platform,
        `${name}, two sources${reversed ? ", provisioned in reverse order" : ""}`,
        async () => {
          const module = example(name);
          const data = exampleData(name);
          const deployment = await start({
            identities: [
              { certificate: alice, capabilities: `${policyNames}:w` },
              { certificate: bob, capabilities: "input-0:w" },
              { certificate: carol, capabilities: "input-1:w" },
              { certificate: dave, capabilities: "output:r" },
            ],
            programs: [{ name: policyNames, module, capabilities: "input-0:r,input-1:r,output:w" }],
          });
          const steps = [
            async () => (await deployment.connect(alice)).send("program", policyNames, module),
            async () =>
              (await deployment.connect(bob)).send(
                "data",
                "input-0",
                data["input-0"] as Uint8Array,
              ),
            async () =>
              (await deployment.connect(carol)).send(
                "data",
                "input-1",
                data["input-1"] as Uint8Array,
              ),
          ];
          const reader = await deployment.connect(dave);
          for (const step of reversed ? steps.reverse() : steps) {
            const early = await reader.read("output");
            assert.is((early as { status: number }).status, Status.FAILED_NOT_READY);
            assert.equal(await step(), done);
          }
          equalBytes(await reader.read("output"), data["expected-1"]);
          await deployment.stop();
        },
      );
    }
  }

  testOn(
    platform,
    "number stream: one data source, two streams, three rounds; the previous result is carried on",
    async () => {
      const name = "number-stream-accumulation";
      const module = example(name);
      const data = exampleData(name);
      const deployment = await start({
        identities: [
          { certificate: alice, capabilities: "stream.wasm:w,input-0:w" },
          { certificate: bob, capabilities: "stream-0:w" },
          { certificate: carol, capabilities: "stream-1:w,output:r" },
        ],
        programs: [
          {
            name: "stream.wasm",
            module,
            capabilities: "input-0:r,stream-0:r,stream-1:r,output:w",
          },
        ],
        policy: { max_rounds: 3 },
      });
      const [author, first, second] = (await Promise.all(
        [alice, bob, carol].map((who) => deployment.connect(who)),
      )) as [PrincipalConnection, PrincipalConnection, PrincipalConnection];
      const item = (round: number, stream: number) =>
        data[`round-${round}/stream-${stream}`] as Uint8Array;

      // Too early: program and data are not there yet.
      const early = await first.send("stream", "stream-0", item(1, 0));
      assert.is((early as { status: number }).status, Status.FAILED_NOT_READY);
      await author.send("program", "stream.wasm", module);
      const stillEarly = await first.send("stream", "stream-0", item(1, 0));
      assert.is((stillEarly as { status: number }).status, Status.FAILED_NOT_READY);
      assert.equal(await author.send("data", "input-0", data["input-0"] as Uint8Array), done);
      assert.is(await stateOf(first), State.STREAMING);

      for (let round = 1; round <= 3; round++) {
        assert.equal(await first.send("stream", "stream-0", item(round, 0)), done);
        // Too few.
        const few = await second.read("output");
        assert.is((few as { status: number }).status, Status.FAILED_NOT_READY);
        // Too many.
        const many = await first.send("stream", "stream-0", item(round, 0));
        assert.is((many as { status: number }).status, Status.FAILED_NOT_READY);
        assert.equal(await second.send("stream", "stream-1", item(round, 1)), done);
        equalBytes(await second.read("output"), data[`expected-${round}`]);
        // The round is over: no item for it any more.
        const late = await first.send("stream", "stream-0", item(round, 0));
        assert.is((late as { status: number }).status, Status.FAILED_NOT_READY);
        const next = await second.request({ type: "requestNextRound", round: 0 });
        if (round < 3) assert.equal(next, done);
        else assert.match((next as { text: string }).text, /no further round: the policy allows 3/);
      }
      await deployment.stop();
    },
  );

  testOn(
    platform,
    "every answer is of the round that the request names, or says which",
    async () => {
      const module = example("linear-regression");
      const data = exampleData("linear-regression");
      const deployment = await start({
        identities: [
          { certificate: alice, capabilities: "l.wasm:w,input-0:rw,output:r" },
          { certificate: bob, capabilities: "output:r" },
        ],
        programs: [{ name: "l.wasm", module, capabilities: "input-0:r,output:w" }],
        policy: { max_rounds: 3 },
      });
      const [one, other] = (await Promise.all(
        [alice, bob].map((who) => deployment.connect(who)),
      )) as [PrincipalConnection, PrincipalConnection];
      const piece = (round: number, offset: number, fileName = "output") =>
        ({ type: "requestResult", round, programName: "", fileName, offset, length: 3 }) as const;
      const status = async (answer: Promise<object>) => (await answer) as { status: number };
      const nextOf = (who: PrincipalConnection, round: number) =>
        status(who.request({ type: "requestNextRound", round }));
      await one.send("program", "l.wasm", module);
      await one.send("data", "input-0", data["input-0"] as Uint8Array);

      // A later piece starts no run.
      const early = await status(other.request(piece(0, 3)));
      assert.is(early.status, Status.FAILED_NOT_READY);
      assert.is(await stateOf(one), State.READY);
      const first = (await other.request(piece(1, 0))) as { round: number; programName: string };
      assert.equal([first.round, first.programName], [1, "l.wasm"]);
      // Of a file that is no result there is no program.
      const input = (await one.request(piece(0, 0, "input-0"))) as typeof first;
      assert.equal([input.round, input.programName], [1, ""]);

      assert.is((await nextOf(one, 2)).status, Status.FAILED_OTHER_ROUND);
      assert.is((await nextOf(one, 1)).status, Status.SUCCESS);
      for (const request of [piece(1, 3), piece(1, 0), piece(3, 0)])
        assert.is((await status(other.request(request))).status, Status.FAILED_OTHER_ROUND);
      assert.is(
        (await status(one.request(piece(1, 0, "input-0")))).status,
        Status.FAILED_OTHER_ROUND,
      );
      assert.is(await stateOf(one), State.READY);
      assert.is((await nextOf(other, 1)).status, Status.FAILED_OTHER_ROUND);
      // Who names no round is told which one it is.
      assert.is(((await other.request(piece(0, 0))) as typeof first).round, 2);
      assert.is(((await other.request(piece(0, 3))) as typeof first).round, 2);
      // What the policy does not allow is refused in the one way that says nothing.
      const role = await status(other.request(piece(1, 0, "input-0")));
      assert.is(role.status, Status.FAILED_INVALID_ROLE);
      await deployment.stop();
    },
  );

  const idle = platform.kind === "linux" ? 8 : 3;
  testOn(
    platform,
    `two principals run a computation at once with ${idle} idle sessions beside them`,
    async () => {
      const module = example("string-edit-distance");
      const data = exampleData("string-edit-distance");
      const deployment = await start({
        identities: [
          { certificate: alice, capabilities: "s.wasm:w,input-0:w" },
          { certificate: bob, capabilities: "input-1:w,output:r" },
        ],
        programs: [{ name: "s.wasm", module, capabilities: "input-0:r,input-1:r,output:w" }],
      });
      const connections: PrincipalConnection[] = [];
      for (let i = 0; i < idle + 2; i++)
        connections.push(await deployment.connect(i % 2 === 0 ? alice : bob));
      const [one, other] = connections as [PrincipalConnection, PrincipalConnection];
      assert.equal(
        await Promise.all([
          one.send("program", "s.wasm", module, 100),
          other.send("data", "input-1", data["input-1"] as Uint8Array, 7),
        ]),
        [done, done],
      );
      assert.equal(await one.send("data", "input-0", data["input-0"] as Uint8Array, 13), done);
      equalBytes(await other.read("output", "", 3), data["expected-1"]);
      await deployment.stop();
    },
  );

  const jit = (limits?: { fuel: number }) => {
    const module = example("string-edit-distance");
    return {
      identities: [{ certificate: alice, capabilities: "s.wasm:w,input-0:w,input-1:w,output:r" }],
      programs: [{ name: "s.wasm", module, capabilities: "input-0:r,input-1:r,output:w" }],
      policy: {
        execution_strategy: "JIT" as const,
        ...(limits !== undefined && { execution_limits: limits, max_failed_runs: 2 }),
      },
    };
  };

  testOn(platform, "jit: the same result where the policy asks for it", async () => {
    const { jitStrategy } = await import("../../host/isolate/jit-programs.js");
    const data = exampleData("string-edit-distance");
    const deployment = await start({ ...jit(), moreStrategies: [jitStrategy] });
    const connection = await deployment.connect(alice);
    await connection.send("program", "s.wasm", example("string-edit-distance"));
    await connection.send("data", "input-0", data["input-0"] as Uint8Array);
    await connection.send("data", "input-1", data["input-1"] as Uint8Array);
    equalBytes(await connection.read("output"), data["expected-1"]);
    await deployment.stop();
  });

  testOn(
    platform,
    "jit: fuel ends a run at the unit at which the interpreter ends it",
    async () => {
      const { jitStrategy } = await import("../../host/isolate/jit-programs.js");
      const data = exampleData("string-edit-distance");
      const inputs = [data["input-0"] as Uint8Array, data["input-1"] as Uint8Array];
      const interpreter = new FreestandingEngine();
      const { fuel } = interpreter.run({ program: example("string-edit-distance"), inputs });
      interpreter.free();
      for (const short of [1, 0]) {
        const limits = { fuel: Number(fuel) - short };
        const deployment = await start({ ...jit(limits), moreStrategies: [jitStrategy] });
        const connection = await deployment.connect(alice);
        await connection.send("program", "s.wasm", example("string-edit-distance"));
        for (const [index, bytes] of inputs.entries())
          await connection.send("data", `input-${index}`, bytes);
        const response = await connection.read("output");
        if (short === 0) equalBytes(response, data["expected-1"]);
        else assert.match((response as { text: string }).text, /out of fuel/);
        await deployment.stop();
      }
    },
  );

  testOn(
    platform,
    "a strategy that the isolate does not offer is refused with the policy",
    async () => {
      const { message } = await failure(start(jit()));
      assert.match(message, /does not offer the execution strategy/);
    },
    { mcu: "these microcontrollers compile programs; the test before shows it" },
  );

  testOn(
    platform,
    "shutdown: it comes when every reader has asked, and everything is gone then",
    async () => {
      const module = example("nop");
      const deployment = await start({
        identities: [
          { certificate: alice, capabilities: "nop.wasm:w,output:r" },
          { certificate: bob, capabilities: "output:r" },
          { certificate: carol, capabilities: "input-0:w" },
        ],
        programs: [{ name: "nop.wasm", module, capabilities: "output:w" }],
      });
      const [author, reader, provider] = (await Promise.all(
        [alice, bob, carol].map((who) => deployment.connect(who)),
      )) as [PrincipalConnection, PrincipalConnection, PrincipalConnection];
      await author.send("program", "nop.wasm", module);
      const refused = await provider.request({ type: "requestShutdown" });
      assert.is((refused as { status: number }).status, Status.FAILED_INVALID_ROLE);
      assert.equal(await author.request({ type: "requestShutdown" }), done);
      assert.equal(await author.request({ type: "requestShutdown" }), done);
      assert.is(deployment.isolate.ended, undefined);
      equalBytes(await reader.read("output"), new Uint8Array(0));
      assert.equal(await reader.request({ type: "requestShutdown" }), done);
      await until("all sessions are closed, and the end is told", () => {
        const { closed, ended } = deployment.isolate;
        return closed.size === 3 && ended !== undefined;
      });
      assert.match(deployment.isolate.ended ?? "", /consent/);
      const state = await deployment.isolate.request({ type: "runtimeState", id: 9 });
      assert.is((state as { state: number }).state, State.ENDED);
      const { message } = await failure(deployment.connect(alice));
      assert.match(message, /has ended/);
      await deployment.stop();
    },
  );
}
