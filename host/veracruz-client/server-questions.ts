import type { ServerAddress } from "./server-address.js";
import { requestTo } from "./server-requests.js";

/** A server's answer to a question in the clear; nothing is decided on it. */
export interface ServerAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks a server for what anybody may know; undefined when it does not answer.
 *
 * @param most characters that are read
 */
export function askServer(
  server: ServerAddress,
  path: string,
  headers: Record<string, string>,
  { timeoutMs, most }: { timeoutMs: number; most: number },
): Promise<ServerAnswer | undefined> {
  const { host, port } = server;
  return new Promise((resolve) => {
    const nothing = () => resolve(undefined);
    const options = { host, port, path, headers, timeout: timeoutMs, agent: false };
    const request = requestTo(server)(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > most) answer.destroy();
      });
      answer.on("error", nothing);
      answer.on("close", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", nothing);
    request.end();
  });
}
