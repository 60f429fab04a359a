/** Numbers of the page of a device's configuration; `mcu-client/library/include/veracruz/page.h` describes it. */

/** What a page begins with; its last two digits are the version. */
export const PAGE_MAGIC = "VCPAGE01";
/** Bytes before the items: magic, their length, their CRC-32. */
export const PAGE_HEADER = 16;
/** The largest page: what a board sets aside for it. */
export const PAGE_BYTES = 65_536;
/** Files in a page, at most. */
export const PAGE_FILES = 4;

/** Items, by their type. */
export const pageItems = {
  HOST: 1,
  PORT: 2,
  AUTHORITY: 3,
  CERTIFICATE: 4,
  PRIVATE_KEY: 5,
  POLICY_HASH: 6,
  RUNTIME_LINUX: 7,
  RUNTIME_MCU: 8,
  FLAGS: 9,
  POLICY_EXPIRY: 10,
  DATA: 11,
  PROGRAM: 12,
  RESULT: 13,
  SCOPE_HASH: 14,
  MOST_ISOLATES: 15,
  ACCEPT_RESTART: 16,
  STREAM: 17,
  MINIMUM_VERSIONS: 18,
} as const;

/** Bits of the item FLAGS. */
export const pageFlags = { ALLOW_DEVELOPMENT: 1, AES: 2, SHUTDOWN: 4, HYBRID_REQUIRED: 8 } as const;
