import { isIPv4 } from "node:net";
import { crc32 } from "node:zlib";
import { entryOf, type PrincipalIdentity } from "../veracruz-client/identity.js";
import { certificateFromPem } from "../veracruz-utils/certificates.js";
import { may, type Policy } from "../veracruz-utils/policy.js";

/** What one device is provisioned with. */
export interface PageContent {
  policy: Policy;
  identity: PrincipalIdentity;
  /** Where the device finds the Veracruz server; the host is an IPv4 address. */
  server: { host: string; port: number };
  /** Files that the device sends when it starts. */
  data?: readonly { name: string; bytes: Uint8Array }[];
  programs?: readonly { name: string; bytes: Uint8Array }[];
  /** A file that it reads when all is sent. */
  result?: string;
  /** Whether it agrees to the end of the computation then. */
  shutdown?: boolean;
}

/** The largest page: what a board sets aside for it. */
export const PAGE_BYTES = 65_536;
/** Files in a page, and their names in bytes, at most (`mcu-client/client/page.h`). */
const MAX_FILES = 4;
const MAX_NAME = 64;
/** Longest certificate that the device's client takes, in bytes. */
const MAX_CERTIFICATE = 1_400;

/** Numbers of the items: those of `mcu-client/client/page.c`, with which a test compares them. */
export const pageItems = {
  HOST: 1,
  PORT: 2,
  AUTHORITY: 3,
  CERTIFICATE: 4,
  PRIVATE_KEY: 5,
  POLICY_HASH: 6,
  RUNTIME_LINUX: 7,
  RUNTIME_MCU: 8,
  FLAGS: 9,
  POLICY_EXPIRY: 10,
  DATA: 11,
  PROGRAM: 12,
  RESULT: 13,
} as const;

const FLAG_ALLOW_DEVELOPMENT = 1;
const FLAG_AES = 2;
const FLAG_SHUTDOWN = 4;

/** Why there is no page; never with a secret in it. */
export class PageError extends Error {
  override name = "PageError";
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function item(type: keyof typeof pageItems, bytes: Uint8Array): Buffer {
  const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4);
  return Buffer.concat([u32(pageItems[type]), u32(bytes.length), bytes, padding]);
}

const text = (value: string) => Buffer.from(`${value}\0`, "latin1");

function fileItem(type: "DATA" | "PROGRAM", { name, bytes }: { name: string; bytes: Uint8Array }) {
  if (!/^[A-Za-z0-9._/-]+$/.test(name) || name.length > MAX_NAME) {
    throw new PageError(`${JSON.stringify(name)} is no name of a file in a policy`);
  }
  return item(type, Buffer.concat([text(name), bytes]));
}

function certificateBytes(what: string, der: Uint8Array): Uint8Array {
  if (der.length > MAX_CERTIFICATE) {
    throw new PageError(
      `${what} has ${der.length} bytes; a device takes certificates of up to ${MAX_CERTIFICATE}`,
    );
  }
  return der;
}

/** Which files the policy lets this principal write and read: what the isolate would refuse is refused here. */
function checkRights(content: PageContent): void {
  const entry = entryOf(content.policy, content.identity);
  for (const { name } of [...(content.data ?? []), ...(content.programs ?? [])]) {
    if (!may(entry, "w", name))
      throw new PageError(`the policy does not let this principal write ${name}`);
  }
  if (content.result !== undefined && !may(entry, "r", content.result)) {
    throw new PageError(`the policy does not let this principal read ${content.result}`);
  }
}

/**
 * The page of one device, as `mcu-client/client/page.h` describes it. It holds the device's private key:
 * whoever has it is the device.
 *
 * @throws PageError, ClientError when the policy does not name the certificate
 */
export function makePage(content: PageContent): Buffer {
  const { policy, identity, server } = content;
  if (!isIPv4(server.host)) {
    throw new PageError(`the server's address must be IPv4, as in 172.17.0.2, not ${server.host}`);
  }
  checkRights(content);
  const files = (content.data?.length ?? 0) + (content.programs?.length ?? 0);
  if (files > MAX_FILES) throw new PageError(`a page takes ${MAX_FILES} files at most`);
  const jwk = identity.key.export({ format: "jwk" });
  const expiry = Buffer.alloc(8);
  expiry.writeBigUInt64LE(BigInt(Math.floor(policy.expiry.getTime() / 1000)));
  const flags =
    (policy.document.allow_development ? FLAG_ALLOW_DEVELOPMENT : 0) |
    (policy.document.ciphersuite === "TLS1_3_AES_128_GCM_SHA256" ? FLAG_AES : 0) |
    (content.shutdown ? FLAG_SHUTDOWN : 0);
  const linux = policy.runtimeHash("linux");
  const mcu = policy.runtimeHash("mcu");
  const items = Buffer.concat([
    item("HOST", text(server.host)),
    item("PORT", u32(server.port)),
    item(
      "AUTHORITY",
      certificateBytes(
        "the CA's certificate",
        certificateFromPem(policy.document.proxy_service_cert),
      ),
    ),
    item("CERTIFICATE", certificateBytes("the principal's certificate", identity.certificate.raw)),
    item("PRIVATE_KEY", Buffer.from(jwk.d ?? "", "base64url")),
    item("POLICY_HASH", policy.hash),
    ...(linux ? [item("RUNTIME_LINUX", linux)] : []),
    ...(mcu ? [item("RUNTIME_MCU", mcu)] : []),
    item("FLAGS", u32(flags)),
    item("POLICY_EXPIRY", expiry),
    ...(content.data ?? []).map((file) => fileItem("DATA", file)),
    ...(content.programs ?? []).map((file) => fileItem("PROGRAM", file)),
    ...(content.result === undefined ? [] : [item("RESULT", text(content.result))]),
  ]);
  const page = Buffer.concat([
    Buffer.from("VCPAGE01", "latin1"),
    u32(items.length),
    u32(crc32(items) >>> 0),
    items,
  ]);
  if (page.length > PAGE_BYTES) {
    throw new PageError(`the page has ${page.length} bytes, more than ${PAGE_BYTES}`);
  }
  return page;
}

/** The page as a C header, for firmware that carries it in its image: `client_page[]`. */
export function pageHeader(page: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < page.length; at += 16) {
    const row = Array.from(
      page.subarray(at, at + 16),
      (byte) => `0x${byte.toString(16).padStart(2, "0")}`,
    );
    rows.push(`  ${row.join(", ")},`);
  }
  return `// Made by vc-mcu-client provision. It holds a private key: keep it as you would keep that.
#include <stdint.h>

static const uint8_t client_page[${page.length}] __attribute__((aligned(4))) = {
${rows.join("\n")}
};
`;
}
