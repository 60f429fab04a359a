import {
  contentOf,
  DerError,
  der,
  INTEGER,
  parse,
  parts,
  SEQUENCE,
  unsignedInteger,
} from "./der.js";

const HALF = 32;

/** One of the two numbers of a signature, 32 bytes big-endian. */
function half(content: Uint8Array): Uint8Array {
  const number = content[0] === 0 ? content.subarray(1) : content;
  if (number.length > HALF) throw new DerError("the number is too large for P-256");
  const whole = new Uint8Array(HALF);
  whole.set(number, HALF - number.length);
  return whole;
}

/**
 * A signature of P-256 in DER (Ecdsa-Sig-Value, RFC 3279 §2.2.3) as r ‖ s.
 *
 * @returns 64 bytes; undefined where it is no such DER
 */
export function signatureFromDer(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const [r, s, ...more] = parts(parse(bytes), SEQUENCE, "signature");
    if (more.length > 0) return undefined;
    const signature = new Uint8Array(2 * HALF);
    signature.set(half(contentOf(r, INTEGER, "r")), 0);
    signature.set(half(contentOf(s, INTEGER, "s")), HALF);
    return signature;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** r ‖ s, 64 bytes, as Ecdsa-Sig-Value in DER. */
export function signatureToDer(signature: Uint8Array): Uint8Array {
  return der(
    SEQUENCE,
    unsignedInteger(signature.subarray(0, HALF)),
    unsignedInteger(signature.subarray(HALF)),
  );
}
