// npm run bench:client-package: what @veracruz/client takes on disk, and at its start beside bare Node.js.
// @ts-check
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    chart: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:client-package -- [--json FILE] [--chart FILE]

Bundles @veracruz/client and measures its size and the processor time of "veracruz --help", the least of nine runs,
against Node.js with an empty program in the same run.

  --json FILE   also writes the figures there
  --chart FILE  also draws them, each against its bar (SVG)

Bars: 5 MiB; 60 ms above bare Node.js.`);
  process.exit(0);
}

/** Milliseconds of processor time, user and system, that Node.js takes for these arguments: the least of nine runs. */
function processorTime(/** @type {string[]} */ ...args) {
  const times = Array.from({ length: 9 }, () => {
    const { stdout } = spawnSync(
      "bash",
      [
        "-c",
        'TIMEFORMAT="%U %S"; { time "$@" > /dev/null; } 2>&1',
        "time",
        process.execPath,
        ...args,
      ],
      { encoding: "utf8" },
    );
    return stdout
      .trim()
      .split(/\s+/)
      .reduce((sum, part) => sum + Number(part), 0);
  });
  return Math.round(Math.min(...times) * 1000);
}

const folder = mkdtempSync(join(tmpdir(), "veracruz-client-"));
try {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts/bundle-client.js"), folder],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the package cannot be bundled:\n${stderr}`);
  const bytes = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name)))
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + file.size, 0);
  const bare = processorTime("-e", "0");
  const start = processorTime(join(folder, "build/js/cli.js"), "--help");
  const figures = { bytes, bareMilliseconds: bare, startMilliseconds: start };
  console.log(`size on disk            ${(bytes / 1024).toFixed(0).padStart(6)} KiB   bar 5120
bare Node.js            ${String(bare).padStart(6)} ms
veracruz --help         ${String(start).padStart(6)} ms
start above Node.js     ${String(start - bare).padStart(6)} ms    bar 60`);
  if (options.chart) {
    const { barChart } = await import("../build/js/host/common/chart.js");
    const shown = [
      { name: "size on disk", value: bytes / 1024, unit: "KiB", bar: 5120 },
      { name: "start above bare Node.js", value: start - bare, unit: "ms", bar: 60 },
    ];
    writeFileSync(options.chart, barChart("@veracruz/client", shown));
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
