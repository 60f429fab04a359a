import { parseWhole } from "../../../host/common/quantities.js";
import { ClassicWriter } from "../../../host/program-data/classic-encoding.js";
import { generate, generatorCommand, withSeed } from "../support/generator.js";
import { names } from "../support/people.js";
import { RandomNumbers } from "../support/random-numbers.js";

interface Person {
  name: string;
  employeeId: string;
  age: number;
  grade: number;
}

function encoded(persons: readonly Person[]): Uint8Array {
  return new ClassicWriter().sequence(persons, (person, writer) =>
    writer.string(person.name).string(person.employeeId).u8(person.age).u8(person.grade),
  ).bytes;
}

/** The order of the program's result. */
function compare(one: Person, other: Person): number {
  const texts = (person: Person) =>
    [person.name, person.employeeId].map((text) => Buffer.from(text));
  for (const [i, text] of texts(one).entries()) {
    const order = Buffer.compare(text, texts(other)[i] as Buffer);
    if (order !== 0) return order;
  }
  return one.age - other.age || one.grade - other.grade;
}

const command = withSeed(
  generatorCommand("private-set-intersection", "sets of persons that have some in common.")
    .option("--sets <n>", "how many sets (2 to 16)", (text) => parseWhole(text, 2, 16), 2)
    .option("--size <n>", "persons in each set", (text) => parseWhole(text, 0, 100_000), 100)
    .option("--common <n>", "persons in all of them", (text) => parseWhole(text, 0, 100_000), 20),
);

await generate(command, (options) => {
  const random = new RandomNumbers(options.seed);
  const sets = Number(options.sets);
  const size = Number(options.size);
  const inAll = Math.min(size, Number(options.common));
  const people = names(inAll + sets * (size - inAll), random).map((name, index) => ({
    name,
    employeeId: `E${100000 + index}`,
    age: 18 + random.below(50),
    grade: 1 + random.below(12),
  }));
  const common = people.slice(0, inAll);
  const files: Record<string, Uint8Array> = {};
  for (let set = 0; set < sets; set++) {
    const first = inAll + set * (size - inAll);
    const own = people.slice(first, first + size - inAll);
    files[`input-${set}`] = encoded(random.shuffled([...common, ...own]));
  }
  return {
    files,
    results: [encoded([...common].sort(compare))],
    summary: `${sets} sets of ${size} persons: ${inAll} in all of them`,
  };
});
