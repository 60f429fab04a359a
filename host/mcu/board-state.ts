import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CliError } from "../common/cli.js";
import { makeFolder } from "../common/folders.js";
import { describeLifecycle, LIFECYCLE_NON_PSA_ROT_DEBUG } from "../psa-attestation/lifecycle.js";

/** Bytes of a device secret. */
const SECRET_BYTES = 32;
/** What the first stage looks for (`LOADED_MAGIC` in mcu-client/boards/mps2/secret.c). */
const MAGIC = 0x56434f31;
const LIFECYCLE_AT = 4;
const SECRET_AT = 8;
const STATE_BYTES = SECRET_AT + SECRET_BYTES;

/**
 * What the emulator loads into a board at each reset: the device secret, and the lifecycle that the board was
 * provisioned with.
 *
 * @param secret 32 bytes
 */
export function boardState(
  secret: Uint8Array,
  lifecycle = LIFECYCLE_NON_PSA_ROT_DEBUG,
): Uint8Array {
  if (secret.length !== SECRET_BYTES)
    throw new Error(`a device secret has ${SECRET_BYTES} bytes, this one ${secret.length}`);
  const state = Buffer.alloc(STATE_BYTES);
  state.writeUInt32LE(MAGIC, 0);
  state.writeUInt32LE(lifecycle, LIFECYCLE_AT);
  state.set(secret, SECRET_AT);
  return state;
}

/**
 * Makes a board's state where there is none, with a secret of its own: provisioning. A file of 32 bytes is the secret
 * of a board of an earlier version, and is kept.
 *
 * @param lifecycle what a new board is to say of itself, one for development or "secured, emulated"; left out: what the
 *   board says that is there
 * @throws CliError when the file is no board's state, or that of a board in another lifecycle
 */
export function provisionBoard(path: string, lifecycle?: number): void {
  if (!existsSync(path)) {
    makeFolder(dirname(path), 0o700);
    const state = boardState(randomBytes(SECRET_BYTES), lifecycle);
    writeFileSync(path, state, { mode: 0o600, flag: "wx" });
    return;
  }
  let found = readFileSync(path);
  if (found.length === SECRET_BYTES) {
    found = Buffer.from(boardState(found));
    writeFileSync(path, found);
  }
  if (found.length !== STATE_BYTES || found.readUInt32LE(0) !== MAGIC)
    throw new CliError(
      `${path} is no state of an emulated board (${STATE_BYTES} bytes); remove it, and a new board is made`,
    );
  const says = found.readUInt32LE(LIFECYCLE_AT);
  if (lifecycle !== undefined && says !== lifecycle)
    throw new CliError(
      `${path} is the state of a board whose lifecycle is ${describeLifecycle(says)}: that does not change; name another file`,
    );
}
