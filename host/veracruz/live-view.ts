import { minute } from "../common/times.js";
import { commitWords } from "./brief.js";
import type { HostedComputation, LogEntry } from "./hosted-computation.js";
import { hasColours, type Output } from "./output.js";

/** Shows how a computation comes up and goes on: on a terminal one block that stays up to date, else a line at each step. */
export interface View {
  close(): void;
}

/** Steps that are told where nobody watches. */
const steps: Record<string, (entry: LogEntry) => string> = {
  "isolate starting": ({ isolate }) => `isolate starting: ${isolate}`,
  "isolate attested": ({ until }) => `isolate attested until ${minute(String(until))}`,
  "attestation failed, will be tried again": ({ reason }) =>
    `attestation failed, will be tried again: ${reason}`,
  "computation committed to the isolate": ({ n, of }) =>
    `the computation has begun with isolate ${n} of ${of} that the policy allows`,
  "isolate lost": ({ reason }) => `isolate lost: ${reason}`,
};

function lineView(computation: HostedComputation, output: Output): View {
  computation.watch((entry) => {
    if (output.json) output.answer({ event: entry.msg, ...entry, msg: undefined });
    else if (output.verbose) output.note(`${entry.level}: ${entry.msg}`);
    else {
      const words = steps[entry.msg]?.(entry);
      if (words !== undefined) output.note(words);
    }
  });
  return { close: () => undefined };
}

/** What a terminal shows of a computation, line by line; `more` comes from elsewhere, as who has not sent. */
export function viewLines(computation: HostedComputation, more: readonly string[]): string[] {
  const { state } = computation;
  const own = state.ownAttestation ? "your own" : "of somebody else";
  const attested =
    state.attestedUntil === undefined
      ? "not attested yet"
      : `attested until ${minute(state.attestedUntil)}`;
  return [
    `  attestation  ${state.attestationServer}, ${own}`,
    `  server       ${state.server}, ${state.status}`,
    `  isolate      ${state.isolate}, ${attested}${state.restarts > 0 ? `, started again ${state.restarts} times` : ""}`,
    `  begun        ${commitWords(state.committed?.n, state.committed?.of)}`,
    `  sessions     ${state.sessions.open} open, ${state.sessions.ever} in all`,
    ...more,
    ...(state.reason === "" ? [] : [`  ! ${state.reason}`]),
  ];
}

/** Where the words of a line begin, behind what they are about. */
const INDENT = 15;

/** A line as lines of at most `columns` characters, broken between words; what follows stands under the words. */
export function wrapped(line: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const end = space > INDENT ? space : columns;
    lines.push(rest.slice(0, end));
    const more = rest.slice(end).trimStart();
    // A terminal as narrow as that gets no indent.
    rest = columns > 2 * INDENT ? " ".repeat(INDENT) + more : more;
  }
  return [...lines, rest];
}

const REFRESH_MS = 2_000;

function terminalView(
  computation: HostedComputation,
  terminal: NodeJS.WriteStream,
  ask: () => Promise<readonly string[]>,
): View {
  let shown = 0;
  let more: readonly string[] = [];
  const clear = () => {
    // Cursor up and erase below (ECMA-48 CUU, ED): what was shown is shown anew.
    if (shown > 0) terminal.write(`\x1b[${shown}A\x1b[J`);
    shown = 0;
  };
  const draw = () => {
    clear();
    const columns = (terminal.columns || 80) - 1;
    const lines = viewLines(computation, more).flatMap((line) => wrapped(line, columns));
    terminal.write(lines.map((line) => `${line}\n`).join(""));
    shown = lines.length;
  };
  let asking = false;
  const refresh = () => {
    if (asking) return;
    asking = true;
    ask()
      .then((lines) => {
        more = lines;
        draw();
      })
      .catch(() => undefined)
      .finally(() => {
        asking = false;
      });
  };
  computation.watch(draw);
  const timer = setInterval(refresh, REFRESH_MS);
  draw();
  return {
    close() {
      clearInterval(timer);
      draw();
    },
  };
}

/**
 * The view that fits where standard error goes.
 *
 * @param ask for lines that the server does not know, as far as this user may
 */
export function openView(
  computation: HostedComputation,
  output: Output,
  ask: () => Promise<readonly string[]>,
): View {
  const watched = !output.json && !output.verbose && process.stderr.isTTY === true;
  if (!watched || !hasColours({ isTTY: true }, { ...process.env, NO_COLOR: "" }))
    return lineView(computation, output);
  return terminalView(computation, process.stderr, ask);
}
