import { InvalidArgumentError } from "commander";

/** Every address and port that this project uses by default; the table in COMPONENTS.md says the same. */
export const addresses = {
  /** Veracruz server ↔ runtime manager: the host isolate, or the emulator's forwarded port. */
  isolate: { host: "127.0.0.1", port: 6000 },
  /** Proxy attestation server. */
  proxyAttestationServer: { host: "127.0.0.1", port: 3010 },
  /** Veracruz server. */
  veracruzServer: { host: "127.0.0.1", port: 3017 },
  /** The page of a party, as `veracruz open` serves it. */
  principalPage: { host: "127.0.0.1", port: 3018 },
  /** The same two in the MCU demo and MCU tests: the first address on Docker's default bridge. */
  mcuDemoProxyAttestationServer: { host: "172.17.0.2", port: 3010 },
  mcuDemoVeracruzServer: { host: "172.17.0.2", port: 3017 },
} as const;

/** An address as text, `host:port`. */
export function formatAddress({ host, port }: { host: string; port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** An address given as `host:port`, `[v6]:port`, or just `port` on `defaultHost`; port 0 = any free one. */
export function parseAddress(
  text: string,
  defaultHost = "127.0.0.1",
): { host: string; port: number } {
  const [, v6, name, digits] = /^(?:(?:\[([^\]]+)\]|([^:\s]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535) {
    throw new InvalidArgumentError("expected host:port, as in 127.0.0.1:3017");
  }
  return { host: v6 ?? name ?? defaultHost, port };
}
