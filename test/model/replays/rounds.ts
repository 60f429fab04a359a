// Traces of model/promela/rounds.pml against the real isolate.
import { Status } from "../../../host/transport-protocol/index.js";
import {
  Deployment,
  LocalIsolate,
  newPrincipal,
  type PrincipalConnection,
} from "../../runtime-manager/deployment.js";
import { assemble } from "../../support/wat.js";
import { doSteps, type Modules, type Replayed, type Steps, Stopped } from "./replay.js";

const MAX_ROUNDS = 2;
const MAX_FAILED = 2;

/** Writes this round's stream item twice. */
const TWICE = assemble(`(module
  (import "env" "__veracruz_hcall_read_stream" (func $read (param i32 i32 i32) (result i32)))
  (import "env" "__veracruz_hcall_write_output" (func $write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "main") (result i32)
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1)))
    (memory.copy (i32.const 1) (i32.const 0) (i32.const 1))
    (drop (call $write (i32.const 0) (i32.const 2)))
    (i32.const 0)))`);
const FAILS = assemble(`(module
  (memory (export "memory") 1)
  (func (export "main") (result i32) (i32.const 7)))`);
const PROGRAM_RIGHTS = "input-0:r,input-1:r,stream-0:r,output:w";

type Response = Awaited<ReturnType<PrincipalConnection["request"]>>;
const textOf = (answer: Response): string =>
  answer.type === "outcome" ? answer.text : `${answer.type} as an answer`;
const isDone = (answer: Response) => answer.type === "outcome" && answer.status === Status.SUCCESS;

