// Makes the page of a principal: one file with everything inside, build/principal.html. The same sources make the same
// bytes; its SHA-256 is printed.
//
// Usage: node scripts/bundle-page.js [FILE]     (default: build/principal.html)
// @ts-check
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const file = resolve(process.argv[2] ?? join(root, "build/principal.html"));
const room = join(root, "host/principal-page");
const standIns = join(room, "stand-ins");
const MOST_BYTES = 400 * 1024;

const modules = Object.fromEntries(
  ["policy", "session-manager-signer"].map((name) => [
    name,
    readFileSync(join(root, `build/wasm/${name}.wasm`)).toString("base64"),
  ]),
);

/** What stands in for modules that a browser does not have. */
const replaced = /** @type {const} */ ([
  [/^node:crypto$/, "crypto.ts"],
  [/^node:stream$/, "stream.ts"],
  [/^node:events$/, "events.ts"],
  [/^node:timers\/promises$/, "timers.ts"],
  [/^node:(fs|path|os|net|tls|http|https|child_process)$/, "files.ts"],
  [/^commander$/, "commander.ts"],
  [/\/common\/paths\.js$/, "files.ts"],
  [/\/server-questions\.js$/, "server-questions.ts"],
]);

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: [join(room, "page.ts")],
  bundle: true,
  write: false,
  format: "esm",
  platform: "browser",
  target: "es2022",
  minify: true,
  legalComments: "none",
  charset: "ascii",
  inject: [join(standIns, "buffer.ts"), join(standIns, "globals.ts")],
  define: { EMBEDDED_MODULES: JSON.stringify(modules) },
  tsconfig: join(room, "tsconfig.json"),
  logLevel: "error",
  plugins: [
    {
      name: "stand-ins",
      setup(builder) {
        for (const [filter, name] of replaced)
          builder.onResolve({ filter }, ({ importer }) =>
            importer.includes("stand-ins") && name === "server-questions.ts"
              ? undefined
              : { path: join(standIns, name) },
          );
      },
    },
  ],
});

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const script = (outputFiles[0]?.text ?? "").trim().replaceAll("</script", "<\\/script");
const css = await transform(readFileSync(join(room, "page.css"), "utf8"), {
  loader: "css",
  minify: true,
});
const style = css.code.trim();
/** @param {string} text */
const hashOf = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(script)} 'wasm-unsafe-eval'`,
  `style-src ${hashOf(style)}`,
  // Narrowed to one server by the page itself, once its user has named it.
  "connect-src http: https: ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const page = readFileSync(join(room, "page.html"), "utf8")
  .replace("@csp@", policy)
  .replace("@version@", version)
  .replace("<style></style>", () => `<style>${style}</style>`)
  .replace("></script>", () => `>${script}</script>`);
if (page.length > MOST_BYTES) throw new Error(`${page.length} bytes are too many for the page`);
writeFileSync(file, page);
console.log(`${createHash("sha256").update(page).digest("hex")}  ${file} (${page.length} bytes)`);
