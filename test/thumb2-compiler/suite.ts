// All of the WebAssembly core suite on an emulated board, compiled: `npm run suite:thumb2`.
import { Command, Option } from "commander";
import { runCommand } from "../../host/common/cli.js";
import { type EmulatedBoard, emulatedBoards } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { fetchSuite, runSuite, suiteFiles } from "./core-suite.js";

interface Options {
  readonly board: EmulatedBoard;
  readonly file: string;
}

await runCommand(
  new Command("suite:thumb2")
    .description("Runs WebAssembly's core suite on an emulated board, compiled.")
    .addOption(
      new Option("--board <name>", "the board").choices([...emulatedBoards]).default("mps2-an505"),
    )
    .option("--file <text>", "only the files whose name has this in it", "")
    .action(async ({ board, file }: Options) => {
      const suite = fetchSuite();
      const files = suiteFiles(suite).filter((name) => name.includes(file));
      const outcome = await runSuite(new Thumb2Compiler(), board, suite, files);
      const { held, apart, unread, failures } = outcome;
      for (const failure of failures) console.log(`WRONG ${failure}`);
      for (const [reason, count] of [...apart].sort(([, a], [, b]) => b - a))
        console.log(`  does not apply: ${count} × ${reason}`);
      if (unread.length > 0)
        console.log(`  not read, of a proposal or an older syntax: ${unread.join(", ")}`);
      console.log(
        `${files.length} files on ${board}: ${held} assertions hold, ${failures.length} programs end otherwise`,
      );
      if (failures.length > 0 || held === 0) process.exitCode = 1;
    }),
);
