import { CliError } from "../common/cli.js";
import { minute } from "../common/times.js";
import { describeLifecycle, gradeOf } from "../psa-attestation/lifecycle.js";
import { VeracruzClient } from "../veracruz-client/client.js";
import { ClientError, failureKinds } from "../veracruz-client/errors.js";
import { describeKeyExchange } from "../veracruz-client/secure-channel.js";
import type { ServerAddress } from "../veracruz-client/server-address.js";
import { whenReady } from "../veracruz-client/waiting.js";
import { type Policy, PolicyError } from "../veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../veracruz-utils/policy-certificates.js";
import { type Person, personCalled } from "./configuration.js";
import type { Output } from "./output.js";

/** Options of every command that acts for a person in a computation. */
export interface PartyOptions {
  as?: string;
  policy?: string;
  server?: ServerAddress;
  wait: number;
  acceptRestart?: number;
  json?: boolean;
  verbose?: boolean;
}

/** The reason without the name of its status: the exit code tells the kind to scripts, and people do not need it. */
export function plainWords({ message }: ClientError): string {
  return message.replace(/\bFAILED_(?!ERROR_CODE_RETURNED)[A-Z_]+: /g, "");
}

/** Runs what a party does; its errors become one line and an exit code. */
export async function asParty<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ClientError)
      throw new CliError(plainWords(error), failureKinds[error.kind].exitCode);
    if (error instanceof PolicyError)
      throw new CliError(`the policy is refused: ${error.message}`, failureKinds.policy.exitCode);
    throw error;
  }
}

/** The person and the accepted policy that are meant. @throws CliError, PolicyError when it is over */
export function partOf(options: PartyOptions): { person: Person; policy: Policy } {
  const person = personCalled(options.as);
  const policy = person.policyFor(options.policy);
  checkPolicyCertificates(policy, new Date());
  return { person, policy };
}

/** What is known of an isolate that was checked, for programs. */
export function isolateFacts(client: VeracruzClient) {
  const { kind, lifecycle, runtimeHash, fingerprint, notAfter } = client.isolate;
  return {
    kind,
    grade: gradeOf(lifecycle),
    runtimeHash: Buffer.from(runtimeHash).toString("hex"),
    fingerprint,
    attestedUntil: notAfter.toISOString(),
    ...(client.commitment !== undefined && {
      number: client.commitment.n,
      of: client.commitment.of,
    }),
    keyExchange: client.keyExchange,
  };
}

/** Says it, where the isolate is not the first one that has begun this computation. */
export function sayRestart({ commitment }: VeracruzClient, output: Output): void {
  if (commitment !== undefined && commitment.n > 1)
    output.note(
      `the computation has restarted: this is isolate ${commitment.n} of ${commitment.of}, and it knows nothing of what was before`,
    );
}

/** Connects to the isolate, checks it, and says what was checked. @throws ClientError */
export async function connectTo(
  person: Person,
  policy: Policy,
  options: PartyOptions,
  output: Output,
): Promise<VeracruzClient> {
  const identity = person.identity();
  const client = await whenReady(
    Date.now() + options.wait,
    (reason) => output.note(`waiting: ${reason}`),
    () =>
      VeracruzClient.connect({
        policy,
        identity,
        tls: "own",
        ...(options.server !== undefined && { server: options.server }),
        ...(options.acceptRestart !== undefined && { acceptRestart: options.acceptRestart }),
      }),
    "connection",
  );
  const { kind, lifecycle, runtimeHash, fingerprint, notAfter } = client.isolate;
  const where = kind === "linux" ? "on a computer" : "on a microcontroller";
  output.note(
    `checked the isolate: ${where}, ${gradeOf(lifecycle)} grade, its runtime and policy are those agreed on, attested until ${minute(notAfter)}`,
  );
  output.note(`keys agreed on by ${describeKeyExchange(client.keyExchange)}`);
  output.detail(
    [
      `  policy       ${policy.hash.toString("hex")}`,
      `  runtime      ${Buffer.from(runtimeHash).toString("hex")}`,
      `  fingerprint  ${fingerprint}`,
      `  lifecycle    ${describeLifecycle(lifecycle)}`,
    ].join("\n"),
  );
  return client;
}
