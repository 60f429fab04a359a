import { wipe } from "../crypto/constant-time";
import { SHA256_LENGTH } from "../crypto/sha256";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { NO_CLOCK } from "../x509/chain";
import {
  judgePrincipal,
  PRINCIPAL_OK,
  PRINCIPAL_WRONG_KEY,
  PRINCIPAL_WRONG_KEY_USAGE,
  PRINCIPAL_WRONG_PURPOSE,
} from "../x509/principal-certificate";
import {
  NO_ALERT,
  REFUSED_CERTIFICATE_DATES,
  REFUSED_CERTIFICATE_EXTENSION,
  REFUSED_CERTIFICATE_KEY,
  REFUSED_CERTIFICATE_KEY_USAGE,
  REFUSED_CERTIFICATE_MALFORMED,
  REFUSED_CERTIFICATE_PURPOSE,
  REFUSED_NO_CERTIFICATE,
  REFUSED_NO_MEMORY,
  REFUSED_NO_RANDOM,
  REFUSED_NOTHING_IN_COMMON,
  REFUSED_SECOND_HELLO_CHANGED,
} from "./alerts";
import { MemoryBudget } from "./byte-buffer";
import {
  ExpectsCertificateVerify,
  sendCertificate,
  sendCertificateVerify,
} from "./certificate-verify";
import { TlsConfig } from "./config";
import { Established } from "./established";
import { checkFinished, sendFinished } from "./finished";
import { Handshake, HandshakeMessage } from "./handshake";
import { KeyExchange, MAX_SHARED_SECRET, sharedSecretLength } from "./key-exchange";
import { CertificateMessage } from "./messages/certificate-message";
import { ClientHello, fingerprintUnchanged } from "./messages/client-hello";
import { writeCertificateRequest, writeEncryptedExtensions } from "./messages/encrypted-extensions";
import { RETRY_RANDOM, writeServerHello } from "./messages/server-hello";
import {
  CERTIFICATE,
  CLIENT_HELLO,
  FINISHED,
  GROUP_X25519MLKEM768,
  MAX_SKIPPED_EARLY_DATA,
} from "./protocol";
import { HandshakeState, TlsSession } from "./session";

/** Room for a server's flight beside its certificates: saves moving it while it grows. */
const FLIGHT_OVERHEAD: u32 = 512;

/**
 * The server role: demands a certificate of its client and hands it to the caller for approval, once the
 * client has proven to own its key. Chain and name of the client's certificate are the caller's matter;
 * its dates are checked if there is a clock.
 */
export class TlsServerSession extends TlsSession {
  constructor(config: TlsConfig, budget: MemoryBudget = config.budget) {
    super(config, new ExpectsClientHello(), budget);
    // Nothing is known of the peer: no memory for what it only announces.
    this.reader.trusts = false;
  }

