import { minute } from "../common/times.js";

/** What `GET /` shows an operator: how the server and its isolate are, without names of files or parties. */

/** What the page is made of: the answer of `/healthz`. */
export interface ServerHealth {
  status: string;
  version: string;
  computations: { held: number; running: number; max: number; maxRunning: number };
  /** Of one computation, where it is the only one. */
  policyHash?: string;
  sessions?: { open: number; max: number };
  isolate?: {
    connection: string;
    kind?: string;
    runtimeHash?: string;
    running?: boolean;
    certificateUntil: string | null;
    restarts: number;
    lastFailure: string;
  };
}

/** What the page shows of each computation. */
export interface ComputationSummary {
  hash: string;
  status: string;
  sessions: number;
  restarts: number;
  /** When the isolate's certificate ends; null while there is none. */
  until: string | null;
}

/** Nothing is loaded, nothing runs, nobody frames it. */
export const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

const escaped = (value: unknown) =>
  String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const words: Record<string, string> = {
  waiting: "waiting: an isolate is started when a party comes",
  starting: "starting: the isolate is not attested yet",
  ready: "ready: parties can come",
  restarting: "restarting: the isolate was lost",
  ended: "over: the computation has ended",
  failed: "failed: there is no isolate any more",
  stopped: "stopping",
};

const attestedUntil = (until: string | null) => (until === null ? "not attested" : minute(until));

/** Rows about the computation that is the only one. */
function rowsOf({ policyHash, isolate, sessions }: ServerHealth): [string, unknown][] {
  if (isolate === undefined || sessions === undefined) return [];
  return [
    ["Policy (SHA-256)", policyHash],
    ["Isolate", `${isolate.connection}${isolate.kind === undefined ? "" : `, ${isolate.kind}`}`],
    ["Trusted runtime (SHA-256)", isolate.runtimeHash ?? "not known yet"],
    ["Attested until", attestedUntil(isolate.certificateUntil)],
    ["Program", isolate.running ? "running" : "not running"],
    ["Sessions", `${sessions.open} open of at most ${sessions.max}`],
    ["Isolate started again", isolate.restarts],
    ["Last failure", isolate.lastFailure || "none"],
  ];
}

/** All computations, where there are several or none. */
function listOf(computations: readonly ComputationSummary[]): string {
  const heads = ["Policy (SHA-256)", "State", "Sessions", "Started again", "Attested until"];
  const lines = computations.map(
    ({ hash, status, sessions, restarts, until }) =>
      `<tr><th scope="row">${escaped(hash)}</th>${[status, sessions, restarts, attestedUntil(until)]
        .map((value) => `<td>${escaped(value)}</td>`)
        .join("")}</tr>`,
  );
  return `<h2>Computations</h2>
<table class="list">
<thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>
<tbody>
${lines.join("\n")}
</tbody>
</table>
`;
}

/**
 * The page as HTML. It renews itself every five seconds.
 *
 * @param computations shown one by one, where `health` is not that of the only one
 */
export function statusPage(
  health: ServerHealth,
  computations: readonly ComputationSummary[] = [],
): string {
  const { held, running, max, maxRunning } = health.computations;
  const rows: [string, unknown][] = [
    ["State", words[health.status] ?? health.status],
    ...rowsOf(health),
    ["Computations", `${held} held of at most ${max}`],
    ["Isolates", `${running} running of at most ${maxRunning}`],
    ["Version", health.version],
  ];
  const lines = rows
    .map(
      ([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`,
    )
    .join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>Veracruz server: ${escaped(health.status)}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 50rem; padding: 0 1rem }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; overflow-wrap: anywhere }
th { font-weight: 600; width: 14rem }
@media (max-width: 30rem) { th, td { display: block; padding: 0 } th { padding-top: .6rem } }
</style>
</head>
<body>
<main>
<h1>Veracruz server</h1>
<table>
${lines}
</table>
${health.isolate === undefined || computations.length > 1 ? listOf(computations) : ""}<p>This server forwards ciphertext, and nobody trusts it. Parties check the isolate themselves.</p>
</main>
</body>
</html>
`;
}
