// What the documents cite is there: links, headings, files, commands, test patterns.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../host/common/paths.js";

/** What is not part of the repository, or is made by a command that a document shows. */
const notOurs = new Set(["node_modules", "build", ".git", "quickstart", "mcu-quickstart", "data"]);

/** Every file of the repository, relative to its root. */
function listFiles(folder = projectRoot): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : [relative(projectRoot, path)];
  });
}

const files = listFiles();
const names = new Set(files.map((file) => basename(file)));
const read = (file: string): string => readFileSync(join(projectRoot, file), "utf8");
const documents = files.filter((file) => file.endsWith(".md"));
const { scripts, bin } = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;

/** A document's text without its blocks of code, in which `[…](…)` is no link. */
const prose = (document: string): string => read(document).replace(/^```.*?^```$/gms, "");

/** The anchor that a heading gets on GitHub. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

const anchors = (document: string): string[] =>
  [...prose(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading));

/** What a document may mean by a path: one from its own folder, or one from the root. */
const exists = (document: string, path: string): boolean =>
  existsSync(join(projectRoot, dirname(document), path)) || existsSync(join(projectRoot, path));

test("every relative link of every document leads somewhere", () => {
  let links = 0;
  const broken: string[] = [];
  for (const document of documents) {
    for (const [, target = ""] of prose(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      const [path = "", heading] = target.split("#");
      const file = path === "" ? document : join(dirname(document), path);
      const there = existsSync(join(projectRoot, file));
      if (!there || (heading !== undefined && !anchors(file).includes(heading)))
        broken.push(`${document}: ${target}`);
    }
  }
  assert.equal(broken, []);
  assert.ok(links > 10, `${links} links`);
});

/** Whether a cited path has a part that the reader fills in: `boards/BOARD/`, `input-N`, `{a,b}`, `*.ts`. */
const hasPlaceholder = (path: string): boolean =>
  /(^|[/_-])[A-Z][A-Z_]*($|[/.])|[*{<…$]/.test(path);

test("every file and folder that a document cites in the repository exists", () => {
  const rooms = new Set(
    files.filter((file) => file.includes("/")).map((file) => file.split("/")[0]),
  );
  let cited = 0;
  const missing: string[] = [];
  for (const document of documents) {
    for (const [, code = ""] of prose(document).matchAll(/`([^`\n]+)`/g)) {
      // A path of a room, or a path or name that ends as a source file does.
      const path = code.replace(/:\d+$/, "");
      const inRoom =
        /^[\w.@/-]+$/.test(path) && path.includes("/") && rooms.has(path.split("/")[0]);
      const source = /^[\w.@/-]+\.(ts|js|c|h|S|mk|ld|md|sh|svg)$/.test(path);
      if ((!inRoom && !source) || hasPlaceholder(path)) continue;
      cited++;
      const there = path.includes("/") ? isPartOfPath(path) : names.has(path);
      if (!exists(document, path) && !there) missing.push(`${document}: ${path}`);
    }
  }
  assert.equal(missing, []);
  assert.ok(cited > 100, `${cited} files`);
});

/**
 * Whether the path is the end of a file's path, as `isolate/platform.c` in a room's own document, or the
 * beginning of a test file's below `test/`, as `npm test -- PATTERN` takes it.
 */
function isPartOfPath(path: string): boolean {
  return files.some((file) => file.endsWith(`/${path}`) || file.startsWith(`test/${path}`));
}

test("every document that a source cites exists", () => {
  const sources = files.filter(
    (file) => /\.(ts|js|c|h|mk|sh|yaml)$/.test(file) && file !== "test/documents.test.ts",
  );
  let cited = 0;
  const missing: string[] = [];
  for (const source of sources) {
    for (const [path] of read(source).matchAll(/[\w./-]*\w\.md\b/g)) {
      cited++;
      if (!exists(source, path) && !names.has(basename(path))) missing.push(`${source}: ${path}`);
    }
  }
  assert.equal(missing, []);
  assert.ok(cited > 10, `${cited} documents`);
});

test("every folder of a part is in the document that lists them", () => {
  const listed: [document: string, folder: string][] = [
    ["COMPONENTS.md", "assembly"],
    ["COMPONENTS.md", "host"],
    ["mcu-client/README.md", "mcu-client"],
  ];
  for (const [document, folder] of listed) {
    const text = read(document);
    const folders = readdirSync(join(projectRoot, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !notOurs.has(entry.name))
      .map(({ name }) => name);
    assert.ok(folders.length > 10);
    const missing = folders.filter(
      (name) => !text.includes(`\`${folder}/${name}/`) && !text.includes(`\`${name}/`),
    );
    assert.equal(missing, [], document);
  }
});

