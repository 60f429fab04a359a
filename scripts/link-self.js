// Makes the package findable by its own name from its own folder: node_modules/veracruz-mcu -> ..
//
// The compiler target `wasm32-arm-veracruz` names its transform by the package's name, which is the only
// form that asc resolves both here and in the projects of program authors. npm removes the link whenever
// it installs something, so the build makes it, too.
// @ts-check
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function linkSelf() {
  // Installed in somebody's node_modules, it is found there.
  if (basename(dirname(root)) === "node_modules") return;
  const link = join(root, "node_modules/veracruz-mcu");
  if (existsSync(join(link, "package.json"))) return;
  // A link that points nowhere is still in the way.
  if (lstatSync(link, { throwIfNoEntry: false })) unlinkSync(link);
  mkdirSync(dirname(link), { recursive: true });
  try {
    symlinkSync("..", link, "junction");
  } catch (error) {
    // Another build may have made it meanwhile.
    if (!existsSync(join(link, "package.json"))) throw error;
  }
}

/**
 * Puts the package's own commands where npx looks first: node_modules/.bin. (npx would otherwise keep a
 * copy of its own of this package, made once, that does not learn of commands added later.)
 */
export function linkCommands() {
  const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const folder = join(root, "node_modules/.bin");
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of Object.entries(bin)) {
    const target = join(root, path);
    if (existsSync(target)) chmodSync(target, 0o755);
    const link = join(folder, name);
    const to = join("../..", path);
    const entry = lstatSync(link, { throwIfNoEntry: false });
    if (entry?.isSymbolicLink() && readlinkSync(link) === to) continue;
    if (entry) unlinkSync(link);
    try {
      symlinkSync(to, link);
    } catch (error) {
      if (!existsSync(link)) throw error;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) linkSelf();
