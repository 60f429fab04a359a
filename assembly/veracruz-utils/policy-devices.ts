// What a policy says of the devices that may compute: which ones, and how old their software may be.
import { sameBytes } from "../encoding/bytes";
import { NO_VERSION, readVersion } from "../encoding/version";
import { JsonReader } from "./json";
import {
  INSTANCE_ID_BYTES,
  MAX_COMPONENT_BYTES,
  MAX_INSTANCES,
  MAX_MINIMUM_VERSIONS,
  MinimumVersion,
  Policy,
} from "./policy";
import {
  POLICY_E_COMPONENT,
  POLICY_E_DUPLICATE_COMPONENT,
  POLICY_E_DUPLICATE_INSTANCE,
  POLICY_E_INSTANCE_ID,
  POLICY_E_NO_INSTANCE,
  POLICY_E_TOO_MANY_INSTANCES,
  POLICY_E_TOO_MANY_VERSIONS,
  POLICY_E_VERSION,
} from "./policy-error-codes";
import { isLetterOrDigit, readHex } from "./policy-values";

const nothing: StaticArray<u8> = new StaticArray<u8>(0);
const MINIMUM_KEYS: StaticArray<string> = ["component", "version"];

function isSame(one: StaticArray<u8>, other: StaticArray<u8>): bool {
  return sameBytes(one, changetype<usize>(other), other.length as u32);
}

function isAmong(list: StaticArray<u8>[], wanted: StaticArray<u8>): bool {
  for (let i = 0; i < list.length; i++) if (isSame(list[i], wanted)) return true;
  return false;
}

/** A device's instance ID in hexadecimal: 0x01 and a hash of 32 bytes. */
function readInstanceId(reader: JsonReader): StaticArray<u8> {
  const id = readHex(reader, INSTANCE_ID_BYTES as i32, POLICY_E_INSTANCE_ID);
  if (reader.ok && id[0] !== 0x01) reader.failValue(POLICY_E_INSTANCE_ID);
  return id;
}

/** The measurement type of a software component. */
function readComponent(reader: JsonReader): StaticArray<u8> {
  if (!reader.readString(0, 64)) return nothing;
  const name = reader.copyString();
  let good = name.length > 0 && name.length <= (MAX_COMPONENT_BYTES as i32);
  for (let i = 0; good && i < name.length; i++) {
    const byte = name[i] as u32;
    if (!isLetterOrDigit(byte) && byte !== 0x2d && byte !== 0x2e && byte !== 0x5f) good = false;
  }
  if (!good) reader.failValue(POLICY_E_COMPONENT);
  return name;
}

/** A version, as it stands there. */
function readVersionText(reader: JsonReader): StaticArray<u8> {
  if (!reader.readString(0, 64)) return nothing;
  const text = reader.copyString();
  if (readVersion(changetype<usize>(text), text.length as u32) === NO_VERSION)
    reader.failValue(POLICY_E_VERSION);
  return text;
}

/** The list of the only devices allowed. */
export function readInstanceIds(reader: JsonReader, policy: Policy): void {
  const ids = policy.instanceIds;
  if (!reader.beginArray()) return;
  const offset = reader.valueOffset;
  for (let index: u32 = 0; reader.nextItem(index); index++) {
    reader.error.place.enterItem(index);
    const id = readInstanceId(reader);
    if (index >= MAX_INSTANCES) reader.failValue(POLICY_E_TOO_MANY_INSTANCES);
    if (reader.ok && isAmong(ids, id)) reader.failValue(POLICY_E_DUPLICATE_INSTANCE);
    if (!reader.ok) return;
    reader.error.place.leave();
    ids.push(id);
  }
  if (ids.length === 0) reader.failAt(POLICY_E_NO_INSTANCE, offset);
}

/** The list of the least versions of software components. */
export function readMinimumVersions(reader: JsonReader, policy: Policy): void {
  if (!reader.beginArray()) return;
  for (let index: u32 = 0; reader.nextItem(index); index++) {
    reader.error.place.enterItem(index);
    readMinimumVersion(reader, policy.minimumVersions, index);
    if (!reader.ok) return;
    reader.error.place.leave();
  }
}

function readMinimumVersion(reader: JsonReader, minima: MinimumVersion[], index: u32): void {
  const minimum = new MinimumVersion();
  let seen: u32 = 0;
  if (!reader.beginObject()) return;
  if (index >= MAX_MINIMUM_VERSIONS) {
    reader.failValue(POLICY_E_TOO_MANY_VERSIONS);
    return;
  }
  for (;;) {
    const key = reader.nextKey(MINIMUM_KEYS, seen);
    if (key < 0) break;
    seen |= 1 << key;
    if (key === 1) {
      minimum.version = readVersionText(reader);
    } else {
      minimum.component = readComponent(reader);
      for (let i = 0; i < minima.length; i++) {
        if (!isSame(minima[i].component, minimum.component)) continue;
        reader.failValue(POLICY_E_DUPLICATE_COMPONENT);
      }
    }
    if (!reader.ok) return;
    reader.error.place.leave();
  }
  reader.requireKeys(MINIMUM_KEYS, seen, 3);
  minima.push(minimum);
}
