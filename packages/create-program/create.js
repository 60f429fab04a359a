#!/usr/bin/env node
// Makes a project for a Veracruz program from template/.
//
// Usage: npm create @veracruz/program FOLDER [-- --language assemblyscript|c|rust] [--packages FOLDER]
// @ts-check
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = `Usage: create-program FOLDER [--language LANGUAGE] [--packages FOLDER]

  --language LANGUAGE  assemblyscript (the default), c or rust
  --packages FOLDER    where the tarballs of @veracruz/sdk and @veracruz/tools are, while they are not published

Exit codes: 0 done, 2 wrong arguments or files`;

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`create-program: ${message}`);
  process.exit(2);
}

const languages = ["assemblyscript", "c", "rust"];
const template = join(dirname(fileURLToPath(import.meta.url)), "template");

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        language: { type: "string", default: "assemblyscript" },
        packages: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    fail(`${/** @type {Error} */ (error).message}\n${usage}`);
  }
}

const { values, positionals } = read();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const [folder, ...rest] = positionals;
if (folder === undefined || rest.length > 0) fail(`expected one folder\n${usage}`);
const { language, packages } = values;
if (!languages.includes(language))
  fail(`--language ${language}: there are ${languages.join(", ")}`);
const name = basename(resolve(folder));
if (!/^[a-z][a-z0-9-]*$/.test(name))
  fail(`${JSON.stringify(name)}: a program's name has small letters, digits and -`);
if (existsSync(folder) && readdirSync(folder).length > 0) fail(`${folder} is not empty`);

/** How package.json names a package: its tarball, or the version that is this one's. @param {string} part */
function dependency(part) {
  if (packages === undefined) {
    const own = JSON.parse(readFileSync(join(template, "../package.json"), "utf8"));
    return own.version;
  }
  const tarball = existsSync(packages)
    ? readdirSync(packages).find((file) =>
        new RegExp(`^veracruz-${part}-[\\d.]+\\.tgz$`).test(file),
      )
    : undefined;
  if (tarball === undefined)
    fail(
      `--packages ${packages}: there is no veracruz-${part}-VERSION.tgz; npm pack -w @veracruz/${part} makes it in a clone`,
    );
  return `file:${relative(resolve(folder), resolve(packages, tarball))}`;
}

const dependencies = {
  ...(language === "assemblyscript" && { "@veracruz/sdk": dependency("sdk") }),
  "@veracruz/tools": dependency("tools"),
};

mkdirSync(folder, { recursive: true });
for (const part of ["shared", language]) {
  for (const file of readdirSync(join(template, part), { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const from = join(file.parentPath, file.name);
    // npm leaves files of this name out of packages.
    const to = join(
      folder,
      relative(join(template, part), from).replace(/^_gitignore$/, ".gitignore"),
    );
    mkdirSync(dirname(to), { recursive: true });
    if (/\.(json|toml)$/.test(file.name))
      writeFileSync(to, readFileSync(from, "utf8").replaceAll("PROGRAM_NAME", name));
    else copyFileSync(from, to);
  }
}
const manifest = join(folder, "package.json");
const content = JSON.parse(readFileSync(manifest, "utf8"));
content.devDependencies = dependencies;
writeFileSync(manifest, `${JSON.stringify(content, undefined, 2)}\n`);
console.log(`made ${folder}; next: cd ${folder} && npm install && npm test`);
