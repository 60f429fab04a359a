import { createInterface } from "node:readline/promises";
import { CliError, readUserFile } from "../common/cli.js";
import { explainPolicy } from "../policy-generator/explain.js";
import { goodPolicy } from "../policy-generator/inputs.js";
import { entryOf } from "../veracruz-client/identity.js";
import { type Policy, PolicyError } from "../veracruz-utils/policy.js";
import { allWarnings, explainBriefly, shortHash, warningLines } from "./brief.js";
import { type Person, people, personCalled } from "./configuration.js";
import { EXIT_NOT_ACCEPTED } from "./exit-codes.js";
import { inStyle, Output, type OutputOptions } from "./output.js";
import { asParty } from "./session.js";

interface ReviewOptions extends OutputOptions {
  as?: string;
  accept?: boolean;
}

/** A policy in a file, as isolates and clients take it. @throws CliError */
export function readPolicy(path: string): Policy {
  try {
    return goodPolicy(readUserFile(path, "policy"));
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new CliError(`the policy ${JSON.stringify(path)} is refused: ${error.message}`, 1);
  }
}

/** Shows a policy, in full or in brief, with its warnings. */
export function showPolicy(policy: Policy, output: Output): void {
  if (output.verbose)
    output.say(explainPolicy(policy).split(/\n(?=Warnings|No warnings)/)[0] ?? "");
  else output.say([`Policy ${shortHash(policy)}`, ...explainBriefly(policy)].join("\n"));
  const warnings = warningLines(policy);
  if (warnings.length === 0) return;
  output.say([inStyle("yellow", "Warnings"), ...warnings].join("\n"));
}

/** Who is meant: whoever is named, or the only one of this computer's persons whom the policy names. */
function reviewer(policy: Policy, options: ReviewOptions): Person | undefined {
  if (options.as !== undefined || options.accept) return personCalled(options.as);
  const named = people()
    .map((name) => personCalled(name))
    .filter((person) => policy.identityOf(person.identity().certificate.raw) !== undefined);
  if (named.length <= 1) return named[0];
  throw new CliError(
    `the policy names several persons of this computer: say --as with one of ${named.map(({ name }) => name).join(", ")}`,
  );
}

async function isAccepted(person: Person): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await questions.question(`Do you accept this, ${person.name}? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    questions.close();
  }
}

/** `veracruz review`: the policy in words, and whether this person accepts it. */
export async function review(path: string, options: ReviewOptions): Promise<void> {
  const output = new Output(options);
  const policy = readPolicy(path);
  showPolicy(policy, output);
  const facts = {
    policy: policy.hash.toString("hex"),
    parties: explainBriefly(policy).map((line) => line.trim()),
    warnings: allWarnings(policy),
  };
  const person = await asParty(async () => reviewer(policy, options));
  if (person === undefined) {
    output.note("nobody on this computer has a part in it");
    output.answer({ ...facts, accepted: false });
    return;
  }
  await asParty(async () => entryOf(policy, person.identity()));
  const before = person.hasAccepted(policy);
  const accepted =
    before || options.accept === true || (!output.json && (await isAccepted(person)));
  if (accepted) person.accept(policy);
  output.answer({ ...facts, as: person.name, accepted });
  if (!accepted)
    throw new CliError(
      `not accepted: veracruz review ${path} --accept does, as ${person.name}`,
      EXIT_NOT_ACCEPTED,
    );
  output.note(
    `${person.name} ${before ? "had accepted" : "accepts"} the policy ${shortHash(policy)}: send, fetch and status go by it`,
  );
}
