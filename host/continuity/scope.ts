import { createHash } from "node:crypto";
import {
  ARRAY,
  BYTES,
  CborError,
  content,
  decodeItem,
  encode,
  type Item,
  scan,
  TEXT,
  UNSIGNED,
} from "../psa-attestation/cbor.js";
import { type ComponentVersion, isComponent, isVersion } from "../psa-attestation/versions.js";
import { SCOPE_LABEL } from "../transport-protocol/labels.js";
import { MAX_SCOPE_BYTES } from "../transport-protocol/messages.js";
import type { IsolateKind } from "../x509/isolate-kind.js";

/**
 * The scope of a policy: what it demands of the isolates that may take its computation, and how many
 * may. It travels to the proxy attestation server in the clear, where the policy does not. One encoding,
 * deterministic CBOR; `assembly/continuity/scope.ts` says which, a test compares the two.
 */

/** Most restarts that a policy may allow. */
export const MAX_RESTARTS = 1000;

/** What a policy demands of isolates. */
export interface Scope {
  /** SHA-256 of the trusted runtime by kind, 32 bytes each. */
  readonly runtimeHashes: Readonly<Partial<Record<IsolateKind, Uint8Array>>>;
  readonly allowDevelopment: boolean;
  /** Isolates that may take the computation up after the first one. */
  readonly maxRestarts: number;
  /** 33 bytes each; none: every enrolled device. */
  readonly instanceIds: readonly Uint8Array[];
  /** The least version that each of these components may have. */
  readonly minimumVersions: readonly ComponentVersion[];
}

const nothing = new Uint8Array(0);
/** The scope in its one encoding. */
export function encodeScope(scope: Scope): Uint8Array {
  return encode([
    SCOPE_LABEL,
    scope.runtimeHashes.linux ?? nothing,
    scope.runtimeHashes.mcu ?? nothing,
    scope.allowDevelopment ? 1 : 0,
    scope.maxRestarts,
    [...scope.instanceIds],
    scope.minimumVersions.map(({ component, version }) => [component, version]),
  ]);
}

/** SHA-256 of an encoded scope. */
export function scopeHash(encoded: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(encoded).digest());
}

/** Bytes that are no scope. */
export class ScopeError extends Error {
  override name = "ScopeError";
}

function items(item: Item | undefined, most: number, what: string): readonly Item[] {
  if (item?.major !== ARRAY || item.children.length > most)
    throw new ScopeError(`${what} are not a list of at most ${most}`);
  return item.children;
}

/**
 * Reads an encoded scope, strictly: each scope has one encoding.
 *
 * @throws ScopeError
 */
export function decodeScope(bytes: Uint8Array): Scope {
  try {
    return readScope(bytes);
  } catch (error) {
    if (error instanceof CborError) throw new ScopeError(error.message);
    throw error;
  }
}

function readScope(bytes: Uint8Array): Scope {
  if (bytes.length > MAX_SCOPE_BYTES) throw new ScopeError(`${bytes.length} bytes are too many`);
  const list = items(scan(bytes), 7, "the parts");
  const at = (index: number, major: number, what: string): Item => {
    const item = list[index];
    if (item?.major !== major) throw new ScopeError(`${what} is missing or of a wrong type`);
    return item;
  };
  if (list.length !== 7 || decodeItem(bytes, at(0, TEXT, "the label")) !== SCOPE_LABEL)
    throw new ScopeError(`not an array of 7 that begins with ${SCOPE_LABEL}`);
  const hash = (index: number, what: string) => {
    const value = new Uint8Array(content(bytes, at(index, BYTES, what)));
    if (value.length !== 0 && value.length !== 32)
      throw new ScopeError(`${what} has ${value.length} bytes instead of 32 or none`);
    return value.length === 0 ? undefined : value;
  };
  const whole = (index: number, most: number, what: string) => {
    const value = Number(at(index, UNSIGNED, what).argument);
    if (value > most) throw new ScopeError(`${what} is above ${most}`);
    return value;
  };
  const linux = hash(1, "the runtime hash for linux");
  const mcu = hash(2, "the runtime hash for mcu");
  const instanceIds = items(list[5], 32, "the instance IDs").map((item) => {
    const id = item.major === BYTES ? new Uint8Array(content(bytes, item)) : nothing;
    if (id.length !== 33 || id[0] !== 1) throw new ScopeError("an instance ID is malformed");
    return id;
  });
  const minimumVersions = items(list[6], 4, "the minimum versions").map((item) => {
    const [component, version, ...rest] = items(item, 2, "the parts of a minimum version");
    if (component?.major !== TEXT || version?.major !== TEXT || rest.length > 0)
      throw new ScopeError("a minimum version is malformed");
    const minimum = {
      component: decodeItem(bytes, component) as string,
      version: decodeItem(bytes, version) as string,
    };
    if (!isComponent(minimum.component) || !isVersion(minimum.version))
      throw new ScopeError("a minimum version is malformed");
    return minimum;
  });
  return {
    runtimeHashes: {
      ...(linux !== undefined && { linux }),
      ...(mcu !== undefined && { mcu }),
    },
    allowDevelopment: whole(3, 1, "allow_development") === 1,
    maxRestarts: whole(4, MAX_RESTARTS, "max_restarts"),
    instanceIds,
    minimumVersions,
  };
}
