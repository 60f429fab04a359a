import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { RandomNumbers } from "../support/random-numbers.js";

const alphabet = [..."ACGT"];

/** A sequence with some of its letters replaced, removed, or followed by another. */
function mutated(sequence: readonly string[], random: RandomNumbers): string[] {
  return sequence.flatMap((letter) => {
    switch (random.below(20)) {
      case 0:
        return [];
      case 1:
        return [random.pick(alphabet)];
      case 2:
        return [letter, random.pick(alphabet)];
      default:
        return [letter];
    }
  });
}

/** The distance, by the whole table: entry (i, j) is that of the first i and the first j letters. */
function distance(one: readonly string[], other: readonly string[]): number {
  const table = [Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (const [i, letter] of one.entries()) {
    const above = table[i] as number[];
    const row = [i + 1];
    for (const [j, otherLetter] of other.entries()) {
      const replaced = (above[j] as number) + (letter === otherLetter ? 0 : 1);
      row.push(Math.min(replaced, (above[j + 1] as number) + 1, (row[j] as number) + 1));
    }
    table.push(row);
  }
  return table.at(-1)?.at(-1) as number;
}

const command = withSeed(
  generatorCommand("string-edit-distance", "two strings (by default two similar gene sequences).")
    .option("--first <text>", "the first string")
    .option("--second <text>", "the second string"),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const first = options.first === undefined ? undefined : [...options.first];
  const sequence = first ?? Array.from({ length: 400 }, () => random.pick(alphabet));
  const other = options.second === undefined ? mutated(sequence, random) : [...options.second];
  const expected = distance(sequence, other);
  return {
    files: {
      "input-0": new ClassicWriter().string(sequence.join("")).bytes,
      "input-1": new ClassicWriter().string(other.join("")).bytes,
    },
    results: [new ClassicWriter().u64(BigInt(expected)).bytes],
    summary: `two strings of ${sequence.length} and ${other.length} characters: distance ${expected}`,
  };
});
