import { COMPUTER_MEMORY_BYTES, MAX_MEMORY_BYTES } from "../isolate/worker-protocol.js";
import { computerMemoryFor, mostFiles, writtenFiles } from "../veracruz-utils/isolate-memory.js";
import { may, type Policy, policyDefaults } from "../veracruz-utils/policy.js";

/** Sessions at a time of an isolate on a microcontroller; see `assembly/runtime-manager/home-profile.ts`. */
const DEVICE_SESSIONS = 6;

const bytes = (count: number) => `${count.toLocaleString("en")} bytes`;

/**
 * Limits of a policy that do not hold together, one sentence each with the numbers: everybody agrees, files arrive, and
 * then a run is spent on what could never fit.
 */
export function limitWarnings(policy: Policy): string[] {
  const { document } = policy;
  const { identities, programs, execution_limits, execution_strategy } = document;
  const limits = { ...policyDefaults, ...execution_limits };
  const warnings: string[] = [];
  const written = writtenFiles(policy);
  const isRead = written.some((name) => programs.some((program) => may(program, "r", name)));

  if (isRead && limits.file_bytes >= limits.memory_bytes) {
    warnings.push(
      `A file may have ${bytes(limits.file_bytes)} (--max-file), and a program has ${bytes(limits.memory_bytes)} of memory (--memory) ` +
        "for everything: a program that holds such a file whole fails, and the run is spent.",
    );
  }
  if (programs.length > 0 && limits.output_bytes >= limits.memory_bytes) {
    warnings.push(
      `A result may have ${bytes(limits.output_bytes)} (--max-output), and a program has ${bytes(limits.memory_bytes)} of memory (--memory): ` +
        "no program can make one that large.",
    );
  }
  const most = mostFiles(policy);
  const needed = computerMemoryFor(policy);
  if (document.runtime_manager_hash_linux !== undefined && needed > COMPUTER_MEMORY_BYTES) {
    const together = `${most.count} files of up to ${bytes(limits.file_bytes)} and a result of ${bytes(limits.output_bytes)} are ${bytes(most.bytes)} together: `;
    warnings.push(
      needed < MAX_MEMORY_BYTES
        ? `${together}vc-server gives its isolate up to ${bytes(needed)} for them; one that is started apart needs vc-isolate --memory ${needed}.`
        : `${together}an isolate on a computer has ${bytes(MAX_MEMORY_BYTES)} at most: it may refuse the last of them.`,
    );
  }
  if (document.runtime_manager_hash_mcu !== undefined) {
    if (execution_strategy === "JIT") {
      warnings.push(
        "Isolates on microcontrollers without the RAM to compile programs refuse this policy for its strategy JIT, and compile none of more than 128 KiB of code.",
      );
    }
    if (identities.length > DEVICE_SESSIONS) {
      warnings.push(
        `An isolate on a microcontroller serves ${DEVICE_SESSIONS} sessions at a time: of ${identities.length} principals some have to wait.`,
      );
    }
  }
  return warnings;
}
