import { isIP } from "node:net";
import { crc32 } from "node:zlib";
import { MAX_FILE_NAME_BYTES } from "../transport-protocol/messages.js";
import { entryOf, type PrincipalIdentity } from "../veracruz-client/identity.js";
import { may, type Policy } from "../veracruz-utils/policy.js";
import { certificateFromPem } from "../x509/principal-certificate.js";
import { PAGE_BYTES, PAGE_FILES, PAGE_MAGIC, pageFlags, pageItems } from "./page-items.js";

/** What one device is provisioned with. */
export interface PageContent {
  policy: Policy;
  identity: PrincipalIdentity;
  /** Where the device finds the Veracruz server: an address, or a name where its transport looks names up. */
  server: { host: string; port: number };
  /** Files that the device sends when it starts. */
  data?: readonly { name: string; bytes: Uint8Array }[];
  programs?: readonly { name: string; bytes: Uint8Array }[];
  /** Items of streams, for the round that is current then. */
  streams?: readonly { name: string; bytes: Uint8Array }[];
  /** A file that it reads when all is sent. */
  result?: string;
  /** Whether it agrees to the end of the computation then. */
  shutdown?: boolean;
  /** The one restart that the device accepts: number of the isolate to begin again with. */
  acceptRestart?: number;
}

/** Longest certificate that the device's client takes, in bytes. */
const MAX_CERTIFICATE = 1_400;
/** Longest name of a server that the device's client takes, in bytes (`assembly/mcu-client/post-exchange.ts`). */
const MAX_HOST = 64;

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

function fileItem(
  type: "DATA" | "PROGRAM" | "STREAM",
  { name, bytes }: { name: string; bytes: Uint8Array },
) {
  if (!/^[A-Za-z0-9._/-]+$/.test(name) || name.length > MAX_FILE_NAME_BYTES) {
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

const filesOf = ({ data = [], programs = [], streams = [] }: PageContent) => [
  ...data,
  ...programs,
  ...streams,
];

/** Which files the policy lets this principal write and read: refuses here what the isolate would refuse. */
function checkRights(content: PageContent): void {
  const entry = entryOf(content.policy, content.identity);
  for (const { name } of filesOf(content)) {
    if (!may(entry, "w", name))
      throw new PageError(`the policy does not let this principal write ${name}`);
  }
  if (content.result !== undefined && !may(entry, "r", content.result)) {
    throw new PageError(`the policy does not let this principal read ${content.result}`);
  }
}

/** An address, or a name (RFC 1123 §2.1) that fits the client's HTTP header. */
function checkHost(host: string): void {
  // An IPv6 address stands there in brackets.
  const length = host.length + (host.includes(":") ? 2 : 0);
  const isName = /^(?!-)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(host) && /[A-Za-z]/.test(host);
  if ((isIP(host) === 0 && !isName) || host.includes("%") || length > MAX_HOST) {
    throw new PageError(
      `the server is an IPv4 address, an IPv6 address without a zone, or a name, of up to ${MAX_HOST} characters; not ${host}`,
    );
  }
}

/**
 * The page of one device, as `mcu-client/library/include/veracruz/page.h` describes it. It holds the device's private key:
 * whoever has it is the device.
 *
 * @throws PageError, ClientError when the policy does not name the certificate
 */
export function makePage(content: PageContent): Buffer {
  const { policy, identity, server } = content;
  checkHost(server.host);
  checkRights(content);
  if (filesOf(content).length > PAGE_FILES)
    throw new PageError(`a page takes ${PAGE_FILES} files at most`);
  const most = 1 + (policy.document.max_restarts ?? 0);
  const { acceptRestart } = content;
  if (acceptRestart !== undefined && !(acceptRestart >= 2 && acceptRestart <= most)) {
    throw new PageError(
      `the policy allows ${most} isolate${most === 1 ? "" : "s"} (1 + max_restarts): there is no restart ${acceptRestart} to accept`,
    );
  }
  const jwk = identity.key.export({ format: "jwk" });
  const expiry = Buffer.alloc(8);
  expiry.writeBigUInt64LE(BigInt(Math.floor(policy.expiry.getTime() / 1000)));
  const flags =
    (policy.document.allow_development ? pageFlags.ALLOW_DEVELOPMENT : 0) |
    (policy.document.ciphersuite === "TLS1_3_AES_128_GCM_SHA256" ? pageFlags.AES : 0) |
    (content.shutdown ? pageFlags.SHUTDOWN : 0) |
    (policy.document.key_exchange === "hybrid-required" ? pageFlags.HYBRID_REQUIRED : 0);
  const linux = policy.runtimeHash("linux");
  const mcu = policy.runtimeHash("mcu");
  const minima = (policy.document.minimum_versions ?? [])
    .map(({ component, version }) => `${component} ${version}`)
    .join(" ");
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
    item("SCOPE_HASH", policy.scopeHash),
    item("MOST_ISOLATES", u32(most)),
    ...(acceptRestart === undefined ? [] : [item("ACCEPT_RESTART", u32(acceptRestart))]),
    ...(linux ? [item("RUNTIME_LINUX", linux)] : []),
    ...(mcu ? [item("RUNTIME_MCU", mcu)] : []),
    ...(minima === "" ? [] : [item("MINIMUM_VERSIONS", text(minima))]),
    item("FLAGS", u32(flags)),
    item("POLICY_EXPIRY", expiry),
    ...(content.data ?? []).map((file) => fileItem("DATA", file)),
    ...(content.programs ?? []).map((file) => fileItem("PROGRAM", file)),
    ...(content.streams ?? []).map((file) => fileItem("STREAM", file)),
    ...(content.result === undefined ? [] : [item("RESULT", text(content.result))]),
  ]);
  const page = Buffer.concat([
    Buffer.from(PAGE_MAGIC, "latin1"),
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
