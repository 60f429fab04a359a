#!/usr/bin/env node
import { Command } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { SoftwareRootOfTrust } from "./root-of-trust.js";

const program = new Command("vc-root-of-trust")
  .description(
    "The host isolate's software root of trust, for development only: makes its key, and the file that enrols it at a proxy attestation server.",
  )
  .addHelpText(
    "after",
    "\nExit codes: 0 done; 1 a file exists; 2 wrong arguments or a file that cannot be used.",
  );

program
  .command("init")
  .description("make the attestation key if there is none, and write the enrolment file")
  .requiredOption("--key <file>", "attestation key, PEM, readable by its owner only")
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
  .description(
    "print, in base64, the token by which the device proves at its enrolment that it holds its key",
  )
  .requiredOption("--key <file>", "attestation key, PEM")
  .requiredOption("--runtime <file>", "the trusted runtime to measure")
  .requiredOption("--challenge <hex>", "the proxy attestation server's challenge, 32 bytes")
  .action((options) => {
    if (!/^[0-9a-f]{64}$/i.test(options.challenge))
      throw new CliError("the challenge is not 32 bytes in hexadecimal");
    const root = SoftwareRootOfTrust.open(options.key);
    root.measureRuntime(readUserFile(options.runtime, "runtime"));
    const token = root.enrolmentToken(Buffer.from(options.challenge, "hex"));
    console.log(Buffer.from(token).toString("base64"));
    root.free();
  });

await runCommand(program);
