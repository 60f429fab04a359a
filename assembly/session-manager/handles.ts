/** What the handles of `exports.ts` stand for. */
import { TlsConfig } from "./config";
import { TlsSession } from "./session";

// A module's exports have no object to be called on: hence tables at module level.
/** Configurations by handle - 1. */
export const configs: Array<TlsConfig> = [];
/** Sessions by handle - 1; null: free. */
export const sessions: Array<TlsSession | null> = [];

/** A configuration by its handle. */
export function configAt(handle: u32): TlsConfig | null {
  return handle - 1 < (configs.length as u32) ? configs[handle - 1] : null;
}

/** A session by its handle. */
export function sessionAt(handle: u32): TlsSession | null {
  return handle - 1 < (sessions.length as u32) ? sessions[handle - 1] : null;
}
