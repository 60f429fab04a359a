#!/usr/bin/env node
// vc-sign-pkcs11: a signer whose key is in a PKCS#11 token, by OpenSC's pkcs11-tool.
import { Command } from "commander";
import { CliError, runCommand } from "../common/cli.js";
import { signInputBy } from "./signing-tool.js";

interface Options {
  module: string;
  id: string;
  tokenLabel?: string;
  pinVariable: string;
  tool: string;
}

/** Signs standard input; the signature goes to standard output. */
function signInput({ module, id, tokenLabel, pinVariable, tool }: Options): void {
  if (process.env[pinVariable] === undefined)
    throw new CliError(`the environment has no ${pinVariable}: expected the token's PIN there`);
  // Tokens that only know ECDSA itself take the digest.
  const args = [
    ...["--module", module, "--sign", "--mechanism", "ECDSA", "--signature-format", "rs"],
    ...["--id", id, "--login", "--pin", `env:${pinVariable}`],
    ...(tokenLabel === undefined ? [] : ["--token-label", tokenLabel]),
  ];
  signInputBy(tool, args, "opensc");
}

await runCommand(
  new Command("vc-sign-pkcs11")
    .description(
      "Signs standard input with a P-256 key in a PKCS#11 token (ECDSA with SHA-256): a signer for veracruz init --signer.",
    )
    .requiredOption("--module <file>", "the token's PKCS#11 library, as libsofthsm2.so")
    .requiredOption("--id <hex>", "the key's ID in the token")
    .option("--token-label <text>", "which token, where there are several")
    .option("--pin-variable <name>", "the environment variable that holds the PIN", "VERACRUZ_PIN")
    .option("--tool <command>", "OpenSC's tool", "pkcs11-tool")
    .addHelpText(
      "after",
      `
The PIN never stands on a command line: it is read from the environment.

Exit codes: 0 signed; 1 the token gives no signature; 2 wrong arguments.

Example: VERACRUZ_PIN=1234 vc-sign-pkcs11 --module /usr/lib/softhsm/libsofthsm2.so --id 01 < bytes > signature`,
    )
    .action(signInput),
);
