import { DerReader, TAG_SEQUENCE, TAG_UTF8_STRING } from "../asn1/der-reader";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { E_CHAIN, E_KIND, E_LIFECYCLE, E_RUNTIME_HASH } from "./codes";

/** Kinds of isolates, as bits of `IsolateDemand.kinds`. */
export const KIND_LINUX: u32 = 1;
export const KIND_MCU: u32 = 2;

const HASH_BYTES: i32 = 32;
/** PSA security lifecycle (RFC 9783 §4.3.1): in the states 0x30xx debug and readout are locked, … */
const LIFECYCLE_SECURED: i32 = 0x30;
/** … in 0x40xx they are outside the root of trust: development grade. No other state is ever trusted. */
const LIFECYCLE_DEBUG: i32 = 0x40;

/** What the policy demands of the isolate. */
export class IsolateDemand {
  /** The kinds that the policy names a runtime for: `KIND_…` bits. */
  kinds: u32 = 0;
  linuxRuntime: StaticArray<u8> = new StaticArray<u8>(HASH_BYTES);
  mcuRuntime: StaticArray<u8> = new StaticArray<u8>(HASH_BYTES);
  allowDevelopment: bool = false;

  /** Found in the certificate, for the log. */
  kind: u32 = 0;
  lifecycle: i32 = 0;

  /** The hash that the policy names for a kind. */
  runtime(kind: u32): usize {
    return changetype<usize>(kind === KIND_MCU ? this.mcuRuntime : this.linuxRuntime);
  }

  /**
   * Checks what the isolate's certificate says of it. Its chain, name and dates have been verified.
   *
   * @returns 0, or the code of what is wrong
   */
  check(der: usize, length: u32): i32 {
    const certificate = new Certificate();
    if (der === 0 || certificate.parse(der, length) !== CERTIFICATE_OK || certificate.isCa)
      return E_CHAIN;
    if (certificate.runtimeHash === 0 || certificate.isolateKind === 0) return E_KIND;
    if (!this.readKind(certificate)) return E_KIND;
    // Compared with the hash for this kind only: what one kind of device may run, another may not claim.
    if ((this.kinds & this.kind) === 0) return E_KIND;
    if (memory.compare(certificate.runtimeHash, this.runtime(this.kind), HASH_BYTES) !== 0)
      return E_RUNTIME_HASH;
    const state = this.lifecycle >> 8;
    const trusted =
      state === LIFECYCLE_SECURED || (this.allowDevelopment && state === LIFECYCLE_DEBUG);
    return trusted ? 0 : E_LIFECYCLE;
  }

  /** SEQUENCE { kind UTF8String, lifecycle INTEGER } */
  private readKind(certificate: Certificate): bool {
    const reader = new DerReader(certificate.isolateKind, certificate.isolateKindLength);
    const outer = reader.enter(TAG_SEQUENCE);
    if (outer === 0 || !reader.nextIs(TAG_UTF8_STRING)) return false;
    if (isText(reader.content, reader.length, "linux")) this.kind = KIND_LINUX;
    else if (isText(reader.content, reader.length, "mcu")) this.kind = KIND_MCU;
    else return false;
    if (!reader.integer() || reader.length > 3) return false;
    this.lifecycle = 0;
    for (let i: u32 = 0; i < reader.length; i++)
      this.lifecycle = (this.lifecycle << 8) | (load<u8>(reader.content + i) as i32);
    return this.lifecycle <= 0xffff && reader.leave(outer) && reader.atEnd;
  }
}

function isText(bytes: usize, length: u32, text: string): bool {
  if (length !== (text.length as u32)) return false;
  for (let i = 0; i < text.length; i++) {
    if ((load<u8>(bytes + i) as i32) !== text.charCodeAt(i)) return false;
  }
  return true;
}
