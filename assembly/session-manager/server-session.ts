import { wipe } from "../crypto/constant-time";
import {
  CERTIFICATE_OK,
  Certificate,
  KEY_USAGE_DIGITAL_SIGNATURE,
  PURPOSE_CLIENT,
} from "../x509/certificate";
import { NO_CLOCK } from "../x509/chain";
import {
  ALERT_BAD_CERTIFICATE,
  ALERT_CERTIFICATE_EXPIRED,
  ALERT_CERTIFICATE_REQUIRED,
  ALERT_CERTIFICATE_UNKNOWN,
  ALERT_HANDSHAKE_FAILURE,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_INTERNAL_ERROR,
  ALERT_UNSUPPORTED_CERTIFICATE,
  NO_ALERT,
} from "./alerts";
import {
  checkCertificateVerify,
  sendCertificate,
  sendCertificateVerify,
} from "./certificate-verify";
import { TlsConfig } from "./config";
import { Established } from "./established";
import { checkFinished, sendFinished } from "./finished";
import { Handshake, HandshakeMessage, HandshakeState } from "./handshake";
import { KeyExchange, keyShareLength } from "./key-exchange";
import { CertificateMessage } from "./messages/certificate-message";
import { ClientHello, fingerprintUnchanged } from "./messages/client-hello";
import { writeCertificateRequest, writeEncryptedExtensions } from "./messages/encrypted-extensions";
import { RETRY_RANDOM, writeServerHello } from "./messages/server-hello";
import {
  CERTIFICATE,
  CERTIFICATE_VERIFY,
  CLIENT_HELLO,
  FINISHED,
  HASH_LENGTH,
  MAX_SKIPPED_EARLY_DATA,
} from "./protocol";
import { TlsSession } from "./session";

/** Room for a server's flight beside its certificates: saves moving it while it grows. */
const FLIGHT_OVERHEAD: u32 = 512;

/**
 * The server role: demands a certificate of its client and hands it to the caller for approval, once the
 * client has proven to own its key. Chain and name of the client's certificate are the caller's matter;
 * its dates are checked where there is a clock.
 */
export class TlsServerSession extends TlsSession {
  constructor(config: TlsConfig) {
    super(config, new ExpectsClientHello());
  }

  protected completeHandshake(): void {
    // The server's last flight is long out.
  }
}

/** The lowest bit of a set: what is preferred among suites or groups. */
function preferred(set: u32): u32 {
  return set & (0 - set);
}

/** RFC 8446 Appendix A.2: START */
class ExpectsClientHello extends HandshakeState {
  expects(type: u32): bool {
    return type === CLIENT_HELLO;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const config = session.config;
    const hello = new ClientHello();
    const alert = hello.parse(message);
    if (alert !== NO_ALERT) return session.fail(alert);
    const suites = config.suites & hello.suites;
    const groups = config.groups & hello.groups;
    if (suites === 0 || groups === 0) return session.fail(ALERT_HANDSHAKE_FAILURE);
    session.suite = preferred(suites);
    handshake.transcript.add(message.start, message.length);
    session.reader.dropsChangeCipherSpec = true;
    if (hello.offersEarlyData) session.reader.skippableEarlyData = MAX_SKIPPED_EARLY_DATA;

    // A group for which the share is here saves a round trip; it goes before a better liked one.
    const group = preferred(groups & hello.shares);
    if (group !== 0) return answer(session, handshake, hello, group);
    return askAgain(session, handshake, hello, message, preferred(groups));
  }
}