  protected completeHandshake(): void {
    // The server's last flight is long out.
    this.reader.trusts = true;
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
    if (suites === 0 || groups === 0) return session.fail(REFUSED_NOTHING_IN_COMMON);
    session.suite = preferred(suites);
    handshake.transcript.add(message.start, message.length);
    session.reader.dropsChangeCipherSpec = true;
    if (hello.offersEarlyData) session.reader.skippableEarlyData = MAX_SKIPPED_EARLY_DATA;

    // A group for which the share is here saves a round trip; it goes before a better liked one. But what
    // is recorded today is to stay secret: a client that can is asked for the hybrid group.
    const best = preferred(groups);
    const candidates = best === GROUP_X25519MLKEM768 ? best : groups;
    const group = preferred(candidates & hello.shares);
    if (group !== 0) return answer(session, handshake, hello, group);
    return askAgain(session, handshake, hello, message, best);
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
    return session.fail(REFUSED_NO_MEMORY);
  if (hello.sessionIdLength > 0 && !session.sendChangeCipherSpec())
    return session.fail(REFUSED_NO_RANDOM);
  return next;
}

/** After a HelloRetryRequest: the same ClientHello, but for the one share asked for (§4.1.2). */
class ExpectsSecondClientHello extends HandshakeState {
  private group: u32;
  private fingerprint: StaticArray<u8> = new StaticArray<u8>(SHA256_LENGTH as i32);

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
      memory.compare(handshake.scratch, this.fingerprintAt, SHA256_LENGTH) === 0 &&
      hello.shares === this.group &&
      hello.shareCount === 1 &&
      !hello.offersEarlyData;
    if (!isSame) return session.fail(REFUSED_SECOND_HELLO_CHANGED);
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
  const exchange = new KeyExchange(group, config.budget);
  session.group = group;
  const shared = handshake.secondScratch;
  const refusal = exchange.respond(config.drbg, config.spareKey, hello.share(group), shared);
  const sent = refusal === NO_ALERT && sendServerHello(session, handshake, hello, exchange);
  exchange.free();
  if (refusal !== NO_ALERT) return session.fail(refusal);
  return sent && sendFlight(session, handshake, hello, shared)
    ? new ExpectsClientCertificate()
    : session.fail(REFUSED_NO_MEMORY);
}

function sendServerHello(
  session: TlsSession,
  handshake: Handshake,
  hello: ClientHello,
  exchange: KeyExchange,
): bool {
  const random = handshake.scratch;
  if (!session.config.drbg.fill(random, SHA256_LENGTH)) return false;
  const writer = handshake.compose();
  writeServerHello(
    writer,
    random,
    hello.sessionId,
    hello.sessionIdLength,
    session.suite,
    exchange.group,
    exchange.share,
  );
  if (!session.sendComposed(writer) || !session.writer.flush()) return false;
  return hello.sessionIdLength === 0 || session.sendChangeCipherSpec();
}

/** Sends what follows the ServerHello. `shared`: the shared secret, which is wiped. */
function sendFlight(
  session: TlsSession,
  handshake: Handshake,
  hello: ClientHello,
  shared: usize,
): bool {
  const config = session.config;
  const identity = config.identity;
  if (identity == null || identity.chainLength === 0) return false;
  const schedule = handshake.schedule;
  const suite = session.suite;
  schedule.deriveHandshakeSecrets(
    shared,
    sharedSecretLength(session.group),
    handshake.hashTranscript(),
  );
  wipe(shared, MAX_SHARED_SECRET);
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
  session.keepExporterMasterSecret(schedule.exporterMasterSecret);
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
    if (shown.count === 0) return session.fail(REFUSED_NO_CERTIFICATE);
    if (!session.keepCertificates(shown.list, shown.listLength))
      return session.fail(REFUSED_NO_MEMORY);
    const leaf = new Certificate();
    if (leaf.parse(session.peerCertificate(0), session.peerCertificateLength(0)) !== CERTIFICATE_OK)
      return session.fail(REFUSED_CERTIFICATE_MALFORMED);
    const fault = judgeClientCertificate(leaf, session.config.now);
    if (fault !== NO_ALERT) return session.fail(fault);
    session.datesChecked = session.config.now !== NO_CLOCK;
    handshake.transcript.add(message.start, message.length);
    return new ExpectsCertificateVerify(leaf, false, new ExpectsClientFinished());
  }
}

/** What the server role itself demands of a client's certificate. `NO_ALERT`, or why not (`REFUSED_…`). */
function judgeClientCertificate(leaf: Certificate, now: i64): i32 {
  const judgement = judgePrincipal(leaf);
  if (judgement === PRINCIPAL_WRONG_KEY) return REFUSED_CERTIFICATE_KEY;
  if (judgement === PRINCIPAL_WRONG_KEY_USAGE) return REFUSED_CERTIFICATE_KEY_USAGE;
  if (judgement === PRINCIPAL_WRONG_PURPOSE) return REFUSED_CERTIFICATE_PURPOSE;
  if (judgement !== PRINCIPAL_OK) return REFUSED_CERTIFICATE_EXTENSION;
  return now !== NO_CLOCK && !leaf.validAt(now) ? REFUSED_CERTIFICATE_DATES : NO_ALERT;
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
