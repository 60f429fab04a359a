import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../host/common/paths.js";
import type { MaudeProperty } from "./maude/table.js";
import { mustRun } from "./tools.js";

/** What a search said: whether the state was reached, and by which rules. */
export interface Reached {
  reached: boolean;
  states: number;
  steps: string[];
}

/**
 * Looks for a state, among all that can be reached.
 *
 * @param flags names for which `on` is true: scenarios, and checks that are taken away
 */
export async function reach(
  { file, module, from }: MaudeProperty,
  state: string,
  flags: readonly string[],
): Promise<Reached> {
  const work = join(projectRoot, "build", "model", "maude");
  mkdirSync(work, { recursive: true });
  const source = join(projectRoot, "model", "maude", file);
  const lines = (last: string) =>
    [
      `load ${source}`,
      `mod RUN is including ${module} .`,
      ...flags.map((flag) => `eq on(${flag}) = true .`),
      "endm",
      `search [1] ${from} =>* ${state} .`,
      last,
      "quit",
      "",
    ].join("\n");
  const search = async (last: string) => {
    const script = join(work, `${process.pid}-${next++}.maude`);
    writeFileSync(script, lines(last));
    return mustRun("maude", ["-no-banner", "-batch", script], work);
  };
  const output = await search("");
  const found = /^Solution 1 \(state (\d+)\)/m.exec(output);
  const states = Number(/^states: (\d+)/m.exec(output)?.[1]);
  if (/^Warning/m.test(output) || Number.isNaN(states)) throw new Error(output);
  if (found === null) {
    if (!/^No solution\.$/m.test(output)) throw new Error(output);
    return { reached: false, states, steps: [] };
  }
  const labels = (await search(`show path labels ${found[1]} .`)).split(/^states: .*$/m)[1] ?? "";
  const steps = [...labels.matchAll(/^([a-z][a-z0-9-]+)$/gm)].map(([, label]) =>
    (label as string).replaceAll("-", " "),
  );
  return { reached: true, states, steps };
}
let next = 0;
