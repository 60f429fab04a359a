/** The commands of a party: `init`, `review`, `send`, `fetch`, `status`. What each does is loaded when it is called. */
import { type Command, Option } from "commander";
import { parseWhole, seconds } from "../common/quantities.js";
import { MAX_RESTARTS } from "../continuity/scope.js";
import { failureKinds } from "../veracruz-client/errors.js";
import { parseServerAddress } from "../veracruz-client/server-address.js";
import { EXIT_NOT_ACCEPTED } from "./exit-codes.js";

const CERTIFICATE_DAYS = 730;
const RESULT = "output";

// Options that several commands share.
const asOption = () => new Option("--as <name>", "who you are, where several use this computer");
/** `--json` */
export const jsonOption = () => new Option("--json", "one JSON object, for programs");
/** `--verbose` */
export const verboseOption = () => new Option("--verbose", "show hashes, too");
const policyOption = () =>
  new Option("--policy <file or hash>", "which accepted policy, where there are several");
const serverOption = () =>
  new Option(
    "--server <address>",
    "where the server is: host:port, or https://host[:port] behind a reverse proxy (default: as the policy says)",
  ).argParser(parseServerAddress);
const restartOption = () =>
  new Option(
    "--accept-restart <n>",
    "go to isolate number n, although you have gone to another one before: begin again with it",
  ).argParser((text: string) => parseWhole(text, 2, MAX_RESTARTS + 1));
const waitOption = () =>
  new Option(
    "--wait <seconds>",
    "keep trying while the server is not up, or others have not sent their files",
  )
    .argParser(seconds(0, 1_000_000))
    .default(0);

const clientExitCodes = `
Exit codes:
   0  done
${Object.values(failureKinds)
  .map(({ exitCode, doc }) => `  ${String(exitCode).padStart(2)}  ${doc}`)
  .join("\n")}`;

/** Adds the commands of a party. */
export function addPartyCommands(program: Command): void {
  program
    .command("init")
    .description("make your key, once; prints the contact to hand to the others")
    .addOption(asOption())
    .option(
      "--days <n>",
      "how long the certificate is good",
      (text) => parseWhole(text, 1, 36_500),
      CERTIFICATE_DAYS,
    )
    .option(
      "--signer <command>",
      "your key is elsewhere: this command gets bytes and answers with their signature",
    )
    .option("--public-key <file>", "with --signer: the key's public half, PEM")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
The key stays in your configuration folder, readable by you only. The contact holds nothing secret.

Exit codes: 0 done; 1 there is a key of that name already; 2 wrong arguments or files.

Example: veracruz init > alice.contact`,
    )
    .action(async (options) => (await import("./init.js")).init(options));
  program
    .command("review")
    .description("show in words what a policy allows, and accept it: that is remembered")
    .argument("<policy>", "the policy that all parties are to agree on")
    .addOption(asOption())
    .option("--accept", "accept it without being asked")
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Exit codes: 0 accepted, or you have no part in it; 1 the policy is refused, or does not name you; 2 wrong
arguments or files; ${EXIT_NOT_ACCEPTED} not accepted.

Example: veracruz review policy.json`,
    )
    .action(async (path: string, options) => (await import("./review.js")).review(path, options));
  program
    .command("send")
    .description("check the isolate, then send files into it, encrypted")
    .argument("<name>", "the file's name in the policy")
    .argument("<file>", "the file here (- is standard input)")
    .argument("[more...]", "more of them: NAME FILE NAME FILE …")
    .addOption(asOption())
    .addOption(policyOption())
    .addOption(serverOption())
    .addOption(waitOption())
    .addOption(restartOption())
    .option("--allow-empty", "send files that are empty, too; what was sent is final")
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText("after", `${clientExitCodes}\n\nExample: veracruz send input-0 numbers.bin`)
    .action(async (name: string, file: string, more: string[], options) =>
      (await import("./send.js")).send([name, file, ...more], options),
    );
  program
    .command("fetch")
    .description("check the isolate, then fetch a file; who fetches the result agrees to the end")
    .argument("[name]", "its name in the policy", RESULT)
    .option("-o, --output <file>", "where it goes (- is standard output; default: its name)")
    .option("--program <name>", "the program that computes the result, if there are several")
    .option("--schema <file>", "what the file holds (see vc-data): show it as a value, too")
    .option("--type <type>", "what it holds, if that is not the schema's value")
    .option("--no-end", "do not agree to the end of the computation")
    .addOption(asOption())
    .addOption(policyOption())
    .addOption(serverOption())
    .addOption(waitOption())
    .addOption(restartOption())
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
With --schema, the value is JSON on standard output; with -o - it takes the place of the bytes.
${clientExitCodes}

Examples: veracruz fetch -o result.bin --wait 600
          veracruz fetch --schema result.json -o result.bin`,
    )
    .action(async (name: string, options) => (await import("./fetch.js")).fetchFile(name, options));
  program
    .command("status")
    .description("show how far your computations are")
    .addOption(asOption())
    .addOption(policyOption())
    .addOption(serverOption())
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText("after", `${clientExitCodes}\n\nExample: veracruz status`)
    .action(async (options) => (await import("./status.js")).status(options));
}
