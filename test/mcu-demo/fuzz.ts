// Fuzzes what a server may answer to the MCU client's library: records a session with a real server, and gives it to
// libFuzzer beside the inputs that are kept in corpus/.
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { projectRoot } from "../../host/common/paths.js";
import { buildSanitized } from "../../host/mcu-client/library.js";
import { makePage } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { principal, System } from "../support/system.js";
import { threeDevices } from "./scenario.js";

const corpus = join(projectRoot, "test/mcu-demo/corpus");

/** What is fuzzed: HTTP answers as they are, or what is inside of their TLS records. */
export const fuzzKinds = ["answers", "inside"] as const;
export type FuzzKind = (typeof fuzzKinds)[number];

/** Why there can be no fuzzing here, or undefined. */
export function missingFuzzTools(): string | undefined {
  const program = "int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }";
  const folder = mkdtempSync(join(tmpdir(), "vc-libfuzzer-"));
  const tried = spawnSync(
    "clang",
    ["-x", "c", "-", "-fsanitize=fuzzer,address", "-o", join(folder, "tried")],
    { input: program },
  );
  rmSync(folder, { recursive: true });
  return tried.status === 0
    ? undefined
    : "clang with libFuzzer is missing; on Debian: apt-get install clang libclang-rt-14-dev";
}

export interface Fuzzed {
  /** What libFuzzer has said. */
  output: string;
  /** 0, or another code when something was found. */
  code: number;
  /** What came of the recorded session when it was played back: 0, or a code of the client. */
  replayed: number;
  /** Of them: where a run may begin. */
  scenes: number;
  runs: number;
}

export interface FuzzOptions {
  kind: FuzzKind;
  runs: number;
  /** Folder for what is found. */
  findings: string;
  /** Of libFuzzer's random numbers; 1 makes the same runs again. */
  seed?: number;
  /** Told of each line of libFuzzer's. */
  said?: (line: string) => void;
}

/** Runs the fuzzer. */
export async function fuzz({ kind, runs, findings, seed = 1, said }: FuzzOptions): Promise<Fuzzed> {
  const source = join(projectRoot, "test/mcu-demo/fuzzer");
  const out = await buildSanitized("fuzz", [source], ["-DVC_FUZZ=ON", "-DCMAKE_C_COMPILER=clang"]);
  const fuzzer = join(out, "fuzzer/fuzzer");
  const folder = mkdtempSync(join(tmpdir(), "vc-fuzz-"));
  mkdirSync(findings, { recursive: true });
  const options = threeDevices("shamir-secret-sharing");
  options.principals["device-0"] = "input-0:rw";
  const system = await System.start(options);
  try {
    const { pem, keyPem } = principal("device-0");
    const page = join(folder, "page.bin");
    const content = {
      policy: system.policy,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      server: system.address,
      data: [{ name: "input-0", bytes: new Uint8Array(1500) }],
    };
    writeFileSync(page, makePage(content), { mode: 0o600 });
    const environment = {
      ...process.env,
      VC_FUZZ_PAGE: page,
      VC_FUZZ_TIME: String(Math.floor(Date.now() / 1000)),
      VC_FUZZ_INSIDE: kind === "inside" ? "1" : "0",
      VC_FUZZ_PLAY: join(folder, "recorded"),
      // The client allocates nothing: what was freed last is enough to be looked at.
      ASAN_OPTIONS: "quarantine_size_mb=4",
    };
    // The server is in this process, which must go on meanwhile.
    const fuzzing = async (more: Record<string, string>) => {
      const { stdout } = await promisify(execFile)(fuzzer, { env: { ...environment, ...more } });
      return stdout;
    };
    const session = await fuzzing({ VC_FUZZ_RECORD: environment.VC_FUZZ_PLAY });
    if (!session.includes("fuzzer: recorded, 0\n")) throw new Error(session);
    const seeds = join(folder, "seeds");
    mkdirSync(seeds);
    const rehearsal = await fuzzing({ VC_FUZZ_SEEDS: seeds });
    const number = (pattern: RegExp) => Number(pattern.exec(rehearsal)?.[1] ?? Number.NaN);
    const replayed = number(/^fuzzer: played back \d+ answers: (-?\d+)$/m);
    const scenes = number(/^fuzzer: (\d+) scenes$/m);
    const work = join(folder, "work");
    mkdirSync(work);
    const args = [
      ...[`-runs=${runs}`, "-max_len=16384", "-timeout=60", "-print_final_stats=1"],
      // Choosing by how rare an input's features are takes a sixth of the time.
      ...["-entropic=0", `-dict=${join(source, "words.dict")}`, `-seed=${seed}`],
      ...[`-artifact_prefix=${findings}/`, work, seeds, join(corpus, kind)],
    ];
    const child = spawn(fuzzer, args, { env: environment, stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    createInterface(child.stderr).on("line", (line) => {
      output = `${output}${line}\n`.slice(-100_000);
      said?.(line);
    });
    const code = await new Promise<number>((resolve) => {
      child.on("close", (status) => resolve(status ?? -1));
    });
    const done = Number(/stat::number_of_executed_units: (\d+)/.exec(output)?.[1] ?? 0);
    return { output, code, replayed, scenes, runs: done };
  } finally {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
