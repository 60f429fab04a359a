import { wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import { p256Ecdh, p256GeneratePrivateKey, p256PublicKey } from "../crypto/p256";
import { x25519, x25519PublicKey } from "../crypto/x25519";
import { GROUP_SECP256R1, GROUP_X25519, SECP256R1, X25519 } from "./protocol";

const X25519_LENGTH: u32 = 32;
const P256_LENGTH: u32 = 65;

/** The `GROUP_…` bit of a NamedGroup, or 0 for one that is not known here. */
export function groupBit(namedGroup: u32): u32 {
  return namedGroup === X25519 ? GROUP_X25519 : namedGroup === SECP256R1 ? GROUP_SECP256R1 : 0;
}

/** The NamedGroup of a `GROUP_…` bit. */
export function namedGroup(group: u32): u32 {
  return group === GROUP_X25519 ? X25519 : SECP256R1;
}

/** Length of a key_exchange value of a group (RFC 8446 §4.2.8.2). */
export function keyShareLength(group: u32): u32 {
  return group === GROUP_X25519 ? X25519_LENGTH : P256_LENGTH;
}

/** An ephemeral key pair of one group (RFC 8446 §7.4). */
export class KeyExchange {
  /** A `GROUP_…` bit. */
  group: u32;
  private secret: StaticArray<u8> = new StaticArray<u8>(32);
  private share: StaticArray<u8> = new StaticArray<u8>(P256_LENGTH as i32);

  constructor(group: u32) {
    this.group = group;
  }

  /** The public key as it goes into key_share, `keyShareLength(group)` bytes. */
  get publicKey(): usize {
    return changetype<usize>(this.share);
  }

  /** Makes the key pair; false when there is no randomness. */
  generate(drbg: Drbg): bool {
    const secret = changetype<usize>(this.secret);
    if (this.group === GROUP_X25519) {
      if (!drbg.fill(secret, 32)) return false;
      x25519PublicKey(this.publicKey, secret);
      return true;
    }
    return p256GeneratePrivateKey(secret, drbg) && p256PublicKey(this.publicKey, secret);
  }

  /**
   * The shared secret with the peer's key_exchange value, 32 bytes at `shared`. False when that value
   * has the wrong form, is not on the curve, or has small order (the result would be all zeros). The
   * key pair is wiped: it serves once.
   */
  agree(peer: usize, peerLength: u32, shared: usize): bool {
    const secret = changetype<usize>(this.secret);
    let agreed: bool = false;
    if (peerLength === keyShareLength(this.group)) {
      agreed =
        this.group === GROUP_X25519 ? x25519(shared, secret, peer) : p256Ecdh(shared, secret, peer);
    }
    this.wipe();
    return agreed;
  }

  wipe(): void {
    wipe(changetype<usize>(this.secret), 32);
  }
}
