import {
  writeArrayHead,
  writeBytes,
  writeBytesHead,
  writeInteger,
  writeMapHead,
} from "../cbor/cbor-writer";
import {
  ALGORITHM_ES256,
  CLAIM_CONFIRMATION,
  CLAIM_IMPLEMENTATION_ID,
  CLAIM_INSTANCE_ID,
  CLAIM_PROFILE,
  CLAIM_SECURITY_LIFECYCLE,
  CLAIM_SOFTWARE_COMPONENTS,
  CONFIRMATION_COSE_KEY,
  CURVE_P256,
  KEY_ALGORITHM,
  KEY_CURVE,
  KEY_OPERATIONS,
  KEY_TYPE,
  KEY_TYPE_EC2,
  KEY_X,
  KEY_Y,
  OPERATION_VERIFY,
} from "../psa-attestation/claim-keys";
import { IMPLEMENTATION_ID_LENGTH, INSTANCE_ID_LENGTH } from "../psa-attestation/claims";
import { writeComponent } from "../psa-attestation/component";

/**
 * What an alias certificate says: a CWT claims set (RFC 8392) in CBOR's deterministic encoding. Its profile is
 * 2.5.30.7 of the project's arc, as the content of an object identifier (RFC 9711 §4.3.2).
 */
const PROFILE_LENGTH: usize = 3;

function writeProfile(at: usize): usize {
  const content = writeBytesHead(at, PROFILE_LENGTH);
  store<u8>(content, 0x55);
  store<u8>(content + 1, 30);
  store<u8>(content + 2, 7);
  return content + PROFILE_LENGTH;
}

/** A component as the first stage hands it over (`struct dice_component` in mcu-client/images/boot/dice.c). */
const TYPE_AT: usize = 0;
const TYPE_LENGTH: usize = 4;
const MEASUREMENT_AT: usize = TYPE_AT + TYPE_LENGTH;
const HASH_LENGTH: usize = 32;
const SIGNER_AT: usize = MEASUREMENT_AT + HASH_LENGTH;
const VERSION_AT: usize = SIGNER_AT + HASH_LENGTH;
const MAX_VERSION_LENGTH: usize = 16;
const VERSION_LENGTH_AT: usize = VERSION_AT + MAX_VERSION_LENGTH;
const COMPONENT_SIZE: usize = VERSION_LENGTH_AT + 1;

/** How many components there may be. */
export const MAX_COMPONENTS: usize = 3;
/** Room for the claims but the confirmation: 92 bytes, and at most 95 for each component. */
export const MAX_DESCRIPTION: usize = 92 + 95 * MAX_COMPONENTS;
/** Bytes of the confirmation with its key, and of the map's head before it. */
export const CONFIRMATION_LENGTH: usize = 84;

/** The number of claims: the confirmation, and the five of `writeDescription`. */
const CLAIMS: u32 = 6;

/**
 * Writes every claim but the confirmation: what the alias key is derived from.
 *
 * @param components `count` of them, in the layout above
 * @returns the address after it
 */
export function writeDescription(
  at: usize,
  instanceId: usize,
  lifecycle: u32,
  implementationId: usize,
  components: usize,
  count: usize,
): usize {
  let end = writeInteger(at, CLAIM_INSTANCE_ID);
  end = writeBytes(end, instanceId, INSTANCE_ID_LENGTH);
  end = writeInteger(end, CLAIM_PROFILE);
  end = writeProfile(end);
  end = writeInteger(end, CLAIM_SECURITY_LIFECYCLE);
  end = writeInteger(end, <i32>lifecycle);
  end = writeInteger(end, CLAIM_IMPLEMENTATION_ID);
  end = writeBytes(end, implementationId, IMPLEMENTATION_ID_LENGTH);
  end = writeInteger(end, CLAIM_SOFTWARE_COMPONENTS);
  end = writeArrayHead(end, <u32>count);
  for (let i: usize = 0; i < count; i++) {
    const component = components + i * COMPONENT_SIZE;
    end = writeComponent(
      end,
      component + TYPE_AT,
      TYPE_LENGTH,
      component + MEASUREMENT_AT,
      HASH_LENGTH,
      component + VERSION_AT,
      min(<usize>load<u8>(component + VERSION_LENGTH_AT), MAX_VERSION_LENGTH),
      component + SIGNER_AT,
      HASH_LENGTH,
    );
  }
  return end;
}

/**
 * Writes the head of the claims and the confirmation: the alias key, to verify signatures with and nothing else.
 *
 * @param point 0x04, x, y
 * @returns the address after it
 */
export function writeConfirmation(at: usize, point: usize): usize {
  let end = writeMapHead(at, CLAIMS);
  end = writeInteger(end, CLAIM_CONFIRMATION);
  end = writeMapHead(end, 1);
  end = writeInteger(end, CONFIRMATION_COSE_KEY);
  end = writeMapHead(end, 6);
  end = writeInteger(end, KEY_TYPE);
  end = writeInteger(end, KEY_TYPE_EC2);
  end = writeInteger(end, KEY_ALGORITHM);
  end = writeInteger(end, ALGORITHM_ES256);
  end = writeInteger(end, KEY_OPERATIONS);
  end = writeArrayHead(end, 1);
  end = writeInteger(end, OPERATION_VERIFY);
  end = writeInteger(end, KEY_CURVE);
  end = writeInteger(end, CURVE_P256);
  end = writeInteger(end, KEY_X);
  end = writeBytes(end, point + 1, HASH_LENGTH);
  end = writeInteger(end, KEY_Y);
  return writeBytes(end, point + 1 + HASH_LENGTH, HASH_LENGTH);
}
