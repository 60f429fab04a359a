import type { Duplex } from "node:stream";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import { Suite, type TlsEngine } from "../session-manager/engine.js";
import { loadTlsEngine } from "../session-manager/load.js";
import { TlsDuplex } from "../session-manager/tls-duplex.js";
import { certificateFromPem, certificateToPem } from "../veracruz-utils/certificates.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { ClientError } from "./errors.js";
import type { PrincipalIdentity } from "./identity.js";
import { checkIsolate, ISOLATE_NAME, type IsolateIdentity } from "./isolate-identity.js";

/** A TLS session with an isolate that was checked. */
export interface SecureChannel {
  stream: Duplex;
  isolate: IsolateIdentity;
}

export interface ChannelOptions {
  policy: Policy;
  identity: PrincipalIdentity;
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
const identityAlerts = new Set([42, 43, 44, 45, 46, 48, 49, 51, 116]);
const identityAlertCodes =
  /^ERR_SSL_(?:TLSV\d+_|SSLV3_)*ALERT_(ACCESS_DENIED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|DECRYPT_ERROR)$/;

/** An error of a TLS session, as what it means to a client. */
export function explainTlsError(error: Error): ClientError {
  if (error instanceof ClientError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const alert = (error as { alertReceived?: number }).alertReceived;
  const known = certificateErrors[code];
  if (known !== undefined) return new ClientError("isolate", `the isolate: ${known}`);
  if (identityAlertCodes.test(code) || (alert !== undefined && identityAlerts.has(alert))) {
    return new ClientError(
      "identity",
      `the isolate turned this certificate away (${alert === undefined ? code : error.message})`,
    );
  }
  const lost =
    code === "ECONNRESET" || code === "EPIPE" || /connection ended before/.test(error.message);
  return new ClientError(
    "connection",
    lost ? "the connection ended in the middle of the TLS session" : `TLS failed: ${error.message}`,
  );
}

/** TLS by Node.js itself. */
export const openNodeTls: OpenChannel = (tunnel, options) =>
  new Promise((resolve, reject) => {
    const { policy, identity } = options;
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
        fail(new ClientError("isolate", "the isolate's certificate was not checked"));
        return;
      }
      // The isolate is not to be made to hold records of 16 KiB.
      stream.setMaxSendFragment(4096);
      resolve({ stream, isolate });
    });
    stream.once("close", () => fail(new Error("the connection ended before the TLS session did")));
  });

let engine: TlsEngine | undefined;

/** TLS by the AssemblyScript session manager, in its client role. */
export const openOwnTls: OpenChannel = (tunnel, options) =>
  new Promise((resolve, reject) => {
    const { policy, identity } = options;
    engine ??= loadTlsEngine();
    const config = engine.configure({
      suites:
        policy.document.ciphersuite === "TLS1_3_AES_128_GCM_SHA256"
          ? Suite.Aes128Gcm
          : Suite.ChaCha20Poly1305,
      identity: {
        privateKey: Buffer.from(identity.key.export({ format: "jwk" }).d ?? "", "base64url"),
        chain: [identity.certificate.raw],
      },
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
          ? new ClientError("isolate", `the isolate: its certificate is refused (${error.message})`)
          : undefined;
      reject(explainTlsError(distrust ?? own ?? error));
    };
    stream.on("error", fail);
    stream.once("secure", () => {
      inTime();
      if (isolate === undefined) {
        fail(new ClientError("isolate", "the isolate's certificate was not checked"));
        return;
      }
      resolve({ stream, isolate });
    });
    stream.once("close", () => fail(new Error("the connection ended before the TLS session did")));
  });
