import {
  writeArrayHead,
  writeAscii,
  writeBytes,
  writeInteger,
  writeMapHead,
} from "../cbor/cbor-writer";
import { wipe } from "../crypto/constant-time";
import {
  CLAIM_BOOT_SEED,
  CLAIM_CLIENT_ID,
  CLAIM_IMPLEMENTATION_ID,
  CLAIM_INSTANCE_ID,
  CLAIM_NONCE,
  CLAIM_PROFILE,
  CLAIM_SECURITY_LIFECYCLE,
  CLAIM_SOFTWARE_COMPONENTS,
} from "./claim-keys";
import { writeComponent } from "./component";

/** What a token says about this device, apart from the nonce: RFC 9783 §4, in that document's keys. */

const PROFILE = "tag:psacertified.org,2023:psa#tfm";

/** Lengths in bytes, fixed or the least and most, that RFC 9783 §4 gives to claims. */
export const IMPLEMENTATION_ID_LENGTH: usize = 32;
export const INSTANCE_ID_LENGTH: usize = 33;
export const MIN_BOOT_SEED: usize = 8;
export const MAX_BOOT_SEED: usize = 32;
/** Bytes of the longest measurement type or version. */
export const MAX_COMPONENT_TEXT: usize = 16;
/** Bytes of the longest measurement or signer ID. */
const MAX_HASH: usize = 64;
/** Software components in one token, at most. */
export const MAX_COMPONENTS: u32 = 4;

/**
 * Room for the longest claims map: the fixed claims with the longest nonce and boot seed take 245 bytes,
 * each component at most 171.
 */
export const MAX_CLAIMS: usize = 245 + 171 * <usize>MAX_COMPONENTS;

/** Layout of a software component: four fields, each a length byte and its content. */
const TYPE_AT: usize = 0;
const VALUE_AT: usize = TYPE_AT + 1 + MAX_COMPONENT_TEXT;
const SIGNER_AT: usize = VALUE_AT + 1 + MAX_HASH;
const VERSION_AT: usize = SIGNER_AT + 1 + MAX_HASH;
const COMPONENT_SIZE: usize = VERSION_AT + 1 + MAX_COMPONENT_TEXT;

/** Layout of the whole. */
const IMPLEMENTATION_AT: usize = 0;
const INSTANCE_AT: usize = IMPLEMENTATION_AT + IMPLEMENTATION_ID_LENGTH;
const BOOT_SEED_AT: usize = INSTANCE_AT + INSTANCE_ID_LENGTH;
const COMPONENTS_AT: usize = BOOT_SEED_AT + 1 + MAX_BOOT_SEED;
const SIZE: usize = COMPONENTS_AT + COMPONENT_SIZE * <usize>MAX_COMPONENTS;

function put(at: usize, bytes: usize, length: usize): void {
  store<u8>(at, length);
  memory.copy(at + 1, bytes, length);
}

/** psa-hash-type: SHA-256, SHA-384 or SHA-512. */
export function isHashLength(length: usize): bool {
  return length === 32 || length === 48 || length === 64;
}

/** Whether the value names a state of RFC 9783 §4.3.1: 0x00xx, 0x10xx, … 0x60xx. */
export function isLifecycle(value: u32): bool {
  return value <= 0x60ff && (value & 0x0f00) === 0;
}

/** The claims of a device that do not depend on the nonce (RFC 9783 §4). */
export class DeviceClaims {
  private readonly bytes: StaticArray<u8> = new StaticArray<u8>(<i32>SIZE);
  private lifecycle: u32 = 0;
  private clientId: i32 = 0;
  private components: u32 = 0;

  private at(offset: usize): usize {
    return changetype<usize>(this.bytes) + offset;
  }

  /** Where the 33 bytes of the instance ID are. */
  instanceId(): usize {
    return this.at(INSTANCE_AT);
  }

  /** How many software components there are. */
  count(): u32 {
    return this.components;
  }

  /** Takes the fixed claims, already checked; the instance ID is written by the caller. */
  set(
    implementationId: usize,
    lifecycle: u32,
    clientId: i32,
    bootSeed: usize,
    bootSeedLength: usize,
  ): void {
    memory.copy(this.at(IMPLEMENTATION_AT), implementationId, IMPLEMENTATION_ID_LENGTH);
    this.lifecycle = lifecycle;
    this.clientId = clientId;
    put(this.at(BOOT_SEED_AT), bootSeed, bootSeedLength);
    this.components = 0;
  }

  /** Adds a component, already checked; a type or version of length 0 is left out of the token. */
  add(
    type: usize,
    typeLength: usize,
    value: usize,
    valueLength: usize,
    signer: usize,
    signerLength: usize,
    version: usize,
    versionLength: usize,
  ): void {
    const component = this.at(COMPONENTS_AT + COMPONENT_SIZE * <usize>this.components);
    put(component + TYPE_AT, type, typeLength);
    put(component + VALUE_AT, value, valueLength);
    put(component + SIGNER_AT, signer, signerLength);
    put(component + VERSION_AT, version, versionLength);
    this.components++;
  }

  wipe(): void {
    wipe(this.at(0), SIZE);
    this.components = 0;
  }

  /**
   * Writes the claims map with that nonce at `at`, where `MAX_CLAIMS` bytes fit.
   *
   * @returns the address after it
   */
  write(at: usize, nonce: usize, nonceLength: usize): usize {
    const bootSeed = this.at(BOOT_SEED_AT);
    const bootSeedLength: usize = load<u8>(bootSeed);
    let end = writeMapHead(at, bootSeedLength === 0 ? 7 : 8);
    end = writeInteger(end, CLAIM_NONCE);
    end = writeBytes(end, nonce, nonceLength);
    end = writeInteger(end, CLAIM_INSTANCE_ID);
    end = writeBytes(end, this.instanceId(), INSTANCE_ID_LENGTH);
    end = writeInteger(end, CLAIM_PROFILE);
    end = writeAscii(end, PROFILE);
    if (bootSeedLength !== 0) {
      end = writeInteger(end, CLAIM_BOOT_SEED);
      end = writeBytes(end, bootSeed + 1, bootSeedLength);
    }
    end = writeInteger(end, CLAIM_CLIENT_ID);
    end = writeInteger(end, this.clientId);
    end = writeInteger(end, CLAIM_SECURITY_LIFECYCLE);
    end = writeInteger(end, <i32>this.lifecycle);
    end = writeInteger(end, CLAIM_IMPLEMENTATION_ID);
    end = writeBytes(end, this.at(IMPLEMENTATION_AT), IMPLEMENTATION_ID_LENGTH);
    end = writeInteger(end, CLAIM_SOFTWARE_COMPONENTS);
    end = writeArrayHead(end, this.components);
    for (let i: u32 = 0; i < this.components; i++) {
      end = this.writeComponent(end, this.at(COMPONENTS_AT + COMPONENT_SIZE * <usize>i));
    }
    return end;
  }

  private writeComponent(at: usize, component: usize): usize {
    return writeComponent(
      at,
      component + TYPE_AT + 1,
      load<u8>(component + TYPE_AT),
      component + VALUE_AT + 1,
      load<u8>(component + VALUE_AT),
      component + VERSION_AT + 1,
      load<u8>(component + VERSION_AT),
      component + SIGNER_AT + 1,
      load<u8>(component + SIGNER_AT),
    );
  }
}
