// Programs that use the client's library on this computer: a page for them, and a run to their end.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePage, type PageContent } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { principal, type System } from "../support/system.js";

/** What AddressSanitizer, UndefinedBehaviorSanitizer or LeakSanitizer says when it has found something. */
export const sanitizers = /AddressSanitizer|runtime error|LeakSanitizer/;

/** Files as a page has them. */
export const filesOf = (files: Record<string, Uint8Array>) =>
  Object.entries(files).map(([name, bytes]) => ({ name, bytes }));

/** Writes the page of a principal of a running system into a folder; where. */
export function writePage(
  folder: string,
  system: System,
  name: string,
  content: Partial<PageContent> = {},
): string {
  const { pem, keyPem } = principal(name);
  const path = join(folder, `${name}.page`);
  const page = makePage({
    policy: system.policy,
    identity: loadIdentity(Buffer.from(pem), keyPem),
    server: system.address,
    ...content,
  });
  writeFileSync(path, page, { mode: 0o600 });
  return path;
}

/** How a program ended: its exit code (-1: by a signal), and all that it printed. */
export interface Ended {
  code: number;
  output: string;
}

/**
 * Runs a program to its end.
 *
 * @param answer told of each line; what it returns is a signal to it, or a line for its standard input
 */
export function runToEnd(
  program: string,
  args: readonly string[],
  answer?: (line: string) => string | NodeJS.Signals | undefined,
): Promise<Ended> {
  return new Promise<Ended>((resolve) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    let partial = "";
    child.stdin.on("error", () => undefined);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) {
        const said = answer?.(line);
        if (said === "SIGINT" || said === "SIGTERM" || said === "SIGKILL") child.kill(said);
        else if (said !== undefined) child.stdin.write(`${said}\n`);
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("close", (code, signal) =>
      resolve({ code: code ?? -1, output: `${output}${signal ?? ""}` }),
    );
  });
}
