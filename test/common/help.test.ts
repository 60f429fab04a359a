// Help texts of every command: defaults are shown as a person would type them, in the option's own unit.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";

const { bin } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
  bin: Record<string, string>;
};

/** A command's help, and that of each of its subcommands, with its lines joined. */
function helps(path: string): string[] {
  const help = (...words: string[]): string => {
    const run = spawnSync(process.execPath, [join(projectRoot, path), ...words, "--help"], {
      encoding: "utf8",
    });
    assert.is(run.status, 0, run.stderr);
    return run.stdout;
  };
  const own = help();
  const [, commands = ""] = /^Commands:\n(.*?)\n\n/ms.exec(`${own}\n\n`) ?? [];
  const names = [...commands.matchAll(/^ {2}([a-z]+(?:-[a-z]+)*) \[options\]/gm)].map(
    ([, name = ""]) => name,
  );
  return [own, ...names.map((name) => help(name))].map((text) => text.replace(/\s+/g, " "));
}

for (const [name, path] of Object.entries(bin).filter(([command]) => command.startsWith("vc-"))) {
  test(`${name} --help shows defaults in the option's unit, and none that says nothing`, () => {
    for (const text of helps(path)) {
      assert.not.match(text, /default: (\[\]|\{|false|"")/);
      for (const [, line = ""] of text.matchAll(/<seconds>(.*?)(?= -{1,2}[a-z]|$)/g)) {
        const [, shown] = /default: (\d+)/.exec(line) ?? [];
        if (shown !== undefined) assert.ok(Number(shown) <= 3600, `${name}: ${line}`);
      }
    }
  });
}

for (const [name, path] of Object.entries(bin).filter(([command]) =>
  /^v(c-|eracruz$)/.test(command),
)) {
  test(`${name}: its help names its exit codes; of wrong arguments it says one line and exits with 2`, () => {
    if (name !== "veracruz") assert.match(helps(path)[0] as string, /Exit codes:/);
    const run = spawnSync(process.execPath, [join(projectRoot, path), "--no-such-option"], {
      encoding: "utf8",
    });
    assert.is(run.status, 2, run.stderr);
    assert.match(run.stderr, new RegExp(`^${name}: [^\\n]+\\(see --help\\)\\n$`));
  });
}

test.run();
