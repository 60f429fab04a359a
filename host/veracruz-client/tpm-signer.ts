#!/usr/bin/env node
// vc-sign-tpm: a signer whose key is in a TPM 2.0, by tpm2-tools.
import { Command } from "commander";
import { runCommand } from "../common/cli.js";
import { readSecretFile } from "../common/secret-files.js";
import { signInputBy } from "./signing-tool.js";

interface Options {
  key: string;
  authFile?: string;
  tcti?: string;
  tool: string;
}

/** Signs standard input; the signature goes to standard output. */
function signInput({ key, authFile, tcti, tool }: Options): void {
  // The tool reads it itself; here it is seen that nobody else can.
  if (authFile !== undefined) readSecretFile(authFile, "authorisation");
  const args = [
    ...["--key-context", key, "--hash-algorithm", "sha256", "--scheme", "ecdsa"],
    // The digest comes in, and DER goes out.
    ...["--digest", "--format", "plain"],
    ...(authFile === undefined ? [] : ["--auth", `file:${authFile}`]),
    ...(tcti === undefined ? [] : ["--tcti", tcti]),
  ];
  signInputBy(tool, args, "tpm2-tools", "--signature");
}

await runCommand(
  new Command("vc-sign-tpm")
    .description(
      "Signs standard input with a P-256 key in a TPM 2.0 (ECDSA with SHA-256): a signer for veracruz init --signer.",
    )
    .requiredOption(
      "--key <handle|file>",
      "the key: a persistent handle as 0x81010001, or a context file",
    )
    .option(
      "--auth-file <file>",
      "holds the key's authorisation; only its owner may be able to read it",
    )
    .option("--tcti <name>", "the way to the TPM, as device:/dev/tpmrm0 (default: tpm2-tools' own)")
    .option("--tool <command>", "the tool of tpm2-tools", "tpm2_sign")
    .addHelpText(
      "after",
      `
The authorisation never stands on a command line: the tool reads it from its file.

Exit codes: 0 signed; 1 the TPM gives no signature; 2 wrong arguments.

Example: vc-sign-tpm --key 0x81010001 --auth-file tpm.auth < bytes > signature`,
    )
    .action(signInput),
);
