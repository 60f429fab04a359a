import { minute } from "../common/times.js";
import { State, stateDocs } from "../transport-protocol/index.js";
import { stateName } from "../veracruz-client/client.js";
import { ClientError, failureKinds } from "../veracruz-client/errors.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { commitWords, missingLines, SHORT_HASH, shortHash } from "./brief.js";
import { type Person, people, personCalled } from "./configuration.js";
import { statesOfUps } from "./control-socket.js";
import { inStyle, Output } from "./output.js";
import { asParty, connectTo, isolateFacts, type PartyOptions, plainWords } from "./session.js";

type Options = Omit<PartyOptions, "wait">;

/** How far one computation is, as the isolate says to this person. */
async function partOfPerson(person: Person, policy: Policy, options: Options) {
  const quiet = new Output({ json: true });
  const facts = { policy: policy.hash.toString("hex"), as: person.name };
  try {
    const client = await connectTo(person, policy, { ...options, wait: 0 }, quiet);
    try {
      const { state, round, maxRounds, failedRuns, maxFailedRuns } = await client.state();
      const names = await client.missing();
      return {
        ...facts,
        isolate: isolateFacts(client),
        state: stateName(state),
        round,
        maxRounds,
        failedRuns,
        maxFailedRuns,
        missing: names.map((name) => ({ name, from: policy.writersOf(name) })),
      };
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { ...facts, problem: plainWords(error), kind: error.kind };
  }
}

type Part = Awaited<ReturnType<typeof partOfPerson>>;

const wordsOfState = new Map(
  Object.entries(State).map(([name]) => [
    name.toLowerCase(),
    stateDocs[name as keyof typeof State],
  ]),
);

function show(part: Part, policy: Policy, output: Output): void {
  const title = `Policy ${output.verbose ? part.policy : shortHash(policy)}, as ${part.as}`;
  if (!("state" in part)) {
    output.say(`${inStyle("bold", title)}\n  ${part.problem}`);
    return;
  }
  const { isolate } = part;
  const where = isolate.kind === "linux" ? "on a computer" : "on a microcontroller";
  const lines = [
    inStyle("bold", title),
    `  state    ${wordsOfState.get(part.state) ?? part.state}`,
    `  round    ${part.round} of ${part.maxRounds}, ${part.failedRuns} failed runs of ${part.maxFailedRuns}`,
    `  server   ${policy.document.veracruz_server_url}`,
    `  isolate  ${where}, checked, attested until ${minute(isolate.attestedUntil)}`,
    `  begun    ${commitWords(isolate.number, isolate.of)}`,
  ];
  for (const line of missingLines(part.missing)) lines.push(`  missing  ${line}`);
  if (output.verbose)
    lines.push(`  runtime  ${isolate.runtimeHash}`, `  key      ${isolate.fingerprint}`);
  output.say(lines.join("\n"));
}

/** Servers that this user has brought up. */
function showUps(ups: readonly Record<string, unknown>[], output: Output): void {
  for (const up of ups) {
    output.say(
      [
        inStyle("bold", `Server of policy ${String(up.policy).slice(0, SHORT_HASH)}`),
        `  ${up.status} at ${up.server}, process ${up.pid}`,
        `  isolate ${up.isolate}, ${up.attestedUntil === undefined ? "not attested" : `attested until ${minute(String(up.attestedUntil))}`}`,
      ].join("\n"),
    );
  }
}

/** `veracruz status`: all computations in which this person has a part, and the servers that run here. */
export function status(options: Options): Promise<void> {
  return asParty(async () => {
    const output = new Output(options);
    const ups = await statesOfUps();
    // Who only runs servers here has no key; who shares the computer may ask for all.
    const persons =
      options.as === undefined ? people().map(personCalled) : [personCalled(options.as)];
    const open = persons.flatMap((person) =>
      (options.policy === undefined ? person.open() : [person.policyFor(options.policy)]).map(
        (policy) => ({ person, policy }),
      ),
    );
    showUps(ups, output);
    const parts: Part[] = [];
    for (const { person, policy } of open) {
      const part = await partOfPerson(person, policy, options);
      parts.push(part);
      show(part, policy, output);
    }
    if (parts.length === 0 && ups.length === 0)
      output.say(
        "Nothing: no policy is accepted here whose computation is not over, and no server runs",
      );
    output.answer({ computations: parts, servers: ups });
    const failed = parts.find((part) => "problem" in part);
    if (failed !== undefined) process.exitCode = failureKinds[failed.kind].exitCode;
  });
}
