import { scopeHash, scopeOf } from "../continuity/scope";
import { wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import { p256Sign } from "../crypto/p256";
import { SHA256_LENGTH, sha256 } from "../crypto/sha256";
import { sameBytes } from "../encoding/bytes";
import { certificationToken, reattestationToken } from "../platform-services/platform";
import { Identity } from "../session-manager/identity";
import { Policy } from "../veracruz-utils/policy";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";

/** SubjectPublicKeyInfo of a P-256 key in DER. */
export const KEY_INFO_BYTES: u32 = 91;
const MAX_CSR_BYTES: u32 = 1024;
/** Longest attestation token. */
export const MAX_TOKEN_BYTES: u32 = 2048;
const COMMIT_LABEL = "veracruz-commit-v1";
/** An ECDSA signature with P-256, r ‖ s. */
export const SIGNATURE_BYTES: u32 = 64;

/** Stores a text's ASCII characters at `destination`; returns how many. */
export function storeAscii(destination: usize, text: string): u32 {
  for (let i = 0; i < text.length; i++) {
    store<u8>(destination + (i as usize), text.charCodeAt(i) as u8);
  }
  return text.length as u32;
}

/** How long a certificate may take to be renewed after its end, in milliseconds. */
const RENEWAL_MS: i64 = 300_000;

/**
 * The isolate's key pair, made for each policy, and the proofs that this isolate holds it: requests
 * for a certificate, attestation tokens over them, and the certificate that comes back.
 *
 * The root of trust puts the nonce of each token together itself; of this key it takes the policy, the scope
 * and the public half with the first request, and no others until the runtime is started anew.
 */
export class IsolateKey {
  readonly identity: Identity = new Identity();
  /** Whether the certificate is installed. */
  attested: bool = false;
  /** What the proxy attestation server calls the attestation that gave the installed certificate. */
  deviceId: u32 = 0;
  /** When the installed certificate began, in seconds since 1970. */
  notBefore: i64 = 0;
  /** When the installed certificate ends, in milliseconds since 1970. */
  private notAfterMs: i64 = 0;
  /**
   * What time it is at least, in the same: each certificate that was installed had begun by then, and time has gone by
   * since. So one that is installed again, or was put by, is good for no longer than it says.
   */
  private presentMs: i64 = 0;
  /** What it calls the one that is under way. */
  private nextDeviceId: u32 = 0;
  /** SHA-256 of the policy ‖ SHA-256 of its scope: what a certificate for this key must say. */
  readonly policyAndScope: StaticArray<u8> = new StaticArray<u8>((2 * SHA256_LENGTH) as i32);

  private csrBytes: StaticArray<u8> = new StaticArray<u8>(MAX_CSR_BYTES as i32);
  private tokenBytes: StaticArray<u8> = new StaticArray<u8>(MAX_TOKEN_BYTES as i32);
  csrLength: u32 = 0;
  tokenLength: u32 = 0;

  /** @param policyHash SHA-256 of the policy's exact bytes */
  constructor(
    private drbg: Drbg,
    private policy: Policy,
    policyHash: usize,
  ) {
    memory.copy(this.policyHash, policyHash, SHA256_LENGTH);
    scopeHash(scopeOf(policy), this.scopeHash);
  }

  get policyHash(): usize {
    return changetype<usize>(this.policyAndScope);
  }
  get scopeHash(): usize {
    return changetype<usize>(this.policyAndScope) + SHA256_LENGTH;
  }
  get csr(): usize {
    return changetype<usize>(this.csrBytes);
  }
  get token(): usize {
    return changetype<usize>(this.tokenBytes);
  }

  /** Makes the key pair. False when the platform gives no randomness. */
  generate(): bool {
    return this.identity.generate(this.drbg);
  }

  /**
   * Makes a request for a certificate and a token over it: see `csr`, `token`. `deviceId` counts from the
   * moment when the certificate is installed.
   *
   * Returns 0, or the platform's `E_…` code.
   */
  enrol(challenge: usize, deviceId: u32): i32 {
    const names = new StaticArray<u8>(64);
    const name = changetype<usize>(names);
    const dns = name + 32;
    const nameLength = storeAscii(name, "Veracruz isolate");
    const dnsLength = storeAscii(dns, "ComputeEnclave.dev");
    const length = this.identity.createRequest(
      this.csr,
      MAX_CSR_BYTES,
      name,
      nameLength,
      dns,
      dnsLength,
      this.drbg,
    );
    if (length <= 0) return -1;
    this.csrLength = length as u32;
    this.nextDeviceId = deviceId;
    return this.keepToken(
      certificationToken(
        challenge,
        this.policyHash,
        this.scopeHash,
        this.csr,
        length as usize,
        this.token,
        MAX_TOKEN_BYTES,
      ),
    );
  }

  /**
   * Makes a token for a client's nonce in the session with this exporter, 32 bytes each: see `token`. Returns
   * 0, or the platform's `E_…` code.
   */
  reattest(nonce: usize, exporter: usize): i32 {
    return this.keepToken(reattestationToken(nonce, exporter, this.token, MAX_TOKEN_BYTES));
  }

  private keepToken(written: i32): i32 {
    if (written <= 0) return written === 0 ? -1 : written;
    this.tokenLength = written as u32;
    return 0;
  }

  /** SHA-256 of the key's SubjectPublicKeyInfo: 32 bytes at `out`. */
  hash(out: usize): void {
    const keyInfo = new StaticArray<u8>(KEY_INFO_BYTES as i32);
    this.identity.subjectPublicKeyInfo(changetype<usize>(keyInfo));
    sha256(changetype<usize>(keyInfo), KEY_INFO_BYTES, out);
  }

  /**
   * Signs "veracruz-commit-v1" ‖ policy hash ‖ scope hash ‖ SHA-256(SubjectPublicKeyInfo): r ‖ s, 64 bytes at
   * `signature`. False when the platform gives no randomness.
   */
  signCommit(signature: usize): bool {
    const scratch = new StaticArray<u8>(192);
    const bytes = changetype<usize>(scratch);
    const label = storeAscii(bytes, COMMIT_LABEL) as usize;
    memory.copy(bytes + label, this.policyHash, 2 * SHA256_LENGTH);
    this.hash(bytes + label + 2 * SHA256_LENGTH);
    const digest = bytes + 128;
    const fresh = digest + SHA256_LENGTH;
    sha256(bytes, label + 3 * SHA256_LENGTH, digest);
    if (!this.drbg.fill(fresh, SHA256_LENGTH)) return false;
    const signed = p256Sign(signature, this.identity.privateKey, digest, fresh);
    wipe(fresh, SHA256_LENGTH);
    return signed;
  }

  /** Whether a certificate speaks of this policy, its scope, and a runtime that it names. */
  private isOurs(leaf: Certificate): bool {
    const pair = this.policyAndScope;
    if (leaf.policyAndScope === 0 || !sameBytes(pair, leaf.policyAndScope, 2 * SHA256_LENGTH))
      return false;
    if (leaf.runtimeHash === 0) return false;
    return (
      sameBytes(this.policy.runtimeHashLinux, leaf.runtimeHash, SHA256_LENGTH) ||
      sameBytes(this.policy.runtimeHashMcu, leaf.runtimeHash, SHA256_LENGTH)
    );
  }

  /**
   * Takes the certificate for this key. It must be for this key, this policy and its scope, and signed by
   * `issuer`, which must be the very CA that the policy names. False, and nothing changed, otherwise.
   */
  install(certificate: usize, certificateLength: u32, issuer: usize, issuerLength: u32): bool {
    if (!sameBytes(this.policy.proxyServiceCertificate, issuer, issuerLength)) return false;
    const leaf = new Certificate();
    const ca = new Certificate();
    if (
      leaf.parse(certificate, certificateLength) !== CERTIFICATE_OK ||
      ca.parse(issuer, issuerLength) !== CERTIFICATE_OK ||
      ca.publicKey === 0 ||
      !leaf.isIssuedBy(ca) ||
      !this.isOurs(leaf) ||
      !leaf.isSignedBy(ca.publicKey)
    ) {
      return false;
    }
    const chain = new StaticArray<u8>((certificateLength + issuerLength) as i32);
    memory.copy(changetype<usize>(chain), certificate, certificateLength);
    memory.copy(changetype<usize>(chain) + (certificateLength as usize), issuer, issuerLength);
    if (!this.identity.setChain(changetype<usize>(chain), chain.length as u32)) return false;
    this.deviceId = this.nextDeviceId;
    this.notBefore = leaf.notBefore;
    this.notAfterMs = leaf.notAfter * 1000;
    this.presentMs = max(this.presentMs, leaf.notBefore * 1000);
    this.attested = true;
    return true;
  }

  /**
   * Tells that milliseconds have passed. False when the certificate has been expired for longer than a renewal takes:
   * there is none from then on. There is no clock here, but time goes by.
   */
  tick(elapsed: u32): bool {
    this.presentMs += elapsed;
    if (!this.attested || this.presentMs <= this.notAfterMs + RENEWAL_MS) return true;
    this.attested = false;
    return false;
  }

  /** Overwrites the private key; there is no certificate from then on. */
  wipe(): void {
    this.identity.wipe();
    this.attested = false;
  }
}
