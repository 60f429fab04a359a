import { styleText } from "node:util";
import { forTerminal } from "../common/terminal.js";
import type { Progress } from "../veracruz-client/client.js";
import { progressBar } from "../veracruz-client/progress-bar.js";

/** How a command reports, as every one of them can be told. */
export interface OutputOptions {
  json?: boolean;
  verbose?: boolean;
}

type Style = "bold" | "green" | "yellow" | "red" | "dim";

/** Whether colours are wanted on a stream: it is a terminal, and nobody has said NO_COLOR (no-color.org). */
export function hasColours(stream: { isTTY?: boolean }, env = process.env): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

/**
 * Text in a style, where the stream shows any. `hasColours` alone decides: left to itself, `styleText` also asks the
 * environment for `CI`, `FORCE_COLOR` and others, and does so differently in each version of Node.js.
 */
export function inStyle(
  style: Style,
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return hasColours(stream) ? styleText(style, text, { validateStream: false }) : text;
}

/** What a command says: words for people, or one JSON object for programs. */
export class Output {
  constructor(private readonly options: OutputOptions) {}

  get json(): boolean {
    return this.options.json === true;
  }

  get verbose(): boolean {
    return this.options.verbose === true;
  }

  /** For people, on standard output. Text of others cannot steer the terminal. */
  say(text: string): void {
    if (!this.json) process.stdout.write(`${text.trimEnd()}\n`);
  }

  /** On the way, on standard error: standard output may be a file. */
  note(text: string): void {
    if (!this.json) console.error(forTerminal(text.trimEnd()));
  }

  /** As `note`, only where details are wanted. */
  detail(text: string): void {
    if (this.verbose) this.note(text);
  }

  /** For programs: with `--json`, one line. */
  answer(value: object): void {
    if (this.json) process.stdout.write(`${forTerminal(JSON.stringify(value))}\n`);
  }

  /** A bar for a long transfer, when somebody is watching. */
  progress(title: string): { report: Progress; stop: () => void } {
    if (this.json || !process.stderr.isTTY)
      return { report: () => undefined, stop: () => undefined };
    return progressBar(title, process.stderr);
  }
}
