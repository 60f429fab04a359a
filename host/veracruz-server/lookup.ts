import type { IncomingMessage } from "node:http";
import type { Computation } from "./computation.js";
import { isForwarded } from "./forwarding.js";
import type { NamedComputation } from "./named-computation.js";
import { addressOf, type ServerParts } from "./parts.js";
import type { Whereabouts } from "./registry.js";
import { TooManyUnknown } from "./whereabouts-cache.js";

/** Why a request is for no computation of this server. */
export interface NotHere {
  readonly status: 404 | 410 | 429 | 503;
  readonly reason: string;
}

/** What a request is for: a computation of this server, or of another one. */
export type Found =
  | { computation: Computation; notHere?: undefined; elsewhere?: undefined }
  | { computation?: undefined; notHere: NotHere; elsewhere?: undefined }
  | { computation?: undefined; notHere?: undefined; elsewhere: Whereabouts };

const notHere = (status: NotHere["status"], reason: string) => ({ notHere: { status, reason } });

/**
 * The computation that a request is for. One that names another policy than this server knows is for the unnamed
 * one, where there is such a one: whoever has another policy finds that out in TLS, from the isolate itself.
 */
function findHere(
  { computations, settings }: ServerParts,
  named: NamedComputation | undefined,
): Found {
  const { unnamed } = computations;
  if (named !== undefined) {
    const { hash, byPath } = named;
    const computation = computations.find(hash);
    if (computation !== undefined) return { computation };
    const why = computations.whyOver(hash);
    if (why !== undefined) return notHere(410, why);
    const strict = byPath || unnamed === undefined || settings.registry !== undefined;
    if (strict) return notHere(404, `no computation ${hash} here`);
  }
  if (unnamed !== undefined) return { computation: unnamed };
  return notHere(
    404,
    "name a computation, by /computations/HASH in front of the path or by the header veracruz-policy: HASH is its policy's SHA-256",
  );
}

/**
 * Sees to it that a computation has an isolate, where this server may start it: see `Computations.wake`. If another
 * server was faster, whoever comes next is sent there.
 *
 * @param admitted whether a principal asks
 */
export async function wake(
  { computations, whereabouts }: ServerParts,
  computation: Computation,
  admitted: boolean,
): Promise<void> {
  await computations.wake(computation, admitted);
  if (computation.supervisor === undefined) whereabouts.forget(computation.hash);
}

/**
 * The computation that a request is for, wherever it is. A computation of this server whose isolate does not run here
 * may be at work on another one.
 */
export async function findComputation(
  parts: ServerParts,
  named: NamedComputation | undefined,
  request: IncomingMessage,
): Promise<Found> {
  const here = findHere(parts, named);
  const { registry } = parts.settings;
  const hash = named?.hash ?? here.computation?.hash;
  // What another server forwards it has looked up already.
  if (registry === undefined || hash === undefined || isForwarded(registry, request)) return here;
  if (here.computation?.hash === hash && here.computation.supervisor !== undefined) return here;
  let where: Whereabouts | undefined;
  try {
    const isHeld = here.computation?.hash === hash;
    where = await parts.whereabouts.find(hash, addressOf(parts.settings, request), isHeld);
  } catch (error) {
    if (error instanceof TooManyUnknown) return notHere(429, error.message);
    return notHere(
      503,
      `the registry of the servers cannot be reached: ${(error as Error).message}`,
    );
  }
  if (where === undefined || where.server === registry.name) return here;
  if (where.over !== undefined) return notHere(410, where.over);
  if (where.state === "running") return { elsewhere: where };
  // Nobody runs it: whoever has the policy and is asked may.
  if (here.computation?.hash === hash) return here;
  if (where.state === "held") return { elsewhere: where };
  return notHere(
    410,
    `the server ${where.server}, which had this computation, is gone or was started anew, and with it all that its isolate held`,
  );
}
