// private-inference as its parties use it: one computation, a round for each image.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { exampleProgram } from "../support/example-data.js";
import { System, type TestAttestation } from "../support/system.js";

/** The folder of the example. */
export const inferenceFolder = join(projectRoot, "examples/no_std/private-inference");
/** The network, as the program reads it. */
export const inferenceModel = new Uint8Array(readFileSync(join(inferenceFolder, "model.bin")));

/**
 * Has images classified in an isolate: the owner of the network provides it, the owner of the images sends one in each
 * round and reads its class; nobody else may read anything.
 *
 * @returns the class of each image
 */
export async function inferInRounds(
  attestation: TestAttestation,
  images: readonly Uint8Array[],
): Promise<number[]> {
  const module = exampleProgram("private-inference");
  const classes: number[] = [];
  await System.use(
    {
      attestation,
      principals: {
        modeller: "inference.wasm:w,input-0:w",
        patient: "stream-0:w,output:r",
      },
      programs: { "inference.wasm": { module, rights: "input-0:r,stream-0:r,output:w" } },
      policy: { max_rounds: images.length, execution_limits: { memory_bytes: 65_536 } },
    },
    async (system) => {
      const modeller = await system.connect("modeller");
      await modeller.sendProgram("inference.wasm", module);
      await modeller.sendData("input-0", inferenceModel);
      await modeller.close();
      const patient = await system.connect("patient");
      for (const [round, image] of images.entries()) {
        if (round > 0) await patient.nextRound();
        await patient.sendStream("stream-0", image);
        const result = await patient.read();
        if (result.length !== 1) throw new Error(`round ${round + 1}: ${result.length} bytes`);
        classes.push(result[0] as number);
      }
      await patient.close();
    },
  );
  return classes;
}
