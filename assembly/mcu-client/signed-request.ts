import { Sha256 } from "../crypto/sha256";
import { TlsConfig } from "../session-manager/config";
import { base64Length, encodeBase64 } from "./base64";
import { putText } from "./text";

/** Digits of the server's nonce. */
export const NONCE_DIGITS: i32 = 32;
/** Bytes that the headers take at most; the text that is signed is shorter, but for the host's name. */
export const SIGNATURE_HEADERS: u32 = 640;

const HASH: u32 = 32;
const SIGNATURE: u32 = 64;

function putHex(at: usize, bytes: usize, length: u32): usize {
  for (let i: u32 = 0; i < length; i++) {
    const byte: u32 = load<u8>(bytes + i);
    store<u8>(at++, hexDigit(byte >> 4));
    store<u8>(at++, hexDigit(byte & 15));
  }
  return at;
}

function hexDigit(value: u32): u8 {
  return (value < 10 ? 0x30 + value : 0x57 + value) as u8;
}

/**
 * Signs the first request of a session, so that the server lets this principal in before strangers: HTTP
 * Message Signatures (RFC 9421), in the one form of `host/veracruz-utils/admission.ts`.
 */
export class RequestSigner {
  /** The server's nonce, hexadecimal; `nonceLength` is less than `NONCE_DIGITS` when there is none. */
  readonly nonce: StaticArray<u8> = new StaticArray<u8>(NONCE_DIGITS);
  nonceLength: i32 = 0;
  /** What the headers are made of: the key's identifier, the digest of the body, the signature. */
  private parts: StaticArray<u8> = new StaticArray<u8>((2 * HASH + SIGNATURE) as i32);

  constructor(
    private config: TlsConfig,
    private policyHash: StaticArray<u8>,
  ) {}

  /** Takes a digit of the nonce; what is none makes it void. */
  takeNonce(byte: u32): void {
    const isDigit = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
    if (!isDigit || this.nonceLength >= NONCE_DIGITS) this.nonceLength = NONCE_DIGITS + 1;
    else this.nonce[this.nonceLength++] = byte as u8;
  }

  /**
   * Begins to sign a POST: writes the text that is to be signed to `at`, where there is room for `SIGNATURE_HEADERS`
   * bytes and the host's name; returns the address behind it: `at` where the request is to go without.
   */
  prepare(at: usize, host: usize, hostLength: u32, body: usize, bodyLength: u32): usize {
    const identity = this.config.identity;
    if (this.nonceLength !== NONCE_DIGITS || identity === null) return at;
    // Each nonce once: the server takes no signature twice.
    this.nonceLength = 0;
    const hash = new Sha256();
    // Its chain begins with the length of its certificate (RFC 8446 §4.4.2).
    const chain = identity.chain;
    const length = (bswap<u32>(load<u32>(chain)) >> 8) as usize;
    hash.reset();
    hash.update(changetype<usize>(this.nonce), NONCE_DIGITS as usize);
    hash.update(chain + 3, length);
    hash.finish(this.keyId);
    hash.reset();
    hash.update(body, bodyLength as usize);
    hash.finish(this.digest);

    let end = putText(at, '"@method": POST\n"@authority": ');
    for (let i: u32 = 0; i < hostLength; i++) {
      const byte: u32 = load<u8>(host + i);
      store<u8>(end++, (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte) as u8);
    }
    end = putText(end, '\n"@request-target": /runtime_manager\n"veracruz-policy": ');
    end = putHex(end, changetype<usize>(this.policyHash), HASH);
    end = putText(end, '\n"content-digest": ');
    end = this.putDigest(end);
    end = putText(end, '\n"@signature-params": ');
    return this.putParameters(end);
  }

  /** Writes the headers of a POST whose signature has been made, in place of the text; returns the address behind. */
  putHeaders(at: usize): usize {
    let end = putText(at, "\r\nVeracruz-Policy: ");
    end = putHex(end, changetype<usize>(this.policyHash), HASH);
    end = putText(end, "\r\nContent-Digest: ");
    end = this.putDigest(end);
    end = putText(end, "\r\nSignature-Input: vc=");
    end = this.putParameters(end);
    end = putText(end, "\r\nSignature: vc=:");
    encodeBase64(end, this.signature, SIGNATURE);
    return putText(end + base64Length(SIGNATURE), ":");
  }

  /** Where the signature goes that the key's owner has made: r ‖ s, 64 bytes. */
  get signature(): usize {
    return this.digest + HASH;
  }
  private get keyId(): usize {
    return changetype<usize>(this.parts);
  }
  private get digest(): usize {
    return this.keyId + HASH;
  }

  private putDigest(at: usize): usize {
    const end = putText(at, "sha-256=:");
    encodeBase64(end, this.digest, HASH);
    return putText(end + base64Length(HASH), ":");
  }

  private putParameters(at: usize): usize {
    let end = putText(
      at,
      '("@method" "@authority" "@request-target" "veracruz-policy" "content-digest");keyid="',
    );
    end = putHex(end, this.keyId, HASH);
    end = putText(end, '";alg="ecdsa-p256-sha256";nonce="');
    memory.copy(end, changetype<usize>(this.nonce), NONCE_DIGITS as usize);
    return putText(end + NONCE_DIGITS, '"');
  }
}