/** Sends a HelloRetryRequest for a group that the client supports but sent no share of. */
function askAgain(
  session: TlsSession,
  handshake: Handshake,
  hello: ClientHello,
  message: HandshakeMessage,
  group: u32,
): HandshakeState {
  const next = new ExpectsSecondClientHello(group);
  session.retried = true;
  message.reset(message.start + 4, message.length - 4);
  fingerprintUnchanged(message, next.fingerprintAt);
  handshake.transcript.replaceByHash(handshake.scratch);
  const writer = handshake.compose();
  writeServerHello(
    writer,
    RETRY_RANDOM,
    hello.sessionId,
    hello.sessionIdLength,
    session.suite,
    group,
    0,
  );
  if (!session.sendComposed(writer) || !session.writer.flush())
    return session.fail(ALERT_INTERNAL_ERROR);
  if (hello.sessionIdLength > 0 && !session.sendChangeCipherSpec())
    return session.fail(ALERT_INTERNAL_ERROR);
  return next;
}

/** After a HelloRetryRequest: the same ClientHello, but for the one share asked for (§4.1.2). */
class ExpectsSecondClientHello extends HandshakeState {
  private group: u32;
  private fingerprint: StaticArray<u8> = new StaticArray<u8>(HASH_LENGTH as i32);

  constructor(group: u32) {
    super();
    this.group = group;
  }

  get fingerprintAt(): usize {
    return changetype<usize>(this.fingerprint);
  }

  expects(type: u32): bool {
    return type === CLIENT_HELLO;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const hello = new ClientHello();
    const alert = hello.parse(message);
    if (alert !== NO_ALERT) return session.fail(alert);
    message.reset(message.start + 4, message.length - 4);
    fingerprintUnchanged(message, handshake.scratch);
    const isSame =
      memory.compare(handshake.scratch, this.fingerprintAt, HASH_LENGTH) === 0 &&
      hello.shares === this.group &&
      hello.shareCount === 1 &&
      !hello.offersEarlyData;
    if (!isSame) return session.fail(ALERT_ILLEGAL_PARAMETER);
    session.reader.skippableEarlyData = 0;
    handshake.transcript.add(message.start, message.length);
    return answer(session, handshake, hello, this.group);
  }
}

/** Answers a ClientHello with the server's whole flight, ServerHello to Finished. */
function answer(
  session: TlsSession,
  handshake: Handshake,
  hello: ClientHello,
  group: u32,
): HandshakeState {
  const config = session.config;
  const exchange = new KeyExchange(group);
  session.group = group;
  const shared = handshake.secondScratch;
  if (!exchange.generate(config.drbg)) return session.fail(ALERT_INTERNAL_ERROR);
  if (!exchange.agree(hello.share(group), keyShareLength(group), shared))
    return session.fail(ALERT_ILLEGAL_PARAMETER);
  return sendFlight(session, handshake, hello, exchange, shared)
    ? new ExpectsClientCertificate()
    : session.fail(ALERT_INTERNAL_ERROR);
}

function sendFlight(
  session: TlsSession,
  handshake: Handshake,
  hello: ClientHello,
  exchange: KeyExchange,
  shared: usize,
): bool {
  const config = session.config;
  const identity = config.identity;
  if (identity == null || identity.chainLength === 0) return false;
  const random = handshake.scratch;
  if (!config.drbg.fill(random, HASH_LENGTH)) return false;
  const hello1 = handshake.compose();
  writeServerHello(
    hello1,
    random,
    hello.sessionId,
    hello.sessionIdLength,
    session.suite,
    exchange.group,
    exchange.publicKey,
  );
  if (!session.sendComposed(hello1) || !session.writer.flush()) return false;
  if (hello.sessionIdLength > 0 && !session.sendChangeCipherSpec()) return false;

  const schedule = handshake.schedule;
  const suite = session.suite;
  schedule.deriveHandshakeSecrets(shared, handshake.hashTranscript());
  wipe(shared, HASH_LENGTH);
  session.writeWith(suite, schedule.serverHandshakeSecret);
  session.readWith(suite, schedule.clientHandshakeSecret);
  session.reader.believesPlainAlert = true;
  let ownLimit: u32 = 0;
  if (hello.recordSizeLimit !== 0) {
    ownLimit = config.recordSizeLimit;
    session.writer.limitInner(hello.recordSizeLimit);
    session.reader.innerLimit = ownLimit;
  }

  if (!session.writer.output.reserve(identity.chainLength + FLIGHT_OVERHEAD)) return false;
  const extensions = handshake.compose();
  writeEncryptedExtensions(extensions, ownLimit);
  writeCertificateRequest(extensions);
  if (!session.sendComposed(extensions)) return false;
  if (!sendCertificate(session, handshake, identity)) return false;
  if (!sendCertificateVerify(session, handshake, identity, true)) return false;
  if (!sendFinished(session, handshake, schedule.serverHandshakeSecret)) return false;
  schedule.deriveApplicationSecrets(handshake.hashTranscript());
  session.writeWith(suite, schedule.serverApplicationSecret);
  return true;
}

