import type { Duplex } from "node:stream";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import * as alerts from "../../assembly/session-manager/alerts.js";
import { Group, groupName, Suite, type TlsEngine } from "../session-manager/engine.js";
import { sharedTlsEngine } from "../session-manager/load.js";
import { TlsDuplex } from "../session-manager/tls-duplex.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { certificateFromPem, certificateToPem } from "../x509/principal-certificate.js";
import { ClientError } from "./errors.js";
import { type PrincipalIdentity, type SigningIdentity, signerOf } from "./identity.js";
import { CheckFailed, type IsolateCheck } from "./isolate-checks.js";
import { checkIsolate, ISOLATE_NAME, type IsolateIdentity } from "./isolate-identity.js";

/** A TLS session with an isolate that was checked. */
export interface SecureChannel {
  stream: Duplex;
  isolate: IsolateIdentity;
  /** The TLS group by which the keys were agreed on, as in `X25519MLKEM768`. */
  keyExchange: string;
  /** An exporter of the session (RFC 8446 §7.5), without context: 32 bytes. */
  exporter: (label: string) => Uint8Array;
}

/** Who the client is, and what it demands of the isolate. */
export interface ChannelOptions {
  policy: Policy;
  identity: PrincipalIdentity | SigningIdentity;
  expectedFingerprint: string | undefined;
  timeoutMs: number;
}

/** Opens TLS on a byte stream to the isolate. Rejects with a ClientError; the stream is then destroyed. */
export type OpenChannel = (tunnel: Duplex, options: ChannelOptions) => Promise<SecureChannel>;

/** A deadline for the handshake: the stream is destroyed with the error. */
function deadline(stream: Duplex, timeoutMs: number): () => void {
  const timer = setTimeout(() => {
    stream.destroy(
      new ClientError("connection", `no TLS session with the isolate within ${timeoutMs} ms`),
    );
  }, timeoutMs);
  return () => clearTimeout(timer);
}

const EXPIRED_CODES = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
/** What of Node's and OpenSSL's errors is about the isolate's certificate. */
const certificateErrors: Record<string, string> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate was not issued by the policy's CA",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate was not issued by the policy's CA",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate was not issued by the policy's CA",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate was not issued by the policy's CA",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate was not issued by the policy's CA",
  CERT_SIGNATURE_FAILURE: "its certificate was not signed by the policy's CA",
};

/** Alerts by which an isolate says that it does not want this principal (RFC 8446 §6.2). */
const identityAlerts = new Set([
  alerts.ALERT_BAD_CERTIFICATE,
  alerts.ALERT_UNSUPPORTED_CERTIFICATE,
  alerts.ALERT_CERTIFICATE_REVOKED,
  alerts.ALERT_CERTIFICATE_EXPIRED,
  alerts.ALERT_CERTIFICATE_UNKNOWN,
  alerts.ALERT_UNKNOWN_CA,
  alerts.ALERT_ACCESS_DENIED,
  alerts.ALERT_DECRYPT_ERROR,
  alerts.ALERT_CERTIFICATE_REQUIRED,
]);
const identityAlertCodes =
  /^ERR_SSL_(?:TLSV\d+_|SSLV3_)*ALERT_(ACCESS_DENIED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|DECRYPT_ERROR)$/;

/** Which check it was, where this client itself sends such an alert. */
const checkOfAlert: Record<number, IsolateCheck> = {
  [alerts.ALERT_CERTIFICATE_EXPIRED]: "time",
  [alerts.ALERT_UNSUPPORTED_CERTIFICATE]: "purpose",
  [alerts.ALERT_CERTIFICATE_UNKNOWN]: "certificate",
  [alerts.ALERT_DECRYPT_ERROR]: "key",
};

/** What a client says where the connection ends before TLS does. */
export const LOST_IN_TLS = "the connection ended in the middle of the TLS session";

