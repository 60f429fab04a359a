import { readFileSync } from "node:fs";
import { wasmPath } from "../../host/common/paths.js";
import { edwards25519Proofs } from "./edwards25519.js";
import { inversionProofs } from "./inversion.js";
import { mlKemProofs } from "./ml-kem.js";
import { p256Proofs } from "./p256.js";
import { poly1305Proofs } from "./poly1305.js";
import type { Proof } from "./proofs.js";
import { parseWat, type WatModule } from "./wat.js";
import { x25519Proofs } from "./x25519.js";

export const allProofs: readonly Proof[] = [
  ...p256Proofs,
  ...x25519Proofs,
  ...edwards25519Proofs,
  ...inversionProofs,
  ...poly1305Proofs,
  ...mlKemProofs,
];

/** Where the text of the module is that the proofs are of: the runtime as it ships. */
export const watPath = wasmPath("runtime").replace(/\.wasm$/, ".wat");

/** That module. */
export function readRuntime(): WatModule {
  return parseWat(readFileSync(watPath, "utf8"));
}
