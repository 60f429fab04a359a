import { SHA256_LENGTH } from "../../crypto/sha256";
import { TlsConfig } from "../config";
import { clientShareLength, KeyExchange, namedGroup } from "../key-exchange";
import {
  CLIENT_HELLO,
  ECDSA_SECP256R1_SHA256,
  EXTENSION_COOKIE,
  EXTENSION_KEY_SHARE,
  EXTENSION_RECORD_SIZE_LIMIT,
  EXTENSION_SERVER_NAME,
  EXTENSION_SIGNATURE_ALGORITHMS,
  EXTENSION_SUPPORTED_GROUPS,
  EXTENSION_SUPPORTED_VERSIONS,
  GROUPS_ALL,
  SUITE_AES_128_GCM,
  SUITE_CHACHA20_POLY1305,
  TLS12,
  TLS13,
} from "../protocol";
import { WireWriter } from "../wire-writer";
import { cipherSuite } from "./server-hello";

/**
 * Writes a ClientHello (RFC 8446 §4.1.2).
 *
 * `random`, `sessionId`: 32 bytes each; a session id that is not empty asks for compatibility mode.
 * `exchanges`: those whose key shares it carries. `cookie`: what a HelloRetryRequest gave, or of length 0.
 */
export function writeClientHello(
  writer: WireWriter,
  config: TlsConfig,
  random: usize,
  sessionId: usize,
  exchanges: Array<KeyExchange>,
  cookie: usize,
  cookieLength: u32,
): void {
  writer.u8(CLIENT_HELLO);
  writer.u8(0);
  const body = writer.open();
  writer.u16(TLS12);
  writer.bytes(random, SHA256_LENGTH);
  writer.u8(SHA256_LENGTH);
  writer.bytes(sessionId, SHA256_LENGTH);
  const suites = writer.open();
  if ((config.suites & SUITE_CHACHA20_POLY1305) !== 0)
    writer.u16(cipherSuite(SUITE_CHACHA20_POLY1305));
  if ((config.suites & SUITE_AES_128_GCM) !== 0) writer.u16(cipherSuite(SUITE_AES_128_GCM));
  writer.close(suites);
  writer.u16(0x0100); // legacy_compression_methods: one, null

  const extensions = writer.open();
  const nameLength: u32 = config.serverName.length;
  const serverName = writer.extension(EXTENSION_SERVER_NAME); // RFC 6066 §3
  const names = writer.open();
  writer.u8(0); // host_name
  writer.u16(nameLength);
  writer.bytes(changetype<usize>(config.serverName), nameLength);
  writer.close(names);
  writer.close(serverName);

  const groups = writer.extension(EXTENSION_SUPPORTED_GROUPS);
  const groupList = writer.open();
  for (let group: u32 = 1; group <= GROUPS_ALL; group <<= 1)
    if ((config.groups & group) !== 0) writer.u16(namedGroup(group));
  writer.close(groupList);
  writer.close(groups);

  const algorithms = writer.extension(EXTENSION_SIGNATURE_ALGORITHMS);
  const algorithmList = writer.open();
  writer.u16(ECDSA_SECP256R1_SHA256);
  writer.close(algorithmList);
  writer.close(algorithms);

  const limit = writer.extension(EXTENSION_RECORD_SIZE_LIMIT);
  writer.u16(config.recordSizeLimit);
  writer.close(limit);

  const versions = writer.extension(EXTENSION_SUPPORTED_VERSIONS);
  writer.u8(2);
  writer.u16(TLS13);
  writer.close(versions);

  const shares = writer.extension(EXTENSION_KEY_SHARE);
  const shareList = writer.open();
  for (let i = 0; i < exchanges.length; i++) {
    const exchange = exchanges[i];
    const length = clientShareLength(exchange.group);
    writer.u16(namedGroup(exchange.group));
    writer.u16(length);
    writer.bytes(exchange.share, length);
  }
  writer.close(shareList);
  writer.close(shares);

  if (cookieLength > 0) {
    const cookieExtension = writer.extension(EXTENSION_COOKIE);
    writer.u16(cookieLength);
    writer.bytes(cookie, cookieLength);
    writer.close(cookieExtension);
  }
  writer.close(extensions);
  writer.close(body);
}
