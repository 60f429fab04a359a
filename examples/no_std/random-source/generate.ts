import { generate, generatorCommand } from "../support/generator.js";

await generate(generatorCommand("random-source", "it takes none."), () => ({
  files: {},
  results: [],
  summary: "random-source takes no inputs; its result is 32 random bytes",
}));