/** An error of a TLS session, as what it means to a client. */
export function explainTlsError(error: Error): ClientError {
  if (error instanceof ClientError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const alert = (error as { alertReceived?: number }).alertReceived;
  const known = certificateErrors[code];
  if (known !== undefined)
    return new CheckFailed(EXPIRED_CODES.has(code) ? "time" : "issuer", `the isolate: ${known}`);
  if (identityAlertCodes.test(code) || (alert !== undefined && identityAlerts.has(alert))) {
    return new ClientError(
      "identity",
      `the isolate refused this certificate (${alert === undefined ? code : error.message})`,
    );
  }
  const lost =
    code === "ECONNRESET" || code === "EPIPE" || /connection ended before/.test(error.message);
  return new ClientError("connection", lost ? LOST_IN_TLS : `TLS failed: ${error.message}`);
}

const HYBRID = groupName(Group.x25519mlkem768);

/** Whether the TLS of this Node.js knows X25519MLKEM768: OpenSSL does since 3.5. */
function nodeKnowsHybrid(): boolean {
  const [major = 0, minor = 0] = process.versions.openssl.split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 5);
}

/**
 * TLS by Node.js itself. It rejects, before it says anything, where the policy requires the hybrid key
 * exchange and this Node.js does not know it.
 */
export const openNodeTls: OpenChannel = (tunnel, options) =>
  new Promise((resolve, reject) => {
    const { policy, identity } = options;
    if (!("key" in identity)) {
      tunnel.destroy();
      reject(
        new ClientError(
          "usage",
          "the TLS of Node.js takes no signer: expected --tls own, or a key",
        ),
      );
      return;
    }
    const requiresHybrid = policy.document.key_exchange === "hybrid-required";
    if (requiresHybrid && !nodeKnowsHybrid()) {
      tunnel.destroy();
      reject(
        new ClientError(
          "usage",
          `the policy requires ${HYBRID}, which the TLS of this Node.js (OpenSSL ${process.versions.openssl}) does not know; expected --tls own, or OpenSSL 3.5`,
        ),
      );
      return;
    }
    const classical = "X25519:prime256v1";
    let isolate: IsolateIdentity | undefined;
    const suite =
      policy.document.ciphersuite === "TLS1_3_AES_128_GCM_SHA256"
        ? "TLS_AES_128_GCM_SHA256"
        : "TLS_CHACHA20_POLY1305_SHA256";
    const stream = connectTls({
      socket: tunnel,
      servername: ISOLATE_NAME,
      ca: policy.document.proxy_service_cert,
      cert: certificateToPem(identity.certificate.raw),
      key: identity.key.export({ type: "pkcs8", format: "pem" }),
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      ciphers: suite,
      ecdhCurve: requiresHybrid ? HYBRID : nodeKnowsHybrid() ? `${HYBRID}:${classical}` : classical,
      // Node's own check of the chain comes first; this one sees what it does not.
      checkServerIdentity: (_name: string, certificate: PeerCertificate) => {
        try {
          isolate = checkIsolate(certificate.raw, policy, options.expectedFingerprint, new Date());
          return undefined;
        } catch (error) {
          return error as Error;
        }
      },
    });
    const inTime = deadline(stream, options.timeoutMs);
    const fail = (error: Error) => {
      inTime();
      tunnel.destroy();
      reject(explainTlsError(error));
    };
    // Listeners stay: an error may come twice, from the transport and from TLS.
    stream.on("error", fail);
    // Node does not tell TLS of the end of a transport that is no socket.
    tunnel.on("error", (error) => stream.destroy(error));
    tunnel.on("close", () => stream.destroy());
    stream.once("secureConnect", () => {
      inTime();
      if (isolate === undefined || !stream.authorized) {
        fail(new CheckFailed("certificate", "the isolate's certificate was not checked"));
        return;
      }
      // A device is not to be made to hold records of 16 KiB; OpenSSL does not know RFC 8449.
      if (isolate.kind === "mcu") stream.setMaxSendFragment(4096);
      // Node.js names the groups that are curves only.
      const { name } = stream.getEphemeralKeyInfo() as { name?: string };
      const exporter = (label: string) =>
        new Uint8Array(stream.exportKeyingMaterial(32, label, Buffer.alloc(0)));
      resolve({ stream, isolate, exporter, keyExchange: name ?? HYBRID });
    });
    stream.once("close", () => fail(new Error("the connection ended before the TLS session did")));
  });

