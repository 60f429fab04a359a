// Where the isolate of a test's system runs: in a process of this computer, or on an emulated Cortex-M.
// One and the same suite runs on each.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import { parseAddress } from "../../host/common/addresses.js";
import type { IsolateLauncher } from "../../host/common/isolate-launcher.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import {
  buildIsolate,
  EmulatedIsolate,
  isolateMeasurement,
} from "../../host/mcu/emulated-isolate.js";
import { emulatedIsolate } from "../../host/mcu/isolate-launchers.js";
import { type EmulatedBoard, emulatedBoards, type Host } from "../../host/mcu/toolchain.js";
import { SoftwareRootOfTrust } from "../../host/psa-attestation/root-of-trust.js";
import { processIsolate } from "../../host/veracruz-server/isolate-launchers.js";

/** What an isolate has room for: tests stay within, and show what becomes of more. */
export interface Capacity {
  /** Bytes of a large file that fits twice, beside a program. */
  readonly fileBytes: number;
  /** Memory of a program that works on such a file, in pages of 64 KiB. */
  readonly programPages: number;
  /** Principals that have a session each, and handshakes under way, at once. */
  readonly principals: number;
}

/** An isolate that runs without a server, at a TCP address. */
export interface LoneIsolate {
  readonly address: { host: string; port: number };
  stop(): Promise<void>;
}

/** An isolate that has its root of trust, and can be started again and again. */
export interface ProvisionedIsolate {
  /** JSON, as a proxy attestation server enrols it. */
  readonly enrolment: string;
  /** Hash of its trusted runtime, as its tokens say it. */
  readonly measurement: Uint8Array;
  /** How a Veracruz server starts it. */
  readonly isolate: IsolateLauncher;
  startAlone(): Promise<LoneIsolate>;
}

export interface Platform {
  /** For the names of tests. */
  readonly name: string;
  /** As in the isolate's certificate, and in `runtime_manager_hash_KIND` of a policy. */
  readonly kind: "linux" | "mcu";
  readonly capacity: Capacity;
  /** How programs run there; `Interpretation` if absent. */
  readonly strategy?: "Interpretation" | "JIT";
  /** What the server says of an isolate that was killed. */
  readonly killed: RegExp;
  /** Makes an isolate whose files are in `folder`. */
  provision(folder: string): Promise<ProvisionedIsolate>;
}

/** The files of a host isolate in its folder. */
export const processFiles = (folder: string) => ({
  rootOfTrust: join(folder, "root-of-trust.pem"),
  runtime: join(folder, "runtime.wasm"),
});

/** The host isolate, in a process of its own, with a build of the trusted runtime (`scripts/wasm-modules.js`). */
export const processOf = (name: string, build: string): Platform => ({
  name,
  kind: "linux",
  killed: /the isolate's process ended with signal SIGKILL/,
  capacity: { fileBytes: 700_007, programPages: 64, principals: 10 },
  async provision(folder) {
    const { rootOfTrust, runtime } = processFiles(folder);
    const root = SoftwareRootOfTrust.open(rootOfTrust);
    const enrolment = JSON.stringify(root.enrolment());
    root.free();
    // A copy: the build may replace the file while tests run.
    copyFileSync(wasmPath(build), runtime);
    return {
      enrolment,
      measurement: createHash("sha256").update(readFileSync(runtime)).digest(),
      isolate: processIsolate({ rootOfTrust, runtime }),
      async startAlone() {
        const cli = join(projectRoot, "build/js/host/isolate/cli.js");
        const files = ["--root-of-trust", rootOfTrust, "--runtime", runtime];
        const child = spawn(process.execPath, [cli, "--listen", "127.0.0.1:0", ...files], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        for await (const line of createInterface(child.stdout)) {
          const { msg, address } = JSON.parse(line) as Record<string, string>;
          if (msg !== "listening") continue;
          child.stdout.resume();
          return {
            address: parseAddress(String(address)),
            stop: async () => {
              child.kill("SIGTERM");
              if (child.exitCode === null && child.signalCode === null) await once(child, "close");
            },
          };
        }
        throw new Error("the isolate's process ended before it listened");
      },
    };
  },
});

/** The host isolate with the trusted runtime as it ships. */
export const hostProcess: Platform = processOf("process", "runtime");

/** An emulated Cortex-M board, its runtime hosted in one of the three ways. */
export function emulatedDevice(
  board: EmulatedBoard,
  runtimeHost: Host,
  strategy: "Interpretation" | "JIT" = "Interpretation",
): Platform {
  return {
    name: `${board} HOST=${runtimeHost}${strategy === "JIT" ? " JIT" : ""}`,
    strategy,
    kind: "mcu",
    killed: /the emulator was killed/,
    capacity: { fileBytes: 20_000, programPages: 2, principals: 4 },
    async provision(folder) {
      const state = join(folder, "board-secret");
      await buildIsolate(board, runtimeHost);
      const start = () => EmulatedIsolate.start({ board, runtimeHost, state, build: false });
      // The first start makes the board's secret.
      const first = await start();
      await first.close();
      return {
        enrolment: JSON.stringify(first.enrolment()),
        measurement: Buffer.from(isolateMeasurement(board, runtimeHost), "hex"),
        isolate: emulatedIsolate({ board, runtimeHost, state }),
        async startAlone() {
          const isolate = await start();
          return { address: isolate.address, stop: () => isolate.close() };
        },
      };
    },
  };
}

/** The board that is tested in full: `VC_TEST_BOARD`, by default the Cortex-M33. */
export function boardInFull(): EmulatedBoard {
  const name = process.env.VC_TEST_BOARD ?? "mps2-an505";
  const board = emulatedBoards.find((each) => each === name);
  if (board === undefined) {
    throw new Error(`VC_TEST_BOARD=${name}: expected one of ${emulatedBoards.join(", ")}`);
  }
  return board;
}

/** A test on a platform; where it cannot be made, it is named with the reason, in a line that the runner shows. */
export function testOn(
  platform: Pick<Platform, "name" | "kind">,
  name: string,
  run: () => Promise<void> | void,
  cannot: { readonly [kind in Platform["kind"]]?: string } = {},
): void {
  const reason = cannot[platform.kind];
  if (reason === undefined) test(`${platform.name}: ${name}`, run);
  else console.log(`NOTE: not on ${platform.name}: ${name}: ${reason}`);
}
