/** A run's fuel by function: in speedscope's file format, and as a flame graph. */
import type { CallNode } from "./debugger.js";

/** What a function is called. */
export type NameOf = (functionIndex: number) => string;

/** All fuel of a node and those below it. */
export function totalFuel(node: CallNode): number {
  let sum = node.fuel;
  for (const child of node.children.values()) sum += totalFuel(child);
  return sum;
}

/**
 * The profile as JSON for https://www.speedscope.app (its file format, "sampled"): a sample for each chain of
 * callers, whose weight is the fuel that its last function used itself.
 */
export function speedscopeProfile(root: CallNode, nameOf: NameOf, program: string): unknown {
  const frames: { name: string }[] = [];
  const frameOf = new Map<number, number>();
  const samples: number[][] = [];
  const weights: number[] = [];
  const visit = (node: CallNode, chain: readonly number[]): void => {
    let frame = frameOf.get(node.functionIndex);
    if (frame === undefined) {
      frame = frames.length;
      frames.push({ name: nameOf(node.functionIndex) });
      frameOf.set(node.functionIndex, frame);
    }
    const here = [...chain, frame];
    if (node.fuel > 0) {
      samples.push(here);
      weights.push(node.fuel);
    }
    for (const child of node.children.values()) visit(child, here);
  };
  for (const child of root.children.values()) visit(child, []);
  return {
    $schema: "https://www.speedscope.app/file-format-schema.json",
    name: program,
    exporter: "vc-fee",
    activeProfileIndex: 0,
    shared: { frames },
    profiles: [
      {
        type: "sampled",
        name: `${program}: fuel`,
        unit: "none",
        startValue: 0,
        endValue: weights.reduce((sum, weight) => sum + weight, 0),
        samples,
        weights,
      },
    ],
  };
}

const WIDTH = 1200;
const ROW = 18;
const CHARACTER = 6.6;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** A colour between yellow and red that is the same for the same name. */
function colour(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return `hsl(${10 + (hash % 40)}, 80%, ${55 + ((hash >> 8) % 15)}%)`;
}

/** A flame graph: callers below, callees above, as wide as the fuel that was used in them. */
export function flameGraph(root: CallNode, nameOf: NameOf, title: string): string {
  const total = Math.max(1, totalFuel(root));
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (node: CallNode, level: number, start: number): void => {
    const fuel = totalFuel(node);
    const width = (fuel / total) * WIDTH;
    // What cannot be seen is not drawn.
    if (width < 0.3) return;
    deepest = Math.max(deepest, level);
    const name = nameOf(node.functionIndex);
    const share = ((100 * fuel) / total).toFixed(1);
    const room = Math.floor((width - 6) / CHARACTER);
    const label = room < 3 ? "" : name.length > room ? `${name.slice(0, room - 1)}…` : name;
    boxes.push(
      `<g transform="translate(${((start / total) * WIDTH).toFixed(1)},${-level * ROW})"><title>${escaped(name)}: ${fuel} units (${share} %), ${node.fuel} itself</title>` +
        `<rect width="${width.toFixed(1)}" height="${ROW - 1}" rx="2" fill="${colour(name)}"/><text x="3" y="13">${escaped(label)}</text></g>`,
    );
    let at = start;
    for (const child of [...node.children.values()].sort((a, b) => totalFuel(b) - totalFuel(a))) {
      draw(child, level + 1, at);
      at += totalFuel(child);
    }
  };
  let at = 0;
  for (const child of root.children.values()) {
    draw(child, 0, at);
    at += totalFuel(child);
  }
  const height = (deepest + 1) * ROW + 30;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">
<style>@media (prefers-color-scheme: dark) { .title { fill: #ddd } }</style>
<text class="title" x="3" y="16" font-size="13">${escaped(title)}: ${totalFuel(root)} units of fuel</text>
<g transform="translate(0,${height - ROW})">
${boxes.join("\n")}
</g>
</svg>
`;
}
