// What a bundle holds of other packages, with their licences.
// @ts-check
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes whose code is in a bundle.
 * @param {string} root the repository's folder
 * @param {readonly string[]} inputs the bundle's inputs, relative to it
 * @param {string} file where the notices go
 * @returns {string[]} the packages
 */
export function writeThirdParty(root, inputs, file) {
  const packages = new Set(
    inputs.flatMap((input) => {
      const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
      return name === undefined ? [] : [name];
    }),
  );
  const names = [...packages].sort();
  const notices = names.map((name) => {
    const place = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
    const found = readdirSync(place).find((entry) => /^licen[cs]e/i.test(entry));
    const text = found === undefined ? "" : readFileSync(join(place, found), "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  writeFileSync(
    file,
    `The JavaScript here holds code of these packages.\n\n${notices.join("\n----\n\n")}`,
  );
  return names;
}
