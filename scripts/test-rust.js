// Runs the tests of the SDK for Rust with a current Rust beside that of Debian's release: cargo-web, rustc-web and
// rust-web-src of Debian's security archive, unpacked in build/rust-web/, not installed. They have no libraries for
// WebAssembly: cargo builds core and alloc from their sources (-Zbuild-std).
//
// Usage: npm run test:rust
// @ts-check
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(project, "build/rust-web");
/** Where Debian's packages of crates are. */
const crates = "/usr/share/cargo/registry";

/** The packages of the tool chain, with the libraries that are theirs alone. */
function packages() {
  const named = ["cargo-web", "rustc-web", "libstd-rust-web-dev", "rust-web-src"];
  const found = new Set(named);
  for (const name of named) list(name);
  /** @param {string} name */
  function list(name) {
    const text = execFileSync("apt-cache", ["depends", "--important", name], { encoding: "utf8" });
    for (const [, needed = ""] of text.matchAll(/Depends: ((?:libstd-rust-web|libllvm)[\w.-]*)/g)) {
      if (found.has(needed)) continue;
      found.add(needed);
      list(needed);
    }
  }
  return [...found];
}

/** Fetches and unpacks the tool chain. */
function fetchToolChain() {
  const temporary = `${folder}.new`;
  const root = join(temporary, "root");
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  execFileSync("apt-get", ["download", "-qq", ...packages()], {
    cwd: temporary,
    stdio: ["ignore", "inherit", "ignore"],
  });
  for (const file of readdirSync(temporary).filter((name) => name.endsWith(".deb"))) {
    execFileSync("dpkg-deb", ["-x", join(temporary, file), root]);
    rmSync(join(temporary, file));
  }
  // Sources of crates that core's workspace names, and those of Debian's packages.
  const sources = join(temporary, "crates");
  mkdirSync(sources);
  const [source = ""] = readdirSync(join(root, "usr/src"));
  const vendored = join("root/usr/src", source, "library/vendor");
  for (const name of readdirSync(join(temporary, vendored)))
    symlinkSync(join("..", vendored, name), join(sources, name));
  for (const name of existsSync(crates) ? readdirSync(crates) : [])
    if (!existsSync(join(sources, name))) symlinkSync(join(crates, name), join(sources, name));
  mkdirSync(join(temporary, "bin"));
  for (const name of ["cargo", "rustc"]) {
    const file = join(temporary, "bin", name);
    writeFileSync(
      file,
      `#!/bin/sh
root="$(dirname "$(dirname "$(readlink -f "$0")")")/root/usr"
LD_LIBRARY_PATH="$root/lib/x86_64-linux-gnu" exec "$root/bin/${name}" "$@"
`,
    );
    chmodSync(file, 0o755);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(temporary, folder);
}

if (process.argv.length > 2) {
  console.log(
    "Usage: npm run test:rust\n\nTests the SDK for Rust with Debian's rustc-web, which is unpacked in build/rust-web/.",
  );
  process.exit(process.argv[2] === "--help" ? 0 : 2);
}
if (!existsSync(folder)) {
  console.log("test-rust: fetching rustc-web, cargo-web and rust-web-src");
  try {
    fetchToolChain();
  } catch (error) {
    console.error(`test-rust: ${/** @type {Error} */ (error).message}`);
    process.exit(1);
  }
}
const { status } = spawnSync(process.execPath, ["scripts/test.js", "sdk/rust.test"], {
  cwd: project,
  stdio: "inherit",
  env: { ...process.env, VERACRUZ_RUST: folder },
});
process.exit(status ?? 1);