test("every file that a picture names exists", () => {
  let named = 0;
  const missing: string[] = [];
  for (const picture of files.filter((file) => file.endsWith(".svg"))) {
    for (const [, paths = ""] of read(picture).matchAll(/class="path"[^>]*>([^<]+)</g)) {
      for (const path of paths.split(", ")) {
        named++;
        if (!existsSync(join(projectRoot, path))) missing.push(`${picture}: ${path}`);
      }
    }
  }
  assert.equal(missing, []);
  assert.ok(named > 5, `${named} paths`);
});

test("every picture is legible on a dark page", () => {
  const pictures = files.filter((file) => file.endsWith(".svg"));
  assert.ok(pictures.length >= 4);
  for (const picture of pictures)
    assert.match(read(picture), "@media (prefers-color-scheme: dark)", picture);
});

test("every dependency stands in docs/dependencies.md", () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read("package.json"));
  const used = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
    (name) => !name.startsWith("@types/"),
  );
  const text = read("docs/dependencies.md");
  assert.equal(
    used.filter((name) => !text.includes(name)),
    [],
  );
});

test("every npm script and command that a document names exists", () => {
  let named = 0;
  const unknown: string[] = [];
  for (const document of documents) {
    const text = read(document);
    for (const [, script = ""] of text.matchAll(/npm run ([a-z][a-z0-9:-]*)/g)) {
      named++;
      if (!scripts?.[script]) unknown.push(`${document}: npm run ${script}`);
    }
    for (const [, command = ""] of text.matchAll(/(?<![\w/.-])(vc-[a-z-]+[a-z])(?![\w.]|-)/g)) {
      named++;
      if (!bin?.[command]) unknown.push(`${document}: ${command}`);
    }
    for (const [, pattern = ""] of text.matchAll(/npm test -- (?:--[\w-]+ )*([\w./-]*\w)/g)) {
      if (hasPlaceholder(pattern) || pattern.startsWith("--")) continue;
      named++;
      if (!files.some((file) => file.startsWith("test/") && file.includes(pattern)))
        unknown.push(`${document}: npm test -- ${pattern}`);
    }
  }
  assert.equal(unknown, []);
  assert.ok(named > 50, `${named} names`);
});

test("every command of this project that a source names in its comments and texts exists", () => {
  const unknown: string[] = [];
  for (const source of files.filter((file) => /\.(ts|js|c|h|mk|sh)$/.test(file)))
    for (const [, command = ""] of read(source).matchAll(/`(vc-[a-z-]+[a-z])[ `]/g))
      if (!bin?.[command]) unknown.push(`${source}: ${command}`);
  assert.equal(unknown, []);
});

/** Puts the commands of the clone, or of a project that installed this package, on the path. */
const PATH_LINE = /^(export .*)?PATH="\S+\/node_modules\/\.bin:\$PATH"/;
/** What is found there, and may be a stranger's package in the registry. */
const installed = new Set([...Object.keys(bin ?? {}), "asc", "biome", "tsc"]);

test("nobody is told to run what asks the registry for a name: npx does outside of a clone, even with --no", () => {
  const found: string[] = [];
  for (const document of documents)
    for (const [said] of read(document).matchAll(/\b(npx|npm (exec|x)) -*[\w@]+/g))
      if (said !== "npx before") found.push(`${document}: ${said}`);
  // Help texts and messages are in the sources.
  for (const source of files.filter((file) => /(\.(ts|js|c|h|mk|sh|json)|ci\/run)$/.test(file)))
    for (const [said, , , command = ""] of read(source).matchAll(
      /\b(npx|npm (exec|x)) (?:-\S+ )*([\w@/-]+)/g,
    ))
      if (installed.has(command)) found.push(`${source}: ${said}`);
  assert.equal(found, []);
});

test("a document that runs this project's commands says first how they are found", () => {
  let used = 0;
  const unfound: string[] = [];
  for (const document of documents) {
    let said = false;
    for (const [, block = ""] of read(document).matchAll(/^```sh.*?\n(.*?)^```$/gms)) {
      for (const line of block.replaceAll(/\\\n\s*/g, "").split("\n")) {
        if (PATH_LINE.test(line)) said = true;
        const [command = ""] = line.trim().split(" ");
        if (!installed.has(command)) continue;
        used++;
        if (!said) unfound.push(`${document}: ${line}`);
      }
    }
  }
  assert.equal(unfound, []);
  assert.ok(used > 15, `${used} commands`);
});

test("no two documents repeat a command of more than a few words", () => {
  const seen = new Map<string, string>();
  const repeated: string[] = [];
  for (const document of documents) {
    for (const [, block = ""] of read(document).matchAll(/^```sh.*?\n(.*?)^```$/gms)) {
      for (const line of block.replaceAll(/\\\n\s*/g, "").split("\n")) {
        const command = line.replace(/\s+#.*$/, "").trim();
        if (command.split(/\s+/).length <= 4) continue;
        const first = seen.get(command);
        if (first !== undefined && first !== document)
          repeated.push(`${document} and ${first}: ${command}`);
        seen.set(command, document);
      }
    }
  }
  assert.equal(repeated, []);
  assert.ok(seen.size > 20, `${seen.size} commands`);
});

test.run();
