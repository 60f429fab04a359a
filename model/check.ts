import {
  type MaudeProperty,
  type MaudeWeakening,
  maudeProperties,
  maudeWeakenings,
} from "./maude/table.js";
import { reach } from "./maude.js";
import { models, type PromelaModel, type Weakening, weakenings } from "./promela/table.js";
import { properties } from "./properties.js";
import type { Row } from "./report.js";
import { attack, gaps, type Search, search } from "./spin.js";
import { inParallel } from "./tools.js";

/** The rows of one Promela model: a row for each property that all of its searches showed to hold. */
async function holds(model: PromelaModel, short: boolean): Promise<Row[]> {
  const searches: Search[] = [];
  const problems: string[] = [];
  try {
    for (const each of model.searches) {
      if (!(short && each.long)) searches.push(await search(model, each));
    }
    problems.push(...gaps(model, searches));
  } catch (error) {
    problems.push((error as Error).message);
  }
  const states = searches.reduce((sum, each) => sum + each.states, 0);
  return model.properties.map((property) => ({
    model: model.name,
    property,
    what: properties.get(property) ?? "",
    states,
    bound: model.bound,
    outcome: problems.length === 0 ? "held" : "failed",
    steps: problems,
    weakened: false,
  }));
}

async function isAttacked(weakening: Weakening): Promise<Row[]> {
  const found = await attack(weakening);
  return [
    {
      model: weakening.model,
      property: weakening.property,
      what: weakening.assumption ? `the assumption: ${weakening.without}` : weakening.without,
      states: found?.states ?? 0,
      bound: (weakening.defines ?? []).join(", "),
      outcome: found === undefined ? "no attack" : "attack",
      steps: found?.steps ?? [],
      weakened: true,
    },
  ];
}

/** The row of one property of a Maude model: no bad state is reached, and its premise is. */
async function maudeHolds(property: MaudeProperty): Promise<Row[]> {
  const flags = property.flags ?? [];
  const bad = await reach(property, property.bad, flags);
  const premise = await reach(property, property.premise, flags);
  const problems = [
    ...(bad.reached ? [`${property.bad} is reached: ${bad.steps.join("; ")}`] : []),
    ...(premise.reached ? [] : [`${property.premise} is never reached`]),
  ];
  return [
    {
      model: property.file.replace(".maude", ""),
      property: property.property,
      what: properties.get(property.property) ?? "",
      states: bad.states,
      bound: property.bound,
      outcome: problems.length === 0 ? "held" : "failed",
      steps: problems,
      weakened: false,
    },
  ];
}

async function maudeIsAttacked(weakening: MaudeWeakening): Promise<Row[]> {
  const { property, flag, without, assumption } = weakening;
  const found = await reach(property, property.bad, [...(property.flags ?? []), flag]);
  return [
    {
      model: property.file.replace(".maude", ""),
      property: property.property,
      what: assumption ? `the assumption: ${without}` : without,
      states: found.states,
      bound: property.bound,
      outcome: found.reached ? "attack" : "no attack",
      steps: found.steps,
      weakened: true,
    },
  ];
}

/**
 * Searches all models and all their weakenings.
 *
 * @param short leaves out the searches that take longer than a few seconds
 * @param atOnce searches at a time
 */
export async function checkAll(short: boolean, atOnce: number): Promise<Row[]> {
  const jobs = [
    ...models.map((model) => () => holds(model, short)),
    ...maudeProperties.map((property) => () => maudeHolds(property)),
    ...weakenings.map((weakening) => () => isAttacked(weakening)),
    ...maudeWeakenings.map((weakening) => () => maudeIsAttacked(weakening)),
  ];
  return (await inParallel(jobs, atOnce)).flat();
}
