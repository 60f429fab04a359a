import type { Command } from "commander";
import { addresses, parseAddress } from "../common/addresses.js";
import { parseWhole } from "../common/quantities.js";
import { newProgram } from "./new-program.js";
import { jsonOption, verboseOption } from "./party-commands.js";

/** As people meet them. */
const order = ["init", "plan", "review", "up", "send", "fetch", "status", "open", "completion"];

/** The command `veracruz`: a computation from keys to the result, in seven commands; `plan` and `up` are here only. */
export function veracruzProgram(): Command {
  const program = newProgram();

  program
    .command("plan")
    .description("make the policy that a plan describes, and explain it")
    .argument("<plan>", "YAML: parties, programs, who sends and reads what, limits (docs/plan.md)")
    .argument("[contacts...]", "with --new: contacts of the parties")
    .option(
      "-o, --output <file>",
      "where the policy goes (default: policy.json beside the plan; - is standard output)",
    )
    .option("--new", "write a plan to begin with, for the contacts that follow, and no policy")
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Where the plan names no attestation server, it is your own: its CA is made, and veracruz up runs it.

Exit codes: 0 done; 2 the plan is refused, by line, or a file cannot be used.

Examples: veracruz plan plan.yaml
          veracruz plan --new plan.yaml alice.contact bob.contact`,
    )
    .action(async (path: string, contacts: string[], options) =>
      (await import("./plan.js")).plan(path, contacts, options),
    );

  program
    .command("up")
    .description(
      "bring a computation up: isolate, server, and the attestation server if it is your own",
    )
    .argument("<policy>", "the policy")
    .option(
      "-i, --isolate <kind>",
      "process; qemu:BOARD[:thumb2|c|wasm3], an emulated microcontroller; serial:DEVICE or tcp:HOST:PORT, a real one",
      "process",
    )
    .option(
      "--device <file>",
      "enrolment file of a device that your own attestation server shall accept",
    )
    .option("--runtime <file>", "with process: run this trusted runtime, not the built one")
    .option(
      "--server-socket <path>",
      "bring it up on a server that runs already: its vc-server --admin-socket (default: one of this computer that listens where the policy says, if there is one)",
    )
    .option("--own-server", "bring up a server of its own, whatever runs here")
    .option(
      "--listen <host:port>",
      "where the server listens (default: as the policy says)",
      (text) => parseAddress(text),
    )
    .option("--detach", "go on in the background once parties can come")
    .option("--stop", "end what is up")
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
It ends with the computation. Whatever it started ends with it.

Exit codes: 0 the computation is over; 1 it could not come up; 2 wrong arguments or files; 3 the isolate was
lost; 130 interrupted.

Example: veracruz up policy.json`,
    )
    .action(async (path: string, options) => (await import("./up.js")).up(path, options));
  program
    .command("open")
    .description(
      "take part by a page in your browser: it is served here, once, and does all the rest itself",
    )
    .option(
      "--port <n>",
      "port on 127.0.0.1; what the browser keeps, as your key, belongs to it",
      (text) => parseWhole(text, 0, 65_535),
      addresses.principalPage.port,
    )
    .addOption(verboseOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
The same page is build/principal.html: it may be opened from a disk, and then keeps nothing.

Exit codes: 0 the page was fetched; 1 it cannot be served; 2 wrong arguments; 130 interrupted.

Example: veracruz open`,
    )
    .action(async (options) => (await import("./open.js")).open(options));
  const place = (command: Command) => order.indexOf(command.name());
  (program.commands as Command[]).sort((a, b) => place(a) - place(b));
  return program;
}
