// Every export of a room says what it is: in a docstring of its own or, where constants stand in a row
// without a blank line between them, in the one above the row.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

const declaration =
  /^export (?:declare |default |async |abstract )*(?:function|class|interface|type|const|enum|let)\b\*? (\w+)/;
const annotation = /^(?:@\w+|\/\/ biome-ignore)/;

/** Names that a file exports without a docstring, and how many it exports. */
function undocumented(text: string): { names: string[]; count: number } {
  const lines = text.split("\n");
  const documented = new Set<number>();
  const names: string[] = [];
  let count = 0;
  lines.forEach((line, index) => {
    const [, name = ""] = declaration.exec(line) ?? [];
    if (name === "") return;
    count++;
    let above = index - 1;
    while (annotation.test(lines[above] ?? "")) above--;
    const inRow = [line, lines[above] ?? ""].every((each) => /^export const .*;/.test(each));
    if (/\*\/$/.test(lines[above] ?? "") || (inRow && documented.has(above))) documented.add(index);
    else names.push(name);
  });
  return { names, count };
}

test("what has no docstring is found", () => {
  const text = [
    "/** First. */",
    "export const A = 1;",
    "export const B = 2;",
    "",
    "export const C = 3;",
  ];
  assert.equal(undocumented(text.join("\n")), { names: ["C"], count: 3 });
  assert.equal(undocumented("/** f */\nexport async function f() {}\nexport class G {}\n").names, [
    "G",
  ]);
  assert.equal(undocumented("/** A. */\n@unmanaged\nexport class A {}\n").names, []);
});

test("every export of modules, platform and packages has a docstring", () => {
  const missing: string[] = [];
  let total = 0;
  for (const folder of ["assembly", "host"])
    for (const file of readdirSync(join(projectRoot, folder), {
      recursive: true,
      encoding: "utf8",
    })) {
      // Entry points for tests export what the tests call.
      if (!/(?<!\.d)\.ts$/.test(file) || file.startsWith("testing/")) continue;
      const { names, count } = undocumented(readFileSync(join(projectRoot, folder, file), "utf8"));
      total += count;
      missing.push(...names.map((name) => `${folder}/${file}: ${name}`));
    }
  assert.equal(missing, []);
  assert.ok(total > 1_000, `${total} exports`);
});

test.run();
