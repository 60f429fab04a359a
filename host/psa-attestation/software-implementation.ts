import { createHash } from "node:crypto";

/** What every software root of trust of this project is; no MCU has it. 32 bytes. */
export const SOFTWARE_IMPLEMENTATION_ID: Uint8Array = new Uint8Array(
  createHash("sha256")
    .update("veracruz host isolate, software root of trust, development grade, 1")
    .digest(),
);
