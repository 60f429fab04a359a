/** Bytes of RFC 8446's structures, for tests: each can be put together in a wrong way, too. */

export const u8 = (value: number): Buffer => Buffer.from([value & 0xff]);
export const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
export const u24 = (value: number): Buffer =>
  Buffer.from([(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]);
export const concat = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
export const vector8 = (...parts: Uint8Array[]): Buffer => {
  const body = concat(...parts);
  return concat(u8(body.length), body);
};
export const vector16 = (...parts: Uint8Array[]): Buffer => {
  const body = concat(...parts);
  return concat(u16(body.length), body);
};
export const vector24 = (...parts: Uint8Array[]): Buffer => {
  const body = concat(...parts);
  return concat(u24(body.length), body);
};

export const Type = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  certificateVerify: 15,
  finished: 20,
  keyUpdate: 24,
  messageHash: 254,
} as const;

export const Content = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;

export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownCa: 48,
  accessDenied: 49,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  missingExtension: 109,
  unsupportedExtension: 110,
  certificateRequired: 116,
} as const;

export const Ext = {
  serverName: 0,
  maxFragmentLength: 1,
  statusRequest: 5,
  supportedGroups: 10,
  signatureAlgorithms: 13,
  alpn: 16,
  padding: 21,
  recordSizeLimit: 28,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  cookie: 44,
  pskKeyExchangeModes: 45,
  oidFilters: 48,
  postHandshakeAuth: 49,
  keyShare: 51,
} as const;

/** A handshake message; its length may be stated wrongly. */
export const message = (type: number, body: Uint8Array, length = body.length): Buffer =>
  concat(u8(type), u24(length), body);

export const extension = (type: number, ...data: Uint8Array[]): Buffer =>
  concat(u16(type), vector16(...data));

/** Extensions by name, in order; a test adds, replaces or (by `undefined`) removes some. */
export type Extensions = Record<string, Buffer | undefined>;

export const extensionBlock = (extensions: Extensions): Buffer =>
  vector16(...Object.values(extensions).filter((one) => one !== undefined));

/** No bytes. */
export const nothing: Buffer = Buffer.alloc(0);
