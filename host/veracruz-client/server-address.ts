import { InvalidArgumentError } from "commander";
import { formatAddress, parseAddress } from "../common/addresses.js";

/** Where a Veracruz server listens. */
export interface ServerAddress {
  host: string;
  port: number;
  /** Behind a reverse proxy that speaks HTTPS. Its certificate is checked; nothing secret depends on it. */
  secure?: boolean;
}

const HTTPS = /^https:\/\/(\[[^\]]+\]|[^/:\s]+)(?::(\d{1,5}))?\/?$/;
const HTTPS_PORT = "443";

/** A server as people name it: `host:port`, or `https://host[:port]` behind a reverse proxy. @throws InvalidArgumentError */
export function parseServerAddress(text: string): ServerAddress {
  const [, host, port = HTTPS_PORT] = HTTPS.exec(text) ?? [];
  if (host !== undefined) return { ...parseAddress(`${host}:${port}`), secure: true };
  if (text.includes("/"))
    throw new InvalidArgumentError("expected host:port, or https://host without a path");
  return parseAddress(text);
}

/** A server as people name it. */
export function formatServer(server: ServerAddress): string {
  return `${server.secure ? "https://" : ""}${formatAddress(server)}`;
}
