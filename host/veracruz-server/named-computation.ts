import type { IncomingMessage } from "node:http";

/** A policy's hash, as requests name it. */
const HASH = "[0-9a-f]{64}";
const PATH = new RegExp(`^/computations/(${HASH})(/.*|$)`);
const HEADER = new RegExp(`^${HASH}$`);
const AUTHORITY = new RegExp(`^(?:(${HASH})\\.)?isolate:443$`);

/** The computation that a request names: SHA-256 of its policy, hexadecimal. */
export interface NamedComputation {
  readonly hash: string;
  /** By its path: there is no other computation that the request could be for. */
  readonly byPath: boolean;
}

/** What a request's target says: the computation's name, and the target without it. */
export function splitTarget(target: string): { hash: string | undefined; path: string } {
  const [, hash, rest] = PATH.exec(target) ?? [];
  return hash === undefined ? { hash, path: target } : { hash, path: rest || "/" };
}

/** The computation that a request for `CONNECT` names; undefined where the authority is another one. */
export function splitAuthority(authority: string): { hash: string | undefined } | undefined {
  const match = AUTHORITY.exec(authority);
  return match === null ? undefined : { hash: match[1] };
}

/**
 * Which computation a request names: in its target, else in the header `veracruz-policy`, which signed requests have.
 *
 * @param inTarget what its path or authority says
 */
export function namedBy(
  inTarget: string | undefined,
  headers: IncomingMessage["headers"],
): NamedComputation | undefined {
  if (inTarget !== undefined) return { hash: inTarget, byPath: true };
  const header = headers["veracruz-policy"];
  return typeof header === "string" && HEADER.test(header)
    ? { hash: header, byPath: false }
    : undefined;
}
