import type { Command } from "commander";
import { shortHash } from "./brief.js";
import { people, personCalled } from "./configuration.js";

/** Shells for which there is a script. */
export const shells = ["bash", "zsh", "fish"] as const;
/** One of them. */
export type Shell = (typeof shells)[number];

const scripts: Record<Shell, (name: string) => string> = {
  bash: (
    name,
  ) => `# Completion of ${name} for bash: source this, as in ~/.bashrc: source <(${name} completion bash)
_${name}() {
  local IFS=$'\\n'
  COMPREPLY=($(${name} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null))
}
complete -o default -F _${name} ${name}
`,
  zsh: (name) => `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh)
_${name}() {
  local -a found
  found=("\${(@f)$(${name} complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ -n "\${found[*]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _${name} ${name}
`,
  fish: (name) => `# Completion of ${name} for fish: ${name} completion fish | source
complete -c ${name} -a '(${name} complete -- (commandline -opc)[2..-1] (commandline -ct) 2> /dev/null)'
`,
};

/** The script that makes a shell complete this command. */
export function completionScript(shell: Shell, name: string): string {
  return scripts[shell](name);
}

/** Values of options that are known. */
const valuesOf: Record<string, () => string[]> = {
  "--as": people,
  "--policy": () => everyone().flatMap((person) => person.open().map(shortHash)),
};

const everyone = () => people().map(personCalled);

/** Files that the persons meant may send, or read. */
function fileNames(right: "r" | "w", words: readonly string[]): string[] {
  const at = words.indexOf("--as");
  const persons = everyone().filter(({ name }) => at < 0 || name === words[at + 1]);
  return persons.flatMap((person) =>
    person.open().flatMap((policy) => {
      const entry = policy.identityOf(person.identity().certificate.raw);
      return (entry?.file_rights ?? [])
        .filter(({ rights }) => rights.includes(right))
        .map(({ file_name }) => file_name);
    }),
  );
}

/**
 * What can follow on a command line.
 *
 * @param words those after the command's name, the last one unfinished, perhaps empty
 * @returns words to choose from; none where files are meant
 */
export function candidates(program: Command, words: readonly string[]): string[] {
  const last = words.at(-1) ?? "";
  const before = words.at(-2) ?? "";
  const command = program.commands.find((each) => each.name() === words[0]);
  const fitting = (all: readonly string[]) =>
    [...new Set(all)].filter((word) => word.startsWith(last)).sort();
  if (words.length <= 1 || command === undefined) {
    const names = program
      .createHelp()
      .visibleCommands(program)
      .map((each) => each.name());
    return words.length <= 1 ? fitting(names) : [];
  }
  const option = command.options.find(
    ({ long, short }) => before !== "" && [long, short].includes(before),
  );
  if (option?.required) return fitting(option.argChoices ?? valuesOf[before]?.() ?? []);
  if (last.startsWith("-"))
    return fitting(
      command.options.filter(({ hidden }) => !hidden).map(({ long }) => long as string),
    );
  // Operands that stand before this one.
  const operands = words.slice(1, -1).filter((word, index, all) => {
    if (word.startsWith("-")) return false;
    const lead = command.options.find(({ long, short }) =>
      [long, short].includes(all[index - 1] ?? ""),
    );
    return !lead?.required;
  });
  if (command.name() === "send" && operands.length % 2 === 0) return fitting(fileNames("w", words));
  if (command.name() === "fetch" && operands.length === 0) return fitting(fileNames("r", words));
  if (command.name() === "completion") return fitting(shells);
  return [];
}