/** Replays a trace of the model. */
export async function replay(
  trace: readonly string[],
  property: number,
  _restarts: number,
  { runtime }: Modules,
): Promise<Replayed> {
  const [provider, reader, attacker, outsider] = ["provider", "reader", "attacker", "outsider"].map(
    (name) => newPrincipal(name),
  ) as [
    ReturnType<typeof newPrincipal>,
    ReturnType<typeof newPrincipal>,
    ReturnType<typeof newPrincipal>,
    ReturnType<typeof newPrincipal>,
  ];
  const platform = {
    name: "weakened",
    kind: "linux",
    open: (folder: string) => new LocalIsolate(`${folder}/device.key`, {}, runtime),
  } as const;
  const deployment = await Deployment.on(platform, {
    identities: [
      { certificate: provider, capabilities: "input-0:w" },
      { certificate: reader, capabilities: "output:r" },
      { certificate: attacker, capabilities: "twice.wasm:w,input-1:w,stream-0:w,output:r" },
      { certificate: outsider, capabilities: "fails.wasm:w" },
    ],
    programs: [
      { name: "twice.wasm", module: TWICE, capabilities: PROGRAM_RIGHTS },
      { name: "fails.wasm", module: FAILS, capabilities: PROGRAM_RIGHTS },
    ],
    policy: { max_rounds: MAX_ROUNDS, max_failed_runs: MAX_FAILED },
  });
  const broken: string[] = [];
  const breaks = (of: number, what: string) => {
    if (of === property) broken.push(what);
  };
  const sessions = {
    provider: await deployment.connect(provider),
    reader: await deployment.connect(reader),
    attacker: await deployment.connect(attacker),
    outsider: await deployment.connect(outsider),
  };
  await sessions.attacker.send("program", "twice.wasm", TWICE);
  await sessions.outsider.send("program", "fails.wasm", FAILS);

  let successes = 0;
  let failures = 0;
  let inputs = 0;
  let items = 0;
  let asker = sessions.attacker;
  const consents = new Set<string>();
  let firstPiece: number | undefined;

  const write = async (
    who: PrincipalConnection,
    type: "data" | "stream",
    name: string,
    byte: number,
  ) => {
    const answer = await who.send(type, name, Uint8Array.of(byte));
    if (!isDone(answer)) throw new Stopped(textOf(answer));
  };
  /** A piece of the result; a round is named once it is known. */
  const piece = (who: PrincipalConnection, offset: number, round = 0, programName = "twice.wasm") =>
    who.request({
      type: "requestResult",
      round,
      programName,
      fileName: "output",
      offset,
      length: 1,
    });
  const consent = async (name: "reader" | "attacker") => {
    const answer = await sessions[name].request({ type: "requestShutdown" });
    if (!isDone(answer)) throw new Stopped(textOf(answer));
    consents.add(name);
  };

  const kinds: Steps = [
    [/^the provider writes its input/, () => write(sessions.provider, "data", "input-0", 1)],
    [
      /^the attacker's principal writes its input, choice/,
      async (choice) => {
        await write(sessions.attacker, "data", "input-1", choice);
        if (++inputs > 1) breaks(18, "an input was written twice");
      },
    ],
    [
      /^the attacker's principal writes a stream item/,
      async () => {
        await write(sessions.attacker, "stream", "stream-0", 10 + items);
        if (++items > 1) breaks(18, "a stream item was written twice in one round");
      },
    ],
    [
      /^the honest reader asks for a result/,
      async () => {
        asker = sessions.reader;
      },
    ],
    [
      /^the attacker's principal asks for a result/,
      async () => {
        asker = sessions.attacker;
      },
    ],
    [
      /^round \d+ succeeds/,
      async () => {
        const runs = await runsOf(deployment.isolate);
        const answer = await piece(asker, 0);
        if (answer.type !== "result") throw new Stopped(textOf(answer));
        if ((await runsOf(deployment.isolate)) === runs)
          throw new Stopped("the result that is there already, without a run");
        successes++;
        if (successes > MAX_ROUNDS)
          breaks(17, `${successes} runs succeeded, the policy allows ${MAX_ROUNDS}`);
      },
    ],
    [
      /^the attacker's input makes the run fail/,
      async () => {
        const answer = await piece(asker, 0, 0, "fails.wasm");
        if (answer.type !== "outcome" || answer.returnCode === 0) throw new Stopped(textOf(answer));
        failures++;
        if (failures > MAX_FAILED)
          breaks(17, `${failures} runs failed, the policy allows ${MAX_FAILED}`);
      },
    ],
    [
      /^the attacker's principal asks for round/,
      async () => {
        const answer = await sessions.attacker.request({ type: "requestNextRound", round: 0 });
        if (!isDone(answer)) throw new Stopped(textOf(answer));
        items = 0;
      },
    ],
    [
      /^the honest reader gets the first piece/,
      async () => {
        const answer = await piece(sessions.reader, 0);
        if (answer.type !== "result") throw new Stopped(textOf(answer));
        firstPiece = answer.round;
      },
    ],
    [
      /^the honest reader gets the second piece/,
      async () => {
        const answer = await piece(sessions.reader, 1, firstPiece);
        if (answer.type !== "result") throw new Stopped(textOf(answer));
        if (answer.round !== firstPiece)
          breaks(21, `pieces of rounds ${firstPiece} and ${answer.round} in one answer`);
      },
    ],
    [
      /^one who may only write is given the result/,
      async () => {
        const answer = await piece(sessions.outsider, 0);
        if (answer.type !== "result") throw new Stopped(textOf(answer));
        breaks(19, "one who may only write has the result");
      },
    ],
    [/^the honest reader agrees to the end/, () => consent("reader")],
    [/^the attacker's principal agrees to the end/, () => consent("attacker")],
    [
      /^the isolate ends and wipes all/,
      async () => {
        if (deployment.isolate.ended === undefined)
          throw new Stopped("the isolate waits for the other reader");
        if (consents.size < 2) breaks(20, "the isolate has ended, and a reader has not agreed");
      },
    ],
  ];
  try {
    return { stopped: await doSteps(trace, kinds), broken };
  } finally {
    for (const session of Object.values(sessions)) session.close();
    await deployment.stop();
  }
}

/** How many programs the isolate has loaded so far. */
async function runsOf(isolate: LocalIsolate): Promise<number> {
  return (isolate.module.platform as unknown as { nextHandle: number }).nextHandle;
}
