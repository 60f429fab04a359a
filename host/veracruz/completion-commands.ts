import { Argument, type Command } from "commander";

/** Adds `completion`, which prints a script for a shell, and `complete`, which the script calls. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that makes your shell complete this command")
    .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"]))
    .addHelpText("after", "\nExample: source <(veracruz completion bash)")
    .action(async (shell) => {
      const { completionScript } = await import("./completion.js");
      process.stdout.write(completionScript(shell, program.name()));
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: string[]) => {
      const { candidates } = await import("./completion.js");
      const found = candidates(program, words);
      if (found.length > 0) process.stdout.write(`${found.join("\n")}\n`);
    });
}
