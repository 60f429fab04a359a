import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../../host/common/paths.js";
import { Random } from "../../support/random.js";
import { generate } from "./generate.js";
import { mutate } from "./mutate.js";

/** How many mutations are made of one pair of seeds. */
const MUTATIONS = 20;

/** Example programs that are built: what compilers write. */
function examples(): Uint8Array[] {
  const folder = join(projectRoot, "build", "wasm", "examples");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".wasm"))
    .sort()
    .map((file) => new Uint8Array(readFileSync(join(folder, file))));
}

/** `count` modules, mostly mutations of random programs, some of the examples; the same for the same seed. */
export function* mutants(seed: number, count: number): Generator<Uint8Array> {
  const random = new Random(seed);
  const programs = examples();
  for (let made = 0; made < count; ) {
    const donor = generate(random);
    const origin = random.oneIn(12) ? random.pick(programs) : generate(random);
    for (let round = 0; round < MUTATIONS && made < count; round++, made++) {
      yield round === 0 ? origin : mutate(random, origin, donor);
    }
  }
}
