#!/usr/bin/env node
// veracruz in the package @veracruz/client: what a party does, without the servers.
import { runCommand } from "../common/cli.js";
import { newProgram } from "./new-program.js";

await runCommand(newProgram());