/** RFC 8446 Appendix A.2: WAIT_CERT */
class ExpectsClientCertificate extends HandshakeState {
  expects(type: u32): bool {
    return type === CERTIFICATE;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const shown = new CertificateMessage();
    const alert = shown.parse(message);
    if (alert !== NO_ALERT) return session.fail(alert);
    if (shown.count === 0) return session.fail(ALERT_CERTIFICATE_REQUIRED);
    if (!session.keepCertificates(shown.list, shown.listLength))
      return session.fail(ALERT_INTERNAL_ERROR);
    const leaf = new Certificate();
    if (leaf.parse(session.peerCertificate(0), session.peerCertificateLength(0)) !== CERTIFICATE_OK)
      return session.fail(ALERT_BAD_CERTIFICATE);
    const fault = judgeClientCertificate(leaf, session.config.now);
    if (fault !== NO_ALERT) return session.fail(fault);
    session.datesChecked = session.config.now !== NO_CLOCK;
    handshake.transcript.add(message.start, message.length);
    return new ExpectsClientCertificateVerify(leaf);
  }
}

/** What the server role itself demands of a client's certificate. `NO_ALERT`, or the alert to send. */
function judgeClientCertificate(leaf: Certificate, now: i64): i32 {
  if (leaf.publicKey === 0 || !leaf.allowsUsage(KEY_USAGE_DIGITAL_SIGNATURE))
    return ALERT_UNSUPPORTED_CERTIFICATE;
  if ((leaf.purposes & PURPOSE_CLIENT) === 0) return ALERT_UNSUPPORTED_CERTIFICATE;
  if (leaf.hasUnknownCritical) return ALERT_CERTIFICATE_UNKNOWN;
  return now !== NO_CLOCK && !leaf.validAt(now) ? ALERT_CERTIFICATE_EXPIRED : NO_ALERT;
}

/** RFC 8446 Appendix A.2: WAIT_CV */
class ExpectsClientCertificateVerify extends HandshakeState {
  private leaf: Certificate;

  constructor(leaf: Certificate) {
    super();
    this.leaf = leaf;
  }

  expects(type: u32): bool {
    return type === CERTIFICATE_VERIFY;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const alert = checkCertificateVerify(handshake, message, this.leaf.publicKey, false);
    if (alert !== NO_ALERT) return session.fail(alert);
    handshake.transcript.add(message.start, message.length);
    return new ExpectsClientFinished();
  }
}

/** RFC 8446 Appendix A.2: WAIT_FINISHED */
class ExpectsClientFinished extends HandshakeState {
  expects(type: u32): bool {
    return type === FINISHED;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const schedule = handshake.schedule;
    const alert = checkFinished(handshake, message, schedule.clientHandshakeSecret);
    if (alert !== NO_ALERT) return session.fail(alert);
    session.readWith(session.suite, schedule.clientApplicationSecret);
    session.reader.dropsChangeCipherSpec = false;
    session.forgetHandshake();
    session.awaitApproval();
    return new Established(false);
  }
}
