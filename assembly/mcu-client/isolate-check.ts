import { DerReader, TAG_SEQUENCE, TAG_UTF8_STRING } from "../asn1/der-reader";
import { SHA256_LENGTH } from "../crypto/sha256";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import {
  VC_E_CHAIN,
  VC_E_KIND,
  VC_E_LIFECYCLE,
  VC_E_POLICY_HASH,
  VC_E_RUNTIME_HASH,
  VC_E_VERSION,
} from "./codes";
import { Continuity } from "./continuity";
import { KIND_LINUX, KIND_MCU } from "./isolate-kinds";
import { MinimumVersions } from "./minimum-versions";

/** PSA security lifecycle (RFC 9783 §4.3.1): in the states 0x30xx debug and readout are locked, … */
const LIFECYCLE_SECURED: i32 = 0x30;
/** … in 0x40xx they are outside the root of trust: development grade. No other state is ever trusted. */
const LIFECYCLE_DEBUG: i32 = 0x40;

/** What the policy demands of the isolate. */
export class IsolateDemand {
  /** The kinds that the policy names a runtime for: `KIND_…` bits. */
  kinds: u32 = 0;
  linuxRuntime: StaticArray<u8> = new StaticArray<u8>(SHA256_LENGTH);
  mcuRuntime: StaticArray<u8> = new StaticArray<u8>(SHA256_LENGTH);
  allowDevelopment: bool = false;
  readonly minimumVersions: MinimumVersions = new MinimumVersions();
  /** Policy, scope, and which isolate has their computation. */
  readonly continuity: Continuity = new Continuity();

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
   * @param now seconds since 1970, or less than 0 without a clock
   * @returns 0, or the code of what is wrong
   */
  check(der: usize, length: u32, now: i64): i32 {
    const certificate = new Certificate();
    if (der === 0 || certificate.parse(der, length) !== CERTIFICATE_OK || certificate.isCa)
      return VC_E_CHAIN;
    if (certificate.runtimeHash === 0 || certificate.isolateKind === 0) return VC_E_KIND;
    if (!this.readKind(certificate)) return VC_E_KIND;
    // Compared with the hash for this kind only: what one kind of device may run, another may not claim.
    if ((this.kinds & this.kind) === 0) return VC_E_KIND;
    if (memory.compare(certificate.runtimeHash, this.runtime(this.kind), SHA256_LENGTH) !== 0)
      return VC_E_RUNTIME_HASH;
    const state = this.lifecycle >> 8;
    const trusted =
      state === LIFECYCLE_SECURED || (this.allowDevelopment && state === LIFECYCLE_DEBUG);
    if (!trusted) return VC_E_LIFECYCLE;
    if (!this.continuity.isOurs(certificate)) return VC_E_POLICY_HASH;
    if (!this.minimumVersions.areReachedBy(certificate)) return VC_E_VERSION;
    this.continuity.begin(certificate, now);
    return 0;
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
