import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../host/common/paths.js";
import type { PromelaModel, Weakening } from "./promela/table.js";
import { mustRun, run } from "./tools.js";

const sources = join(projectRoot, "model", "promela");
const work = join(projectRoot, "build", "model");

/** MiB that one search may take before it counts as not completed. */
const MEMORY_LIMIT = 8192;
const MAXIMAL_DEPTH = 2_000_000;

/** What one search said. */
export interface Search {
  states: number;
  depth: number;
  /** `line: text` of each statement that no run of it reached. */
  unreached: string[];
  /** Copies of each property's premise that the compiled model has. */
  premises: Map<number, number>;
  seconds: number;
}

export interface Attack {
  states: number;
  /** The steps of a shortest run that breaks the property, in words. */
  steps: string[];
  seconds: number;
}

/** Works in a folder of its own with the sources, in which the verifier of a model is generated. */
async function inFolder<T>(name: string, run: (path: string) => Promise<T>): Promise<T> {
  mkdirSync(work, { recursive: true });
  const path = mkdtempSync(join(work, `${name}-`));
  try {
    cpSync(sources, path, { recursive: true });
    return await run(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

const defined = (defines: readonly string[]) => defines.map((define) => `-D${define}`);

/** Generates and compiles a verifier. No statement is merged with its neighbour, so that each is told as reached or not. */
async function compile(
  path: string,
  model: string,
  defines: readonly string[],
  kind: readonly string[],
): Promise<void> {
  await mustRun("spin", ["-a", "-o3", ...defined(defines), `${model}.pml`], path);
  const flags = ["-w", "-O1", "-DNOREDUCE", `-DMEMLIM=${MEMORY_LIMIT}`, ...kind];
  await mustRun("gcc", [...flags, "-o", "pan", "pan.c"], path);
}

const figure = (output: string, pattern: RegExp): number =>
  Number(pattern.exec(output)?.[1] ?? Number.NaN);

const states = (output: string) => figure(output, /^\s*([\d.e+]+) states, stored/m);
const seconds = (output: string) => figure(output, /pan: elapsed time ([\d.e+]+)/);

/**
 * Searches the whole state space of a model.
 *
 * @throws where a property is broken, or the search did not come to its end
 */
export function search(
  model: PromelaModel,
  { defines, cycles = false }: PromelaModel["searches"][number],
): Promise<Search> {
  return inFolder(model.name, async (path) => {
    await compile(path, model.name, defines, [cycles ? "-DNP" : "-DSAFETY"]);
    const { output } = await run("./pan", [`-m${MAXIMAL_DEPTH}`, ...(cycles ? ["-l"] : [])], path);
    const incomplete = /max search depth too small|out of memory|not completed|hash factor/i.exec(
      output,
    );
    const errors = figure(output, /errors: (\d+)/);
    if (errors !== 0 || incomplete !== null) {
      throw new Error(`${model.name} with ${defines.join(", ") || "no options"}: ${output}`);
    }
    const transitions = readFileSync(join(path, "pan.m"), "utf8");
    const premises = new Map<number, number>();
    for (const [, property] of transitions.matchAll(/^\s*premise = (\d+);/gm)) {
      premises.set(Number(property), (premises.get(Number(property)) ?? 0) + 1);
    }
    return {
      states: states(output),
      depth: figure(output, /depth reached (\d+)/),
      unreached: [...output.matchAll(/^\s+\w+\.pml:(\d+), state (\d+), "(.*)"$/gm)]
        .map(([, line, state, text]) => `${line}: ${text} (state ${state})`)
        .filter((statement) => !statement.includes(": -end- ")),
      premises,
      seconds: seconds(output),
    };
  });
}

/**
 * Looks for the attack that a weakened model must have, a shortest one.
 *
 * @returns undefined where the weakened model holds
 */
export async function attack(weakening: Weakening): Promise<Attack | undefined> {
  const { model, macro, property } = weakening;
  const defines = [...(weakening.defines ?? []), `${macro}=1`, `ONLY=${property}`];
  const found = await inFolder(`${model}-${macro}`, async (path) => {
    await compile(path, model, defines, ["-DSAFETY", "-DBFS"]);
    const { output } = await run("./pan", [], path);
    if (/invalid array index|out of memory/.test(output)) throw new Error(output);
    if (!existsSync(join(path, `${model}.pml.trail`))) return undefined;
    const trail = await run("spin", ["-t", ...defined(defines), `${model}.pml`], path);
    return {
      states: states(output),
      steps: [...trail.output.matchAll(/^\s*step: (.*)$/gm)].map(([, step]) => step as string),
      seconds: seconds(output),
    };
  });
  if (found !== undefined) writeFileSync(tracePath(weakening), JSON.stringify(found.steps));
  return found;
}

/** Where the steps of an attack are kept: in a file for this very model. */
function tracePath(weakening: Weakening): string {
  const hash = createHash("sha256").update(JSON.stringify(weakening));
  for (const file of [`${weakening.model}.pml`, "checks.h"]) {
    hash.update(readFileSync(join(sources, file)));
  }
  const folder = join(work, "traces");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${weakening.macro}-${hash.digest("hex").slice(0, 16)}.json`);
}

/**
 * The steps of the attack, which are searched for only where nobody has found them in this model before.
 *
 * @throws where there is none
 */
export async function trace(weakening: Weakening): Promise<readonly string[]> {
  const path = tracePath(weakening);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
  const found = await attack(weakening);
  if (found === undefined) throw new Error(`no attack without ${weakening.without}`);
  return found.steps;
}

/** Statements that no search reached and that the source does not explain, and properties without a premise met. */
export function gaps(model: PromelaModel, searches: readonly Search[]): string[] {
  const source = readFileSync(join(sources, `${model.name}.pml`), "utf8").split("\n");
  const [first, ...others] = searches;
  const never = (first?.unreached ?? []).filter((statement) =>
    others.every(({ unreached }) => unreached.includes(statement)),
  );
  const unexplained = never.filter((statement) => {
    const line = source[Number.parseInt(statement, 10) - 1] ?? "";
    return !line.includes("unreached:");
  });
  const premisesMet = (property: number) =>
    searches.some(({ premises, unreached }) => {
      const missed = unreached.filter((text) => text.includes(`: premise = ${property} `)).length;
      return (premises.get(property) ?? 0) > missed;
    });
  return [
    ...unexplained.map((statement) => `${model.name}.pml:${statement} is never reached`),
    ...model.properties
      .filter((property) => !premisesMet(property))
      .map((property) => `${model.name}.pml: no run meets the premise of property ${property}`),
  ];
}
