/** Keys and certificates that the tests of the session manager share within one process. */
import {
  Authority,
  basicConstraints,
  type CertificateOptions,
  clientAuth,
  dnsNames,
  isolateKind,
  type KeyPair,
  keyUsage,
  newKey,
  purposes,
  runtimeHash,
  scalar,
  serverAuth,
  sha256,
} from "../../x509/support/certificates.js";

export const serverName = "ComputeEnclave.dev";

export interface Credential {
  key: KeyPair;
  /** DER, leaf first. */
  chain: Buffer[];
}

/** What `TlsEngine.configure` takes as identity. */
export const identityOf = (credential: Credential) => ({
  privateKey: scalar(credential.key),
  chain: credential.chain,
});

export const authority = new Authority("Test CA");
export const otherAuthority = new Authority("Other CA");

/** A certificate for a server of the usual name, with the extensions that an isolate's has. */
export function serverCredential(options: Partial<CertificateOptions> = {}): Credential {
  const key = options.key ?? newKey();
  const leaf = authority.issue({
    subject: "isolate",
    extensions: [
      basicConstraints(false),
      keyUsage(0),
      purposes(serverAuth),
      dnsNames(serverName),
      runtimeHash(sha256(Buffer.from("a runtime"))),
      isolateKind(Buffer.from("linux")),
    ],
    ...options,
    key,
  });
  return { key, chain: [leaf, authority.certificate] };
}

/** A principal's certificate: self-signed, as openssl req -x509 makes them. */
export function clientCredential(
  subject = "principal",
  options: Partial<CertificateOptions> = {},
): Credential {
  const authorityOfOne = new Authority(subject, {
    extensions: [basicConstraints(true), keyUsage(0, 5), purposes(clientAuth)],
    ...options,
  });
  return { key: authorityOfOne.key, chain: [authorityOfOne.certificate] };
}
