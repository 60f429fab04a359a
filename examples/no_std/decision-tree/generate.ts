import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

type Tree = { label: number } | { feature: number; threshold: number; below: Tree; above: Tree };

/** A random tree of this depth at most. */
function grow(random: RandomNumbers, features: number, depth: number): Tree {
  if (depth === 0 || random.below(6) === 0) return { label: random.below(10) };
  return {
    feature: random.below(features),
    threshold: random.below(1000) / 10,
    below: grow(random, features, depth - 1),
    above: grow(random, features, depth - 1),
  };
}

/** The nodes of a tree, each before those below it. */
function list(tree: Tree): Tree[] {
  return "label" in tree ? [tree] : [tree, ...list(tree.below), ...list(tree.above)];
}

/** What the tree says of a record. */
function ask(tree: Tree, record: readonly number[]): number {
  if ("label" in tree) return tree.label;
  const value = record[tree.feature] as number;
  return ask(value < tree.threshold ? tree.below : tree.above, record);
}

const command = withSeed(
  generatorCommand("decision-tree", "a tree and a record.")
    .option("--depth <n>", "of the tree, at most", (text) => parseWhole(text, 0, 14), 6)
    .option("--features <n>", "numbers of a record", (text) => parseWhole(text, 1, 1000), 8),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const features = Number(options.features);
  const tree = grow(random, features, Number(options.depth));
  const record = Array.from({ length: features }, () => random.below(1000) / 10);
  const nodes = list(tree);
  const label = ask(tree, record);
  return {
    files: {
      "input-0": new ClassicWriter().sequence(nodes, (node, writer) => {
        if ("label" in node) writer.varint(0).u32(node.label);
        else
          writer
            .varint(1)
            .u32(node.feature)
            .f64(node.threshold)
            .u32(nodes.indexOf(node.below))
            .u32(nodes.indexOf(node.above));
      }).bytes,
      "input-1": new ClassicWriter().sequence(record, (value, writer) => writer.f64(value)).bytes,
    },
    results: [new ClassicWriter().u32(label).bytes],
    summary: `a tree of ${nodes.length} nodes, a record of ${features} numbers: ${label}`,
  };
});
