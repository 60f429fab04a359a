import { Drbg } from "../crypto/drbg";
import { sha256 } from "../crypto/sha256";
import { attestationToken } from "../platform-services/platform";
import { Identity } from "../session-manager/identity";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";

const HASH: u32 = 32;
/** SubjectPublicKeyInfo of a P-256 key in DER. */
const KEY_INFO_BYTES: u32 = 91;
const MAX_CSR_BYTES: u32 = 1024;
const MAX_TOKEN_BYTES: u32 = 2048;

/** Stores a text's ASCII characters at `destination`; returns how many. */
export function storeAscii(destination: usize, text: string): u32 {
  for (let i = 0; i < text.length; i++) {
    store<u8>(destination + (i as usize), text.charCodeAt(i) as u8);
  }
  return text.length as u32;
}

/**
 * The isolate's key pair, made anew for each policy, and what proves that this isolate has it: requests
 * for a certificate, attestation tokens over them, and the certificate that comes back.
 *
 * Every nonce of a token is computed here; none is taken from outside, or the root of trust would sign
 * for foreign keys.
 */
export class IsolateKey {
  readonly identity: Identity = new Identity();
  /** Whether the certificate is installed. */
  attested: bool = false;
  /** What the proxy attestation server calls the attestation that gave the installed certificate. */
  deviceId: u32 = 0;
  /** What it calls the one that is under way. */
  private nextDeviceId: u32 = 0;

  private csrBytes: StaticArray<u8> = new StaticArray<u8>(MAX_CSR_BYTES as i32);
  private tokenBytes: StaticArray<u8> = new StaticArray<u8>(MAX_TOKEN_BYTES as i32);
  csrLength: u32 = 0;
  tokenLength: u32 = 0;

  constructor(private drbg: Drbg) {}

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
   * Makes a request for a certificate and a token over
   * SHA-256("veracruz-csr-v1" ‖ challenge ‖ SHA-256(CSR)): see `csr`, `token`. `deviceId` counts from
   * the moment when the certificate is installed.
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

    const buffer = new StaticArray<u8>(128);
    const bytes = changetype<usize>(buffer);
    const prefix = storeAscii(bytes, "veracruz-csr-v1");
    memory.copy(bytes + (prefix as usize), challenge, HASH);
    sha256(this.csr, length, bytes + ((prefix + HASH) as usize));
    this.nextDeviceId = deviceId;
    return this.requestToken(bytes, prefix + 2 * HASH);
  }

  /**
   * Makes a token over SHA-256("veracruz-reattest-v1" ‖ clientNonce ‖ SHA-256(SubjectPublicKeyInfo) ‖
   * policyHash): see `token`. Returns 0, or the platform's `E_…` code.
   */
  reattest(clientNonce: usize, policyHash: usize): i32 {
    const buffer = new StaticArray<u8>(256);
    const bytes = changetype<usize>(buffer);
    const keyInfo = bytes + 160;
    this.identity.subjectPublicKeyInfo(keyInfo);
    const prefix = storeAscii(bytes, "veracruz-reattest-v1");
    memory.copy(bytes + (prefix as usize), clientNonce, HASH);
    sha256(keyInfo, KEY_INFO_BYTES, bytes + ((prefix + HASH) as usize));
    memory.copy(bytes + ((prefix + 2 * HASH) as usize), policyHash, HASH);
    return this.requestToken(bytes, prefix + 3 * HASH);
  }

  private requestToken(bytes: usize, length: u32): i32 {
    const nonce = new StaticArray<u8>(HASH as i32);
    sha256(bytes, length, changetype<usize>(nonce));
    const written = attestationToken(changetype<usize>(nonce), HASH, this.token, MAX_TOKEN_BYTES);
    if (written <= 0) return written;
    this.tokenLength = written as u32;
    return 0;
  }

  /**
   * Takes the certificate for this key. It must be for this key, and signed by `issuer`, which must be
   * the very CA that the policy names. False, and nothing changed, otherwise.
   */
  install(
    certificate: usize,
    certificateLength: u32,
    issuer: usize,
    issuerLength: u32,
    agreedCa: StaticArray<u8>,
  ): bool {
    if (
      (agreedCa.length as u32) !== issuerLength ||
      memory.compare(changetype<usize>(agreedCa), issuer, issuerLength) !== 0
    ) {
      return false;
    }
    const leaf = new Certificate();
    const ca = new Certificate();
    if (
      leaf.parse(certificate, certificateLength) !== CERTIFICATE_OK ||
      ca.parse(issuer, issuerLength) !== CERTIFICATE_OK ||
      ca.publicKey === 0 ||
      !leaf.isIssuedBy(ca) ||
      !leaf.isSignedBy(ca.publicKey)
    ) {
      return false;
    }
    const chain = new StaticArray<u8>((certificateLength + issuerLength) as i32);
    memory.copy(changetype<usize>(chain), certificate, certificateLength);
    memory.copy(changetype<usize>(chain) + (certificateLength as usize), issuer, issuerLength);
    if (!this.identity.setChain(changetype<usize>(chain), chain.length as u32)) return false;
    this.deviceId = this.nextDeviceId;
    this.attested = true;
    return true;
  }

  /** Overwrites the private key; there is no certificate from then on. */
  wipe(): void {
    this.identity.wipe();
    this.attested = false;
  }
}
