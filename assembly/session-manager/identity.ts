import { DerReader } from "../asn1/der-reader";
import { ctEqual, wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import { p256GeneratePrivateKey, p256PublicKey } from "../crypto/p256";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { createCertificationRequest } from "../x509/certification-request";
import {
  P256_KEY_INFO_PREFIX,
  P256_KEY_INFO_PREFIX_LENGTH,
  P256_POINT_LENGTH,
} from "../x509/object-identifiers";

const CHAIN_ENTRY_OVERHEAD: u32 = 5;
/** Certificates that we show, and bytes of them, at most. */
const MAX_CHAIN: u32 = 4;
const MAX_CHAIN_LENGTH: u32 = 4096;

/**
 * An own P-256 key pair and the certificate chain that is shown for it.
 *
 * The key is generated here or set; the chain may come later and may be replaced while sessions are
 * open: a session uses the chain that is set when it shows its certificate.
 */
export class Identity {
  private privateKeyBytes: StaticArray<u8> = new StaticArray<u8>(32);
  private publicKeyBytes: StaticArray<u8> = new StaticArray<u8>(P256_POINT_LENGTH as i32);
  /** The chain as CertificateEntry structures (RFC 8446 §4.4.2), each without extensions. */
  private entries: StaticArray<u8> = new StaticArray<u8>(0);

  /** 32 bytes, secret. */
  get privateKey(): usize {
    return changetype<usize>(this.privateKeyBytes);
  }

  /** 65 bytes, uncompressed. */
  get publicKey(): usize {
    return changetype<usize>(this.publicKeyBytes);
  }

  /** The encoded chain; empty until `setChain`. */
  get chain(): usize {
    return changetype<usize>(this.entries);
  }
  get chainLength(): u32 {
    return this.entries.length;
  }

  /** Makes a fresh key pair and drops the chain. False when there is no randomness. */
  generate(drbg: Drbg): bool {
    this.entries = new StaticArray<u8>(0);
    return (
      p256GeneratePrivateKey(this.privateKey, drbg) &&
      p256PublicKey(this.publicKey, this.privateKey)
    );
  }

  /** Takes a private key, 32 bytes big-endian, and drops the chain. False when it is out of range. */
  setPrivateKey(privateKey: usize): bool {
    this.entries = new StaticArray<u8>(0);
    memory.copy(this.privateKey, privateKey, 32);
    return p256PublicKey(this.publicKey, this.privateKey);
  }

  /** Takes a public key, 65 bytes, whose private key is elsewhere, and drops the chain: such an identity cannot sign. */
  setPublicKey(publicKey: usize): void {
    this.entries = new StaticArray<u8>(0);
    memory.copy(this.publicKey, publicKey, P256_POINT_LENGTH);
  }

  /** SubjectPublicKeyInfo in DER: 91 bytes at `out`. */
  subjectPublicKeyInfo(out: usize): void {
    memory.copy(out, P256_KEY_INFO_PREFIX, P256_KEY_INFO_PREFIX_LENGTH);
    memory.copy(out + P256_KEY_INFO_PREFIX_LENGTH, this.publicKey, P256_POINT_LENGTH);
  }

  /** Writes a PKCS#10 request for this key; see `createCertificationRequest`. */
  createRequest(
    out: usize,
    capacity: u32,
    commonName: usize,
    commonNameLength: u32,
    dnsName: usize,
    dnsNameLength: u32,
    drbg: Drbg,
  ): i32 {
    return createCertificationRequest(
      out,
      capacity,
      this.privateKey,
      this.publicKey,
      commonName,
      commonNameLength,
      dnsName,
      dnsNameLength,
      drbg,
    );
  }

  /**
   * Takes the chain to show: one to four certificates in DER, one directly after the other, the leaf
   * first. False, and nothing changed, when they do not parse, are too long (4 KiB together), or the
   * leaf is not for this key.
   */
  setChain(der: usize, length: u32): bool {
    if (length > MAX_CHAIN_LENGTH) return false;
    const reader = new DerReader(der, length);
    const certificate = new Certificate();
    let count: u32 = 0;
    while (!reader.atEnd) {
      if (!reader.next() || ++count > MAX_CHAIN) return false;
      if (new Certificate().parse(reader.start, reader.elementLength) !== CERTIFICATE_OK)
        return false;
      if (count === 1) certificate.parse(reader.start, reader.elementLength);
    }
    if (count === 0 || certificate.publicKey === 0) return false;
    if (!ctEqual(certificate.publicKey, this.publicKey, P256_POINT_LENGTH)) return false;

    const entries = new StaticArray<u8>((length + count * CHAIN_ENTRY_OVERHEAD) as i32);
    let at = changetype<usize>(entries);
    reader.position = der;
    while (!reader.atEnd) {
      reader.next();
      const size = reader.elementLength;
      store<u8>(at, (size >> 16) as u8);
      store<u16>(at, bswap<u16>(size as u16), 1);
      memory.copy(at + 3, reader.start, size);
      store<u16>(at + 3 + size, 0);
      at += size + CHAIN_ENTRY_OVERHEAD;
    }
    this.entries = entries;
    return true;
  }

  /** Overwrites the private key. */
  wipe(): void {
    wipe(this.privateKey, 32);
  }
}
