// Programs in Rust, as the guide of sdk/rust compiles them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";

/** The folder of the SDK for Rust. */
export const rustSdk = join(projectRoot, "sdk/rust");

const TARGET = "wasm32-unknown-unknown";

/** A cargo with its rustc. */
export interface Rust {
  /** The folder that holds both. */
  readonly bin: string;
  /** As rustc says it, `1.63.0`. */
  readonly version: string;
  /** Sources of crates, where core and alloc are to be built with each program. */
  readonly crates?: string;
}

/** What `npm run test:rust` unpacked, and wants tested instead of what is installed. */
const unpacked = process.env.VERACRUZ_RUST;

/** The libraries of the target, where a rustc has them. */
function hasTarget(rustc: string): boolean {
  const { stdout, status } = spawnSync(rustc, ["--print", "target-libdir", "--target", TARGET], {
    encoding: "utf8",
  });
  const folder = stdout.trim();
  return (
    status === 0 && existsSync(folder) && readdirSync(folder).some((f) => f.startsWith("libcore-"))
  );
}

function versionOf(rustc: string): string {
  const { stdout } = spawnSync(rustc, ["--version"], { encoding: "utf8" });
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? stdout.trim();
}

function installed(): Rust[] {
  if (systemTool("wasm-ld") === undefined) return [];
  return ["/usr/bin", join(homedir(), ".cargo/bin")].flatMap((bin) => {
    const rustc = join(bin, "rustc");
    if (!existsSync(rustc) || !existsSync(join(bin, "cargo")) || !hasTarget(rustc)) return [];
    return { bin, version: versionOf(rustc) };
  });
}

/** The tool chains of this machine that build for WebAssembly: Debian's, and one that the user installed. */
export const rusts: readonly Rust[] =
  unpacked === undefined
    ? installed()
    : [
        {
          bin: join(unpacked, "bin"),
          version: versionOf(join(unpacked, "bin/rustc")),
          crates: join(unpacked, "crates"),
        },
      ];

/** Where Debian's packages of crates are. */
const DEBIAN_CRATES = "/usr/share/cargo/registry";

/** Whether Debian's packages have these crates. */
export function hasCrates(names: readonly string[]): boolean {
  const found = existsSync(DEBIAN_CRATES) ? readdirSync(DEBIAN_CRATES) : [];
  return names.every((name) => found.some((folder) => folder.startsWith(`${name}-`)));
}

/** The environment in which a tool chain's commands come first. */
export function rustEnvironment({ bin, crates }: Rust): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // cargo has options that are not stable for its developers only.
    ...(crates !== undefined && { RUSTC_BOOTSTRAP: "1" }),
    PATH: `${bin}:${process.env.PATH}`,
    CARGO_NET_OFFLINE: "true",
    NO_COLOR: "1",
  };
}

/** Options that say where crates come from. */
function sourcesOf({ crates }: Rust, needed: boolean): string[] {
  if (crates === undefined) return needed ? ["--config", join(rustSdk, "debian.toml")] : [];
  return [
    "-Zbuild-std=core,alloc",
    ...["--config", 'source.crates-io.replace-with="unpacked"'],
    ...["--config", `source.unpacked.directory=${JSON.stringify(crates)}`],
  ];
}

/**
 * Builds a program with the SDK's crate.
 *
 * @param rust the tool chain
 * @param folder where its package is made; the builds of one tool chain in one folder share the crate
 * @param name of the package
 * @param file its source, from the repository's folder
 * @param dependencies lines of Cargo.toml, for crates of Debian's packages and of the SDK
 * @param targetFile a target of its own, for a tool chain that builds core and alloc
 * @throws Error with the compiler's messages
 */
export function compileRust(
  rust: Rust,
  folder: string,
  name: string,
  file: string,
  dependencies: readonly string[] = [],
  targetFile?: string,
): Uint8Array {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, "Cargo.toml"),
    `[package]
name = "${name}"
version = "0.1.0"
edition = "2021"

[lib]
path = ${JSON.stringify(join(projectRoot, file))}
crate-type = ["cdylib"]

[dependencies]
veracruz = { path = ${JSON.stringify(rustSdk)} }
${dependencies.join("\n")}
`,
  );
  const target = join(folder, "target");
  const { status, stderr } = spawnSync(
    join(rust.bin, "cargo"),
    [
      ...["build", "--quiet", "--release", "--offline"],
      ...["--config", join(rustSdk, "config.toml"), "--target-dir", target],
      ...sourcesOf(rust, dependencies.length > 0),
      ...(targetFile === undefined ? [] : ["-Zjson-target-spec", "--target", targetFile]),
    ],
    { cwd: home, encoding: "utf8", env: rustEnvironment(rust) },
  );
  if (status !== 0) throw new Error(`cargo fails on ${file}: ${stderr}`);
  const built = targetFile === undefined ? TARGET : basename(targetFile, ".json");
  const module = join(target, built, "release", `${name.replaceAll("-", "_")}.wasm`);
  return new Uint8Array(readFileSync(module));
}
