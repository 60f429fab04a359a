import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { signatureFromDer } from "../x509/ecdsa-signature.js";

const EXIT_FAILED = 1;
/** r ‖ s of ECDSA on P-256. */
const SIGNATURE_BYTES = 64;

/**
 * Signs standard input by somebody else's tool, which takes the SHA-256 digest on its standard input and answers with
 * the signature, r ‖ s or DER; r ‖ s goes to standard output.
 *
 * @param debian Debian's package that has the tool, for who lacks it
 * @param fileOption the option by which the tool is told a file for the signature, where it does not write it to
 *   standard output: what Node.js gives a child there is a socket, which cannot be opened by a name
 * @throws CliError with what the tool said last
 */
export function signInputBy(
  tool: string,
  args: readonly string[],
  debian: string,
  fileOption?: string,
): void {
  const digest = createHash("sha256").update(readFileSync(0)).digest();
  const folder = mkdtempSync(join(tmpdir(), "veracruz-signature-"));
  const file = join(folder, "signature");
  const more = fileOption === undefined ? [] : [fileOption, file];
  const { status, stdout, stderr, error } = spawnSync(tool, [...args, ...more], { input: digest });
  const answer = fileOption !== undefined && existsSync(file) ? readFileSync(file) : stdout;
  rmSync(folder, { recursive: true });
  if (error !== undefined)
    throw new CliError(
      `${tool} cannot be started (Debian has it in ${debian}): ${error.message}`,
      EXIT_FAILED,
    );
  const isWhole = answer.length === SIGNATURE_BYTES;
  const signature = status !== 0 || isWhole ? answer : signatureFromDer(answer);
  if (status !== 0 || signature === undefined) {
    const reason = stderr.toString().trim().split("\n").at(-1);
    throw new CliError(`${tool} gives no signature: ${reason}`, EXIT_FAILED);
  }
  process.stdout.write(signature);
}
