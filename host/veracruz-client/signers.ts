import { spawn } from "node:child_process";
import { type KeyObject, sign, verify, type webcrypto, type X509Certificate } from "node:crypto";
import { signatureFromDer } from "../x509/ecdsa-signature.js";
import { ClientError } from "./errors.js";

/**
 * Makes signatures with a key that may be anywhere: in a file, in WebCrypto (not extractable), in a PKCS#11 token or a
 * TPM, in a secure element. Nothing but signatures comes from it.
 */
export interface Signer {
  /**
   * ECDSA on P-256 with SHA-256 over the content.
   *
   * @returns r ‖ s, 64 bytes
   * @throws ClientError of kind `usage` with the reason
   */
  sign(content: Uint8Array): Promise<Uint8Array>;
}

/** r ‖ s of ECDSA on P-256. */
const SIGNATURE_BYTES = 64;

/** A signer that has its key in this process. */
export function keySigner(key: KeyObject): Signer {
  return {
    sign: async (content) => sign("sha256", content, { key, dsaEncoding: "ieee-p1363" }),
  };
}

/** A signer whose key is in WebCrypto, where it need not be extractable. */
export function webCryptoSigner(key: webcrypto.CryptoKey): Signer {
  return {
    async sign(content) {
      const how = { name: "ECDSA", hash: "SHA-256" };
      return new Uint8Array(
        await globalThis.crypto.subtle.sign(how, key, Uint8Array.from(content)),
      );
    },
  };
}

/** How long a command may take: its owner may have to touch a token, or type a PIN. */
const COMMAND_MS = 120_000;
const MAX_OUTPUT_BYTES = 4_096;

/**
 * A signer that is a command: it gets the content on standard input, and answers with the signature on standard output,
 * r ‖ s or DER (RFC 3279). What it says on standard error, its user sees.
 *
 * @param command the program and its arguments; no shell reads them
 */
export function commandSigner(command: readonly string[], timeoutMs = COMMAND_MS): Signer {
  const [program = "", ...args] = command;
  const failed = (why: string) =>
    new ClientError("usage", `the signer ${JSON.stringify(program)} ${why}`);
  return {
    sign: (content) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
        // Not the option of spawn: its timer outlives a command that cannot be started, and the process waits for it.
        const timer = setTimeout(() => child.kill(), timeoutMs);
        let output = Buffer.alloc(0);
        child.on("error", (error) => {
          clearTimeout(timer);
          reject(failed(`cannot be started: ${error.message}`));
        });
        child.stdin.on("error", () => undefined);
        child.stdin.end(content);
        child.stdout.on("data", (chunk: Buffer) => {
          if (output.length < MAX_OUTPUT_BYTES) output = Buffer.concat([output, chunk]);
        });
        child.on("close", (code, signal) => {
          clearTimeout(timer);
          if (code !== 0) {
            const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
            reject(failed(`ended with ${how}`));
            return;
          }
          const signature =
            output.length === SIGNATURE_BYTES ? new Uint8Array(output) : signatureFromDer(output);
          if (signature !== undefined) resolve(signature);
          else
            reject(
              failed(
                `answered with ${output.length} bytes: expected a signature of P-256, r and s in 64 bytes or in DER`,
              ),
            );
        });
      }),
  };
}

/**
 * The signer with each of its signatures checked: one that does not belong to the certificate is the signer's fault, and
 * is said as such, instead of a refusal by the isolate later.
 */
export function checkedSigner(signer: Signer, certificate: X509Certificate): Signer {
  return {
    async sign(content) {
      const signature = await signer.sign(content);
      const key = { key: certificate.publicKey, dsaEncoding: "ieee-p1363" } as const;
      if (signature.length === SIGNATURE_BYTES && verify("sha256", content, key, signature))
        return signature;
      throw new ClientError(
        "usage",
        "the signer has another key than that of the certificate: its signature does not verify",
      );
    },
  };
}
