import { writeBytes, writeInteger, writeMapHead, writeText } from "../cbor/cbor-writer";
import {
  COMPONENT_MEASUREMENT_TYPE,
  COMPONENT_MEASUREMENT_VALUE,
  COMPONENT_SIGNER_ID,
  COMPONENT_VERSION,
} from "./claim-keys";

/**
 * Writes a software component of a token or of an alias certificate (RFC 9783 §4.4.1); a type or version of
 * length 0 is left out.
 *
 * @returns the address after it
 */
export function writeComponent(
  at: usize,
  type: usize,
  typeLength: usize,
  value: usize,
  valueLength: usize,
  version: usize,
  versionLength: usize,
  signer: usize,
  signerLength: usize,
): usize {
  let end = writeMapHead(at, 2 + (typeLength !== 0 ? 1 : 0) + (versionLength !== 0 ? 1 : 0));
  if (typeLength !== 0) {
    end = writeInteger(end, COMPONENT_MEASUREMENT_TYPE);
    end = writeText(end, type, typeLength);
  }
  end = writeInteger(end, COMPONENT_MEASUREMENT_VALUE);
  end = writeBytes(end, value, valueLength);
  if (versionLength !== 0) {
    end = writeInteger(end, COMPONENT_VERSION);
    end = writeText(end, version, versionLength);
  }
  end = writeInteger(end, COMPONENT_SIGNER_ID);
  return writeBytes(end, signer, signerLength);
}
