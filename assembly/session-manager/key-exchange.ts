import { wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import {
  ML_KEM_768_CIPHERTEXT_LENGTH,
  ML_KEM_768_KEY,
  ML_KEM_768_KEY_LENGTH,
  ML_KEM_768_MESSAGE_LENGTH,
  ML_KEM_768_SECRET_LENGTH,
  ML_KEM_768_SEED_LENGTH,
  mlKem768Decapsulate,
  mlKem768Encapsulate,
  mlKem768Generate,
} from "../crypto/ml-kem";
import { p256Ecdh, p256GeneratePrivateKey, p256PublicKey } from "../crypto/p256";
import { x25519 } from "../crypto/x25519";
import { x25519PublicKey } from "../crypto/x25519-base";
import {
  NO_ALERT,
  REFUSED_KEY_SHARE_LENGTH,
  REFUSED_KEY_SHARE_POINT,
  REFUSED_NO_MEMORY,
  REFUSED_NO_RANDOM,
} from "./alerts";
import { ByteBuffer, MemoryBudget } from "./byte-buffer";
import {
  GROUP_SECP256R1,
  GROUP_X25519,
  GROUP_X25519MLKEM768,
  SECP256R1,
  X25519,
  X25519MLKEM768,
} from "./protocol";
import { SpareKey } from "./spare-key";

const X25519_LENGTH: u32 = 32;
const P256_LENGTH: u32 = 65;
/** A private key of X25519 or P-256. */
const SCALAR_LENGTH: u32 = 32;

/** The longest shared secret of a group. */
export const MAX_SHARED_SECRET: u32 = 64;

/** The `GROUP_…` bit of a NamedGroup, or 0 for one that is not known here. */
export function groupBit(namedGroup: u32): u32 {
  if (namedGroup === X25519MLKEM768) return GROUP_X25519MLKEM768;
  return namedGroup === X25519 ? GROUP_X25519 : namedGroup === SECP256R1 ? GROUP_SECP256R1 : 0;
}

/** The NamedGroup of a `GROUP_…` bit. */
export function namedGroup(group: u32): u32 {
  if (group === GROUP_X25519MLKEM768) return X25519MLKEM768;
  return group === GROUP_X25519 ? X25519 : SECP256R1;
}

/**
 * Length of a client's key_exchange value of a group (RFC 8446 §4.2.8.2). Of the hybrid group: the
 * encapsulation key, then X25519's (draft-ietf-tls-ecdhe-mlkem §4.1).
 */
export function clientShareLength(group: u32): u32 {
  if (group === GROUP_X25519MLKEM768) return <u32>ML_KEM_768_KEY_LENGTH + X25519_LENGTH;
  return group === GROUP_X25519 ? X25519_LENGTH : P256_LENGTH;
}

/** Length of a server's. Of the hybrid group: the ciphertext, then X25519's key (§4.2 there). */
export function serverShareLength(group: u32): u32 {
  return group === GROUP_X25519MLKEM768
    ? <u32>ML_KEM_768_CIPHERTEXT_LENGTH + X25519_LENGTH
    : clientShareLength(group);
}

/** Length of the shared secret. Of the hybrid group: ML-KEM's, then X25519's (§4.3 there). */
export function sharedSecretLength(group: u32): u32 {
  return group === GROUP_X25519MLKEM768 ? MAX_SHARED_SECRET : 32;
}

/**
 * One side of a key exchange (RFC 8446 §7.4). The client calls `generate`, sends `share`, and `agree`s
 * on the server's; the server `respond`s to the client's share and sends `share`. Then `free`.
 */
export class KeyExchange {
  /** A `GROUP_…` bit. */
  group: u32;
  /** Secrets first, then what is sent. */
  private block: ByteBuffer;
  private secretLength: u32 = SCALAR_LENGTH;
  private shareOffset: u32 = SCALAR_LENGTH;
  /** Whether ML-KEM's half of the shared secret is there. */
  private isHalfAgreed: bool = false;

  constructor(group: u32, budget: MemoryBudget) {
    this.group = group;
    this.block = new ByteBuffer(budget);
  }

  /** What goes into key_share: `clientShareLength` or `serverShareLength` bytes. */
  get share(): usize {
    return this.block.pointer + this.shareOffset;
  }

  private get isHybrid(): bool {
    return this.group === GROUP_X25519MLKEM768;
  }

  /** Takes memory for secrets and a share that begins at `shareOffset`. */
  private take(secretLength: u32, shareOffset: u32, shareLength: u32): bool {
    const size = shareOffset + shareLength;
    this.secretLength = secretLength;
    this.shareOffset = shareOffset;
    if (!this.block.reserve(size)) return false;
    this.block.extend(size);
    return true;
  }

  /**
   * Makes a client's key pair and share. Returns `NO_ALERT`, `REFUSED_NO_MEMORY` or `REFUSED_NO_RANDOM`. A `spare` pair
   * is taken where the group is X25519 alone.
   */
  generate(drbg: Drbg, spare: SpareKey | null = null): i32 {
    const length = clientShareLength(this.group);
    if (this.isHybrid) {
      // X25519's scalar, then ML-KEM's key pair: its seed, its hash, and its key, which is also sent.
      const secrets = SCALAR_LENGTH + <u32>ML_KEM_768_SEED_LENGTH;
      if (!this.take(secrets, SCALAR_LENGTH + <u32>ML_KEM_768_KEY, length))
        return REFUSED_NO_MEMORY;
      const scalar = this.block.pointer;
      if (!drbg.fill(scalar, secrets)) return REFUSED_NO_RANDOM;
      mlKem768Generate(scalar + SCALAR_LENGTH);
      x25519PublicKey(this.share + ML_KEM_768_KEY_LENGTH, scalar);
      return NO_ALERT;
    }
    if (!this.take(SCALAR_LENGTH, SCALAR_LENGTH, length)) return REFUSED_NO_MEMORY;
    const scalar = this.block.pointer;
    if (this.group === GROUP_SECP256R1) {
      const made = p256GeneratePrivateKey(scalar, drbg) && p256PublicKey(this.share, scalar);
      return made ? NO_ALERT : REFUSED_NO_RANDOM;
    }
    if (spare !== null && spare.take(scalar, this.share)) return NO_ALERT;
    if (!drbg.fill(scalar, SCALAR_LENGTH)) return REFUSED_NO_RANDOM;
    x25519PublicKey(this.share, scalar);
    return NO_ALERT;
  }

  /**
   * Does the first half of `agree` for the hybrid group, once: true when that was done, and `agree` is to be called
   * with the same arguments.
   */
  agreeHalf(peer: usize, peerLength: u32, shared: usize): bool {
    if (!this.isHybrid || this.isHalfAgreed || peerLength !== serverShareLength(this.group))
      return false;
    this.isHalfAgreed = true;
    mlKem768Decapsulate(shared, this.block.pointer + SCALAR_LENGTH, peer);
    return true;
  }

  /**
   * The shared secret with the server's key_exchange value, `sharedSecretLength` bytes at `shared`. Returns
   * `NO_ALERT`; `REFUSED_KEY_SHARE_LENGTH`; or `REFUSED_KEY_SHARE_POINT` for a value that is not on the
   * curve, or has small order (the result would be all zeros). A ciphertext of ML-KEM that was not made for
   * our key gives another secret. Our own secrets are wiped: they serve once.
   */
  agree(peer: usize, peerLength: u32, shared: usize): i32 {
    let refusal = REFUSED_KEY_SHARE_LENGTH;
    if (peerLength === serverShareLength(this.group))
      refusal = this.agreeOn(peer, shared) ? NO_ALERT : REFUSED_KEY_SHARE_POINT;
    this.wipeSecrets();
    return refusal;
  }

  private agreeOn(peer: usize, shared: usize): bool {
    const scalar = this.block.pointer;
    if (this.group === GROUP_SECP256R1) return p256Ecdh(shared, scalar, peer);
    if (!this.isHybrid) return x25519(shared, scalar, peer);
    if (!this.isHalfAgreed) mlKem768Decapsulate(shared, scalar + SCALAR_LENGTH, peer);
    return x25519(shared + ML_KEM_768_SECRET_LENGTH, scalar, peer + ML_KEM_768_CIPHERTEXT_LENGTH);
  }

  /**
   * Makes a server's share in answer to a client's, of `clientShareLength` bytes, and the shared secret,
   * `sharedSecretLength` bytes at `shared`. Returns `NO_ALERT`; `REFUSED_KEY_SHARE_POINT` for a client's share
   * as `agree` refuses it, or whose encapsulation key fails the check of FIPS 203 §7.2; or what `generate`
   * returns. A `spare` pair saves making X25519's.
   */
  respond(drbg: Drbg, spare: SpareKey | null, peer: usize, shared: usize): i32 {
    let agreed: bool = false;
    if (this.isHybrid) {
      const secrets = SCALAR_LENGTH + <u32>ML_KEM_768_MESSAGE_LENGTH;
      if (!this.take(secrets, secrets, serverShareLength(this.group))) return REFUSED_NO_MEMORY;
      const scalar = this.block.pointer;
      if (!drbg.fill(scalar, secrets)) return REFUSED_NO_RANDOM;
      const publicKey = this.share + ML_KEM_768_CIPHERTEXT_LENGTH;
      if (spare === null || !spare.take(scalar, publicKey)) x25519PublicKey(publicKey, scalar);
      agreed =
        mlKem768Encapsulate(shared, this.share, peer, scalar + SCALAR_LENGTH) &&
        x25519(shared + ML_KEM_768_SECRET_LENGTH, scalar, peer + ML_KEM_768_KEY_LENGTH);
    } else {
      const refusal = this.generate(drbg, spare);
      if (refusal !== NO_ALERT) return refusal;
      agreed = this.agreeOn(peer, shared);
    }
    this.wipeSecrets();
    return agreed ? NO_ALERT : REFUSED_KEY_SHARE_POINT;
  }

  private wipeSecrets(): void {
    if (this.block.length > 0) wipe(this.block.pointer, this.secretLength);
  }

  /** Wipes and frees everything, the share too. */
  free(): void {
    this.block.free();
  }
}
