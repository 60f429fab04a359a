import { Command } from "commander";
import { VERSION } from "../common/version.js";
import { addCompletion } from "./completion-commands.js";
import { addPartyCommands } from "./party-commands.js";

/** The command `veracruz` with what every installation has: the commands of a party. */
export function newProgram(): Command {
  const program = new Command("veracruz")
    .description(
      "Several parties compute one result from their secret data, in an isolate that proves what it runs.",
    )
    .version(VERSION)
    .addHelpText(
      "after",
      `
In order: every party runs init and hands its contact over; one makes the plan; all review the policy; one brings the
computation up; parties send, and fetch. Keys and what you have accepted are in veracruz/ in $XDG_CONFIG_HOME, or in
~/.config/.`,
    );
  addPartyCommands(program);
  addCompletion(program);
  return program;
}
