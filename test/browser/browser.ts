// A headless browser, and a server for the page that it shows.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import type { Parameters, Report } from "./principal.js";

/** Path of Debian's Chromium, or of another one; undefined where there is none. */
export function findBrowser(): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) =>
      ["chromium", "chromium-browser", "google-chrome"].map((n) => join(folder, n)),
    )
    .find(existsSync);
}

const page = `<!doctype html>
<title>Veracruz in a browser</title>
<script type="importmap">{"imports": {"@msgpack/msgpack": "/msgpack/index.mjs"}}</script>
<script type="module" src="/js/test/browser/principal.js"></script>
`;

const scripts: Record<string, string> = {
  "/js/": join(projectRoot, "build/js/"),
  "/msgpack/": join(projectRoot, "node_modules/@msgpack/msgpack/dist.esm/"),
};

/** The script at a path of the page's server; undefined where there is none. */
function script(path: string): Buffer | undefined {
  for (const [prefix, folder] of Object.entries(scripts)) {
    if (!path.startsWith(prefix)) continue;
    const file = resolve(folder, path.slice(prefix.length));
    if (file.startsWith(folder) && /\.m?js$/.test(file) && existsSync(file))
      return readFileSync(file);
  }
  return undefined;
}

/** Serves the page of a principal, and waits for what it reports. */
export class PageServer {
  readonly reported: Promise<Report>;
  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    reported: Promise<Report>,
  ) {
    this.reported = reported;
  }

  static async start(parameters: () => Parameters): Promise<PageServer> {
    let report: (report: Report) => void = () => undefined;
    const reported = new Promise<Report>((done) => {
      report = done;
    });
    const server = createServer((request, response) => {
      const answer = (type: string, body: string | Buffer) =>
        response.writeHead(200, { "content-type": type }).end(body);
      const { url = "" } = request;
      if (url === "/") answer("text/html", page);
      else if (url === "/parameters") answer("application/json", JSON.stringify(parameters()));
      else if (url === "/session-manager.wasm")
        answer("application/wasm", readFileSync(wasmPath("session-manager")));
      else if (url === "/report") {
        let body = "";
        request.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        request.on("end", () => {
          answer("text/plain", "");
          report(JSON.parse(body) as Report);
        });
      } else {
        const found = script(url);
        if (found) answer("text/javascript", found);
        else response.writeHead(404).end();
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new PageServer(server, reported);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A browser without a window that shows one page. */
export class HeadlessBrowser {
  readonly folder = mkdtempSync(join(tmpdir(), "vc-browser-"));
  private readonly child: ChildProcess;
  private said = "";
  /** Settles, with what it said, when it ends by itself. */
  readonly ended: Promise<string>;

  /** @param more arguments beside the usual ones */
  constructor(path: string, url: string, more: readonly string[] = []) {
    const args = [
      ...["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update"],
      // Root, as in a container, has no sandbox to put a page into; this page is ours.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ...[`--user-data-dir=${this.folder}`, "--remote-debugging-port=0", ...more, url],
    ];
    this.child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.said = (this.said + text).slice(-4_000);
    });
    this.ended = new Promise((done) => {
      this.child.once("error", (error) => done(error.message));
      this.child.once("close", () => done(this.said));
    });
  }

  async close(): Promise<void> {
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await this.ended;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
