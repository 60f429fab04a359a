#!/usr/bin/env node
import { Command } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { SoftwareRootOfTrust } from "./root-of-trust.js";

const program = new Command("vc-root-of-trust")
  .description(
    "The host isolate's software root of trust, for development only: makes its key and what a proxy attestation server needs to enrol it.",
  )
  .addHelpText(
    "after",
    "\nExit codes: 0 done; 1 a file exists; 2 wrong arguments or a file that cannot be used.",
  );

program
  .command("init")
  .description("make the attestation key where there is none, and write the enrolment file")
  .requiredOption("--key <file>", "attestation key, PEM, for its owner only")
  .option("--enrolment <file>", 'file for "vc-pas enroll --from"; - is standard output', "-")
  .option("--label <text>", "a name for people", "host isolate")
  .action((options) => {
    const root = SoftwareRootOfTrust.open(options.key);
    console.error(root.describe());
    const json = `${JSON.stringify(root.enrolment(options.label), null, 2)}\n`;
    writeUserFile(options.enrolment, "enrolment file", json);
    root.free();
  });

program
  .command("token")
  .description("make a token as an isolate with that runtime would, in base64; to look at one")
  .requiredOption("--key <file>", "attestation key, PEM")
  .requiredOption("--runtime <file>", "the trusted runtime that is measured")
  .requiredOption("--nonce <hex>", "32, 48 or 64 bytes")
  .action((options) => {
    if (!/^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i.test(options.nonce))
      throw new CliError("the nonce is not 32, 48 or 64 bytes in hexadecimal");
    const root = SoftwareRootOfTrust.open(options.key);
    root.measureRuntime(readUserFile(options.runtime, "runtime"));
    const token = root.attestationToken(Buffer.from(options.nonce, "hex"));
    console.log(Buffer.from(token).toString("base64"));
    root.free();
  });

await runCommand(program);
