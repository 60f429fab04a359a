import { COMPUTER_MEMORY_BYTES, MAX_MEMORY_BYTES } from "../isolate/worker-protocol.js";
import { may, type Policy, policyDefaults } from "./policy.js";

/** For sessions, messages and the runtime itself. */
const BESIDE_FILES_BYTES = 16 * 1024 * 1024;
/** The allocator looks for a block in steps of a sixteenth. */
const ALLOCATOR_STEPS = 16;

/** The names of the files that principals may write under a policy. */
export function writtenFiles({ document: { identities } }: Policy): string[] {
  const names = new Set(
    identities.flatMap(({ file_rights }) => file_rights).map((right) => right.file_name),
  );
  return [...names].filter((name) => identities.some((one) => may(one, "w", name)));
}

/** How many these are, and the bytes that they and the result may have together. */
export function mostFiles(policy: Policy): { count: number; bytes: number } {
  const limits = { ...policyDefaults, ...policy.document.execution_limits };
  const count = writtenFiles(policy).length;
  return { count, bytes: count * limits.file_bytes + limits.output_bytes };
}

/** Memory with which an isolate on a computer holds all files that a policy allows, in bytes. */
export function computerMemoryFor(policy: Policy): number {
  const { bytes } = mostFiles(policy);
  const needed = bytes + Math.ceil(bytes / ALLOCATOR_STEPS) + BESIDE_FILES_BYTES;
  return Math.min(MAX_MEMORY_BYTES, Math.max(COMPUTER_MEMORY_BYTES, needed));
}
