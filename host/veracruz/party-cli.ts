#!/usr/bin/env node
// veracruz in the package @veracruz/client: what a party does, without the servers.
import { CliError, runCommand } from "../common/cli.js";
import { newProgram } from "./new-program.js";

const program = newProgram();
for (const [name, does] of [
  ["plan", "plans a computation"],
  ["up", "brings a computation up"],
  ["open", "opens the page"],
] as const)
  program
    .command(name, { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new CliError(
        `veracruz ${name} is not in this package, which is a party's part by itself: whoever ${does} needs the whole project, a clone of its repository`,
      );
    });
await runCommand(program);