/** The session manager: for a key that is elsewhere, the module that waits for signatures. */
function engineFor(identity: ChannelOptions["identity"]): TlsEngine {
  return sharedTlsEngine("key" in identity ? "session-manager" : "session-manager-signer");
}

/** The own key and certificate, as the session manager takes them. */
function configuredIdentity(identity: ChannelOptions["identity"]) {
  const { certificate } = identity;
  const chain = [certificate.raw];
  if (!("key" in identity)) {
    const { x = "", y = "" } = certificate.publicKey.export({ format: "jwk" });
    const publicKey = Buffer.concat([
      Buffer.of(4),
      Buffer.from(x, "base64url"),
      Buffer.from(y, "base64url"),
    ]);
    return { elsewhere: { publicKey, chain } };
  }
  const privateKey = Buffer.from(identity.key.export({ format: "jwk" }).d ?? "", "base64url");
  return { identity: { privateKey, chain } };
}

/** TLS by the AssemblyScript session manager, in its client role. */
export const openOwnTls: OpenChannel = (tunnel, options) =>
  new Promise((resolve, reject) => {
    const { policy, identity } = options;
    const config = engineFor(identity).configure({
      suites:
        policy.document.ciphersuite === "TLS1_3_AES_128_GCM_SHA256"
          ? Suite.Aes128Gcm
          : Suite.ChaCha20Poly1305,
      groups: policy.document.key_exchange === "hybrid-required" ? Group.x25519mlkem768 : Group.all,
      // A device asks for records of 4 KiB (RFC 8449).
      recordSizeLimit: 16385,
      maxContent: 16384,
      ...configuredIdentity(identity),
      server: {
        authority: certificateFromPem(policy.document.proxy_service_cert),
        name: ISOLATE_NAME,
      },
    });
    let isolate: IsolateIdentity | undefined;
    let distrust: Error | undefined;
    const stream = new TlsDuplex({
      config,
      role: "client",
      transport: tunnel,
      ...(!("key" in identity) && { sign: (content) => signerOf(identity).sign(content) }),
      approve: ([certificate]) => {
        try {
          isolate = checkIsolate(
            certificate ?? new Uint8Array(0),
            policy,
            options.expectedFingerprint,
            new Date(),
          );
          return true;
        } catch (error) {
          distrust = error as Error;
          return false;
        }
      },
    });
    const inTime = deadline(stream, options.timeoutMs);
    tunnel.on("error", () => undefined);
    const fail = (error: Error) => {
      inTime();
      tunnel.destroy();
      const sent = (error as { alertSent?: number }).alertSent;
      // The module itself checks chain, name and dates, and says so with an alert.
      const own =
        sent !== undefined && identityAlerts.has(sent)
          ? new CheckFailed(
              /malformed/.test(error.message) ? "certificate" : (checkOfAlert[sent] ?? "issuer"),
              `the isolate: its certificate is refused (${error.message})`,
            )
          : undefined;
      reject(explainTlsError(distrust ?? own ?? error));
    };
    stream.on("error", fail);
    stream.once("secure", () => {
      inTime();
      if (isolate === undefined) {
        fail(new CheckFailed("certificate", "the isolate's certificate was not checked"));
        return;
      }
      const keyExchange = groupName(stream.session.negotiated.group);
      const exporter = (label: string) => {
        const bytes = stream.exportKeyingMaterial(label);
        if (bytes === undefined) throw new ClientError("connection", "the session has ended");
        return bytes;
      };
      resolve({ stream, isolate, exporter, keyExchange });
    });
    stream.once("close", () => fail(new Error("the connection ended before the TLS session did")));
  });

/** A key exchange in words: what it means for traffic that somebody records. */
export function describeKeyExchange(name: string): string {
  return name === HYBRID
    ? `${name}: recorded traffic stays secret`
    : `${name}: a quantum computer may read recorded traffic one day`;
}
