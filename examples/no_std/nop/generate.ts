import { generate, generatorCommand } from "../support/generator.js";

await generate(generatorCommand("nop", "it takes none."), () => ({
  files: {},
  results: [],
  summary: "nop takes no inputs and writes no result",
}));
