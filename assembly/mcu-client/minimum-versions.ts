import { DerReader, TAG_SEQUENCE, TAG_UTF8_STRING } from "../asn1/der-reader";
import { NO_VERSION, readVersion } from "../encoding/version";
import { Certificate } from "../x509/certificate";

/** Four components, as a policy may name, with their versions: 16 bytes at most and a space behind it, each. */
const MAX_TEXT: u32 = 4 * 2 * 17;
const SPACE: u32 = 0x20;

/** `minimum_versions` of the policy, as text: components, each with its version, by single spaces ("ARoT 1.2 SPE 3"). */
export class MinimumVersions {
  private readonly text: StaticArray<u8> = new StaticArray<u8>(MAX_TEXT as i32);
  private length: u32 = 0;

  /** Takes a text, empty for none; false, and then there is none, when it is malformed. */
  take(text: usize, length: u32): bool {
    this.length = 0;
    if (length > MAX_TEXT) return false;
    memory.copy(changetype<usize>(this.text), text, length as usize);
    this.length = length;
    if (this.compare(null)) return true;
    this.length = 0;
    return false;
  }

  /** Whether each component that is named here is in an isolate's certificate, and nowhere there of a lower version. */
  areReachedBy(certificate: Certificate): bool {
    return this.compare(certificate);
  }

  /** Reads the text, and compares what it says with a certificate, if there is one. False: malformed, or not reached. */
  private compare(certificate: Certificate | null): bool {
    let at = changetype<usize>(this.text);
    const end = at + this.length;
    while (at < end) {
      const nameEnd = wordEnd(at, end);
      const version = nameEnd + 1;
      if (nameEnd === at || version >= end) return false;
      const versionEnd = wordEnd(version, end);
      const minimum = readVersion(version, (versionEnd - version) as u32);
      if (minimum === NO_VERSION) return false;
      if (certificate && !isReached(at, (nameEnd - at) as u32, minimum, certificate)) return false;
      at = versionEnd + 1;
    }
    return true;
  }
}

/** Where the word ends that begins at an address. */
function wordEnd(at: usize, end: usize): usize {
  while (at < end && (load<u8>(at) as u32) !== SPACE) at++;
  return at;
}

/** SEQUENCE OF SEQUENCE { component UTF8String, version UTF8String } */
function isReached(name: usize, length: u32, minimum: u64, certificate: Certificate): bool {
  const reader = new DerReader(certificate.isolateVersions, certificate.isolateVersionsLength);
  const outer = reader.enter(TAG_SEQUENCE);
  if (outer === 0) return false;
  let isThere = false;
  while (!reader.atEnd) {
    const entry = reader.enter(TAG_SEQUENCE);
    if (entry === 0 || !reader.nextIs(TAG_UTF8_STRING)) return false;
    const isOurs = reader.contentIs(name, length);
    if (!reader.nextIs(TAG_UTF8_STRING)) return false;
    const version = readVersion(reader.content, reader.length);
    if (!reader.leave(entry)) return false;
    if (!isOurs) continue;
    if (version < minimum) return false;
    isThere = true;
  }
  return isThere && reader.leave(outer) && reader.atEnd;
}
