/** A program's typed access to its inputs, stream items, previous result and output. Nothing here traps. */
export {
  hasPreviousResult,
  inputCount,
  inputSize,
  previousResultSize,
  readInput,
  readInputInto,
  readPreviousResult,
  readStream,
  readStreamInto,
  requireInputs,
  requireStreams,
  streamCount,
  streamSize,
  writeOutput,
} from "./data";
export { Result } from "./result";
export { codeFromHost, fail, ReturnCode } from "./return-code";
