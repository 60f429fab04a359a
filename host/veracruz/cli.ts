#!/usr/bin/env node
import { runCommand } from "../common/cli.js";
import { veracruzProgram } from "./program.js";

await runCommand(veracruzProgram());
