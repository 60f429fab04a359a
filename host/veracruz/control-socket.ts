import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { configurationFolder, folderOf } from "./configuration.js";

/**
 * How one command of a user speaks to a `veracruz up` of the same user: a Unix socket in a folder that nobody else can
 * open. A line comes in (`state` or `stop`), a line of JSON goes out. That somebody answers is what says that it runs.
 */

/** So many digits of the policy's hash name the socket: paths of sockets are short. */
const NAME_DIGITS = 16;
const ANSWER_MS = 5_000;
const MAX_ANSWER_BYTES = 65_536;

const runningFolder = () => join(configurationFolder(), "running");
const pathOf = (policyHash: string, ending: string) =>
  join(runningFolder(), `${policyHash.slice(0, NAME_DIGITS)}.${ending}`);

/** The file for what a detached `veracruz up` prints. */
export function logPathOf(policyHash: string): string {
  folderOf("running");
  return pathOf(policyHash, "log");
}

/**
 * Answers other commands while a computation is up.
 *
 * @param stop called when another command asks for the end
 * @throws CliError when the computation is up already
 */
export async function answerCommands(
  policyHash: string,
  state: () => object,
  stop: () => void,
): Promise<{ close: () => Promise<void> }> {
  folderOf("running");
  const path = pathOf(policyHash, "sock");
  if ((await ask(path, "state")) !== undefined)
    throw new CliError("this computation is up already: veracruz status shows it", 1);
  // Whoever made it was killed.
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.once("data", (text: string) => {
      const wish = text.trim();
      socket.end(`${JSON.stringify(state())}\n`);
      if (wish === "stop") stop();
    });
  });
  try {
    await listen(server, path);
    chmodSync(path, 0o600);
  } catch (error) {
    throw new CliError(
      `cannot make the socket ${JSON.stringify(path)}: ${(error as Error).message}`,
      1,
    );
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Asks one `veracruz up`; undefined when nobody answers. */
function ask(path: string, wish: "state" | "stop"): Promise<Record<string, unknown> | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = "";
    socket.setEncoding("utf8").setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("connect", () => socket.write(`${wish}\n`));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_BYTES) socket.destroy();
    });
    socket.on("close", () => {
      try {
        resolve(JSON.parse(text));
      } catch {
        resolve(undefined);
      }
    });
  });
}

/** What the `veracruz up` of a policy says of itself; undefined when it does not run. */
export function stateOfUp(policyHash: string): Promise<Record<string, unknown> | undefined> {
  return ask(pathOf(policyHash, "sock"), "state");
}

/** Asks the `veracruz up` of a policy to end; false when none runs. Settles before it has ended. */
export async function stopUp(policyHash: string): Promise<boolean> {
  return (await ask(pathOf(policyHash, "sock"), "stop")) !== undefined;
}

/** What every `veracruz up` of this user says of itself. */
export async function statesOfUps(): Promise<Record<string, unknown>[]> {
  if (!existsSync(runningFolder())) return [];
  const sockets = readdirSync(runningFolder()).filter((name) => name.endsWith(".sock"));
  const states = await Promise.all(
    sockets.map((name) => ask(join(runningFolder(), name), "state")),
  );
  return states.filter((state) => state !== undefined);
}
