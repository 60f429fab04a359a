import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../common/cli.js";
import { State } from "../transport-protocol/index.js";
import { VeracruzClient } from "../veracruz-client/client.js";
import { ClientError } from "../veracruz-client/errors.js";
import type { Deployment } from "./deployment.js";
import { DEVICES, type Scenario } from "./scenarios.js";

const POLL_MS = 200;
const stateNames = new Map<number, string>(
  Object.entries(State).map(([name, value]) => [value as number, name.toLowerCase()]),
);

/** The principal who reads the result, and where the server is. */
export interface ControllerOptions {
  deployment: Deployment;
  scenario: Scenario;
  /** How long it waits for the devices, in milliseconds. */
  timeoutMs: number;
  /** Names of the devices that have not sent yet, if that is known here. */
  missing?: () => string[];
  tell: (who: string, text: string) => void;
}

/**
 * The owner's part: checks the isolate, sends the program, waits for the devices, fetches the result and
 * compares it with what is known.
 *
 * @throws CliError when the result is wrong or does not come
 */
export async function control(options: ControllerOptions): Promise<void> {
  const { deployment, scenario, tell } = options;
  let client: VeracruzClient | undefined;
  try {
    client = await VeracruzClient.connect({
      policy: deployment.policy(),
      identity: deployment.identity("owner"),
      server: deployment.server,
    });
    tell("controller", `checked the isolate, ${client.isolate.fingerprint.slice(0, 16)}…`);
    const program = readFileSync(deployment.path(deployment.programName));
    await client.sendProgram(deployment.programName, program);
    tell("controller", `sent ${deployment.programName}, ${program.length} bytes`);
    await waitForDevices(client, options);
    const result = await client.read();
    writeFileSync(deployment.path("result"), result);
    await client.requestShutdown();
    const expected = readFileSync(deployment.path("data", "expected-1"));
    const { text, right } = scenario.judge(result, expected);
    tell("controller", text);
    draw(options, result, expected);
    if (!right) throw new CliError("the result is wrong", 1);
    tell("controller", "the result is right");
  } catch (error) {
    if (error instanceof ClientError) throw new CliError(error.message, 1);
    throw error;
  } finally {
    await client?.close();
  }
}

/** Writes the picture of what the devices sent and the isolate found, where there is one to draw. */
function draw(
  { deployment, scenario, tell }: ControllerOptions,
  result: Uint8Array,
  expected: Uint8Array,
): void {
  if (scenario.draw === undefined) return;
  const inputs = Array.from({ length: DEVICES }, (_, index) =>
    readFileSync(deployment.path("data", `input-${index}`)),
  );
  const path = deployment.path("result.svg");
  writeFileSync(path, scenario.draw(inputs, result, expected));
  tell("controller", `a picture of what was heard and found: ${path}`);
}

async function waitForDevices(client: VeracruzClient, options: ControllerOptions): Promise<void> {
  let said = "";
  for (const deadline = Date.now() + options.timeoutMs; ; await delay(POLL_MS)) {
    const { state } = await client.state();
    const missing = options.missing?.() ?? [];
    const waiting =
      state === State.PROVISIONING ? `: waiting for ${missing.join(", ") || "data"}` : "";
    const text = `the computation is ${stateNames.get(state) ?? state}${waiting}`;
    if (text !== said) options.tell("controller", text);
    said = text;
    if (state === State.READY || state === State.RESULT) return;
    if (Date.now() > deadline) {
      throw new CliError("the devices have not sent their data in time", 1);
    }
  }
}
