import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { interruptible } from "../common/interruption.js";
import { networkReason } from "../common/network-reason.js";
import { projectRoot } from "../common/paths.js";
import { Output, type OutputOptions } from "./output.js";
import { sha256 } from "./own-attestation.js";

interface OpenOptions extends OutputOptions {
  port: number;
}

/** Where the page is: one file, made by scripts/bundle-page.js. */
export const pagePath = join(projectRoot, "build/principal.html");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

function readPage(): Buffer {
  try {
    return readFileSync(pagePath);
  } catch {
    throw new CliError(`the page is not built: ${JSON.stringify(pagePath)} is missing`, 1);
  }
}

/**
 * Gives the page once, to who knows the token, and to nobody who comes under another name than this computer's.
 *
 * @returns settles when the page was fetched
 */
function serveOnce(server: Server, page: Buffer, token: string, host: string): Promise<void> {
  const wanted = Buffer.from(`/${token}`);
  return new Promise((resolve) => {
    let given = false;
    server.on("request", (request, answer) => {
      const asked = Buffer.from(request.url ?? "");
      const knows = asked.length === wanted.length && timingSafeEqual(asked, wanted);
      const good = knows && !given && request.method === "GET" && request.headers.host === host;
      answer.setHeader("connection", "close");
      if (!good) {
        answer.writeHead(given ? 410 : 404, { "content-type": "text/plain" });
        answer.end(given ? "the page was fetched already: veracruz open\n" : "nothing here\n");
        return;
      }
      given = true;
      answer.writeHead(200, HEADERS).end(page, () => resolve());
    });
  });
}

/** `veracruz open`: serves the page of a party to this computer's browser, once, under a token that nobody can guess. */
export async function open(options: OpenOptions): Promise<void> {
  const output = new Output(options);
  const page = readPage();
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new CliError(
          `cannot listen on 127.0.0.1:${options.port}: ${networkReason(error)} (--port takes another one; what the browser keeps belongs to the port)`,
          1,
        ),
      ),
    );
    server.listen(options.port, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  const token = randomBytes(16).toString("hex");
  const url = `http://127.0.0.1:${port}/${token}`;
  await interruptible(
    async () => {
      const served = serveOnce(server, page, token, `127.0.0.1:${port}`);
      output.note("open this in your browser; it works once:");
      output.say(url);
      output.answer({ event: "open", url, sha256: sha256(page) });
      output.detail(`SHA-256 of the page: ${sha256(page)}`);
      await served;
      output.note("the page is in your browser: it needs nothing from here any more");
    },
    async () => {
      server.close();
      server.closeAllConnections();
    },
  );
}
