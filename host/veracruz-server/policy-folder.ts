import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { CliError, readUserFile, reasonOf } from "../common/cli.js";
import { Policy, PolicyError } from "../veracruz-utils/policy.js";
import { ComputationRefused, type Computations } from "./computations.js";

/** Reads a policy that a user named. @throws CliError with `exitCode` where it is refused */
export function readPolicyFile(path: string, exitCode: number): Policy {
  const bytes = readUserFile(path, "policy");
  try {
    return new Policy(bytes);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new CliError(`the policy ${JSON.stringify(path)} is refused: ${error.message}`, exitCode);
  }
}

/** The policies in a folder, each a file whose name ends in `.json`: the computations that a server holds. */
export class PolicyFolder {
  /** By the file's name: the hash of its policy. */
  private readonly hashes = new Map<string, string>();

  constructor(
    private readonly folder: string,
    private readonly computations: Computations,
    private readonly log: Logger,
  ) {}

  /**
   * Takes the computations of files that are new, and ends those whose files are gone. A file that is refused is
   * logged, and keeps none of the others out.
   *
   * @throws CliError when the folder cannot be read
   */
  async read(): Promise<void> {
    const { folder, hashes, log } = this;
    let names: string[];
    try {
      names = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.startsWith("."));
    } catch (error) {
      throw new CliError(
        `cannot read the folder of policies ${JSON.stringify(folder)}: ${reasonOf(error, true)}`,
      );
    }
    for (const [name, hash] of hashes) {
      if (names.includes(name)) continue;
      hashes.delete(name);
      if (![...hashes.values()].includes(hash))
        await this.computations.remove(hash, "the server's operator has taken its policy away");
    }
    for (const name of names.sort()) {
      if (hashes.has(name)) continue;
      const file = join(folder, name);
      try {
        const policy = readPolicyFile(file, 1);
        const hash = policy.hash.toString("hex");
        if (this.computations.find(hash) === undefined) this.computations.add(policy);
        hashes.set(name, hash);
        log.info({ file, computation: hash }, "policy taken");
      } catch (error) {
        if (!(error instanceof CliError || error instanceof ComputationRefused)) throw error;
        log.error({ file, reason: error.message }, "policy refused");
      }
    }
  }
}
