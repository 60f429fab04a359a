// npm run model: searches every model and every weakening of it, and prints what was found.
import { Command } from "commander";
import { CliError, runCommand, writeUserFile } from "../host/common/cli.js";
import { checkAll } from "./check.js";
import { asExpected, report } from "./report.js";
import { missingTools } from "./tools.js";

const command = new Command("model")
  .description("search the models of the protocol: every property, and every check taken away")
  .option("--short", "leave out the longest searches", false)
  .option("--json <file>", "write the rows as JSON, too; - is standard output")
  .option("--jobs <n>", "searches at a time", "2")
  .action(async ({ short, json, jobs }: { short: boolean; json?: string; jobs: string }) => {
    const atOnce = Number(jobs);
    if (!Number.isInteger(atOnce) || atOnce < 1) {
      throw new CliError(`--jobs wants a number from 1 on, not ${JSON.stringify(jobs)}`);
    }
    const missing = missingTools();
    if (missing.length > 0) {
      throw new CliError(
        `the models need ${missing.join(", ")}: apt-get install ${missing.join(" ")}`,
      );
    }
    const rows = await checkAll(short, atOnce);
    if (json !== undefined) writeUserFile(json, "rows", `${JSON.stringify(rows, null, 2)}\n`);
    if (json !== "-") process.stdout.write(report(rows));
    if (!rows.every(asExpected)) process.exitCode = 1;
  });

await runCommand(command);
