import { wipe } from "../crypto/constant-time";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import {
  CHAIN_EXPIRED,
  CHAIN_OK,
  CHAIN_UNKNOWN_CRITICAL,
  CHAIN_UNKNOWN_ISSUER,
  CHAIN_WRONG_PURPOSE,
  NO_CLOCK,
  verifyServerChain,
} from "../x509/chain";
import {
  ALERT_BAD_CERTIFICATE,
  ALERT_CERTIFICATE_EXPIRED,
  ALERT_CERTIFICATE_UNKNOWN,
  ALERT_DECODE_ERROR,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_INTERNAL_ERROR,
  ALERT_UNEXPECTED_MESSAGE,
  ALERT_UNKNOWN_CA,
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
import { ExpectsNothing, Handshake, HandshakeMessage, HandshakeState } from "./handshake";
import { KeyExchange } from "./key-exchange";
import { CertificateMessage } from "./messages/certificate-message";
import { CertificateRequest } from "./messages/certificate-request";
import { EncryptedExtensions } from "./messages/encrypted-extensions";
import { ServerHello } from "./messages/server-hello";
import { writeClientHello } from "./messages/write-client-hello";
import {
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CERTIFICATE_VERIFY,
  ENCRYPTED_EXTENSIONS,
  FINISHED,
  GROUP_SECP256R1,
  GROUP_X25519,
  HASH_LENGTH,
  SERVER_HELLO,
} from "./protocol";
import { TlsSession } from "./session";

/**
 * The client role: verifies the server's chain, name and (where there is a clock) dates, then hands the
 * certificate to the caller for approval. Our own certificate is shown only to an approved server.
 */
export class TlsClientSession extends TlsSession {
  /** Whether the server asked for a certificate, and takes a kind of signature that we can make. */
  certificateRequested: bool = false;
  takesOurSignature: bool = false;

  constructor(config: TlsConfig) {
    super(config, new ExpectsNothing());
    const next = new ExpectsServerHello();
    this.begin(next);
    if (!next.speak(this)) this.fail(ALERT_INTERNAL_ERROR);
  }

  /** Sends our last flight. */
  protected completeHandshake(): void {
    const handshake = this.handshake!;
    if (!this.sendLastFlight(handshake)) {
      this.fail(ALERT_INTERNAL_ERROR);
      return;
    }
    const schedule = handshake.schedule;
    this.writeWith(this.suite, schedule.clientApplicationSecret);
    this.readWith(this.suite, schedule.serverApplicationSecret);
    this.forgetHandshake();
  }

  private sendLastFlight(handshake: Handshake): bool {
    if (this.certificateRequested) {
      const identity = this.takesOurSignature ? this.config.identity : null;
      if (!sendCertificate(this, handshake, identity)) return false;
      if (
        identity != null &&
        identity.chainLength > 0 &&
        !sendCertificateVerify(this, handshake, identity, false)
      )
        return false;
    }
    return sendFinished(this, handshake, handshake.schedule.clientHandshakeSecret);
  }
}

/** RFC 8446 Appendix A.1: START and WAIT_SH */
class ExpectsServerHello extends HandshakeState {
  private x25519: KeyExchange | null = null;
  private p256: KeyExchange | null = null;
  /** Our random and session id: a second ClientHello repeats them. */
  private identifiers: StaticArray<u8> = new StaticArray<u8>((2 * HASH_LENGTH) as i32);
  /** What a HelloRetryRequest chose. */
  private retrySuite: u32 = 0;
  private retryGroup: u32 = 0;

  /** Makes key shares and sends the ClientHello. */
  speak(session: TlsSession): bool {
    const config = session.config;
    const shares = config.keyShares & config.groups;
    if ((shares & GROUP_X25519) !== 0) this.x25519 = generated(session, GROUP_X25519);
    if ((shares & GROUP_SECP256R1) !== 0) this.p256 = generated(session, GROUP_SECP256R1);
    return (
      config.drbg.fill(changetype<usize>(this.identifiers), 2 * HASH_LENGTH) &&
      this.sendHello(session, 0, 0)
    );
  }

  private sendHello(session: TlsSession, cookie: usize, cookieLength: u32): bool {
    const writer = session.handshake!.compose();
    const random = changetype<usize>(this.identifiers);
    writeClientHello(
      writer,
      session.config,
      random,
      random + HASH_LENGTH,
      this.x25519,
      this.p256,
      cookie,
      cookieLength,
    );
    session.reader.dropsChangeCipherSpec = true;
    return session.sendComposed(writer) && session.writer.flush();
  }

  expects(type: u32): bool {
    return type === SERVER_HELLO;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const hello = new ServerHello();
    const alert = hello.parse(message);
    if (alert !== NO_ALERT) return session.fail(alert);
    const echoes =
      hello.sessionIdLength === HASH_LENGTH &&
      memory.compare(
        hello.sessionId,
        changetype<usize>(this.identifiers) + HASH_LENGTH,
        HASH_LENGTH,
      ) === 0;
    if (!echoes || (hello.suite & session.config.suites) === 0)
      return session.fail(ALERT_ILLEGAL_PARAMETER);
    if (hello.isRetry) return this.retry(session, handshake, hello, message);
    if (session.retried) {
      const keepsWord =
        hello.suite === this.retrySuite &&
        (this.retryGroup === 0 || hello.group === this.retryGroup);
      if (!keepsWord) return session.fail(ALERT_ILLEGAL_PARAMETER);
    }
    const exchange = hello.group === GROUP_X25519 ? this.x25519 : this.p256;
    if (hello.group === 0 || exchange == null) return session.fail(ALERT_ILLEGAL_PARAMETER);
    const shared = handshake.secondScratch;
    if (!exchange.agree(hello.share, hello.shareLength, shared))
      return session.fail(ALERT_ILLEGAL_PARAMETER);
    this.wipe();

    session.suite = hello.suite;
    session.group = hello.group;
    handshake.transcript.add(message.start, message.length);
    const schedule = handshake.schedule;
    schedule.deriveHandshakeSecrets(shared, handshake.hashTranscript());
    wipe(shared, HASH_LENGTH);
    // Compatibility mode: ahead of our second flight, and of an alert in its place.
    if (!session.sendChangeCipherSpec()) return session.fail(ALERT_INTERNAL_ERROR);
    session.writeWith(hello.suite, schedule.clientHandshakeSecret);
    session.readWith(hello.suite, schedule.serverHandshakeSecret);
    return new ExpectsEncryptedExtensions();
  }

  /** Answers a HelloRetryRequest (§4.1.4) with a second ClientHello. */
  private retry(
    session: TlsSession,
    handshake: Handshake,
    hello: ServerHello,
    message: HandshakeMessage,
  ): HandshakeState {
    if (session.retried) return session.fail(ALERT_UNEXPECTED_MESSAGE);
    if (hello.hasGroup) {
      // A group that we support, but sent no share of.
      const held =
        (this.x25519 != null ? GROUP_X25519 : 0) | (this.p256 != null ? GROUP_SECP256R1 : 0);
      if ((hello.group & session.config.groups & ~held) === 0)
        return session.fail(ALERT_ILLEGAL_PARAMETER);
      this.wipe();
      const exchange = generated(session, hello.group);
      if (exchange == null) return session.fail(ALERT_INTERNAL_ERROR);
      this.x25519 = hello.group === GROUP_X25519 ? exchange : null;
      this.p256 = hello.group === GROUP_SECP256R1 ? exchange : null;
    } else if (hello.cookieLength === 0) {
      // It would change nothing.
      return session.fail(ALERT_ILLEGAL_PARAMETER);
    }
    session.retried = true;
    this.retrySuite = hello.suite;
    this.retryGroup = hello.group;
    handshake.transcript.replaceByHash(handshake.scratch);
    handshake.transcript.add(message.start, message.length);
    if (!session.sendChangeCipherSpec()) return session.fail(ALERT_INTERNAL_ERROR);
    return this.sendHello(session, hello.cookie, hello.cookieLength)
      ? this
      : session.fail(ALERT_INTERNAL_ERROR);
  }

  override wipe(): void {
    if (this.x25519 != null) this.x25519!.wipe();
    if (this.p256 != null) this.p256!.wipe();
  }
}

function generated(session: TlsSession, group: u32): KeyExchange | null {
  const exchange = new KeyExchange(group);
  return exchange.generate(session.config.drbg) ? exchange : null;
}

/** RFC 8446 Appendix A.1: WAIT_EE */
class ExpectsEncryptedExtensions extends HandshakeState {
  expects(type: u32): bool {
    return type === ENCRYPTED_EXTENSIONS;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const extensions = new EncryptedExtensions();
    const alert = extensions.parse(message, true);
    if (alert !== NO_ALERT) return session.fail(alert);
    if (extensions.recordSizeLimit !== 0) {
      session.writer.limitInner(extensions.recordSizeLimit);
      session.reader.innerLimit = session.config.recordSizeLimit;
    }
    session.handshake!.transcript.add(message.start, message.length);
    return new ExpectsServerCertificate(true);
  }
}

/** RFC 8446 Appendix A.1: WAIT_CERT_CR, and after a CertificateRequest WAIT_CERT */
class ExpectsServerCertificate extends HandshakeState {
  private mayRequest: bool;

  constructor(mayRequest: bool) {
    super();
    this.mayRequest = mayRequest;
  }

  expects(type: u32): bool {
    return type === CERTIFICATE || (this.mayRequest && type === CERTIFICATE_REQUEST);
  }

  receive(session: TlsSession, type: u32, message: HandshakeMessage): HandshakeState {
    return type === CERTIFICATE_REQUEST
      ? this.receiveRequest(session as TlsClientSession, message)
      : this.receiveCertificate(session, message);
  }

  private receiveRequest(session: TlsClientSession, message: HandshakeMessage): HandshakeState {
    const request = new CertificateRequest();
    const alert = request.parse(message);
    if (alert !== NO_ALERT) return session.fail(alert);
    session.certificateRequested = true;
    session.takesOurSignature = request.takesEcdsa;
    session.handshake!.transcript.add(message.start, message.length);
    return new ExpectsServerCertificate(false);
  }

  private receiveCertificate(session: TlsSession, message: HandshakeMessage): HandshakeState {
    const shown = new CertificateMessage();
    const alert = shown.parse(message);
    if (alert !== NO_ALERT) return session.fail(alert);
    if (shown.count === 0) return session.fail(ALERT_DECODE_ERROR);
    if (!session.keepCertificates(shown.list, shown.listLength))
      return session.fail(ALERT_INTERNAL_ERROR);
    const chain: Certificate[] = [];
    for (let i: u32 = 0; i < shown.count; i++) {
      const certificate = new Certificate();
      const fault = certificate.parse(session.peerCertificate(i), session.peerCertificateLength(i));
      if (fault !== CERTIFICATE_OK) return session.fail(ALERT_BAD_CERTIFICATE);
      chain.push(certificate);
    }
    const fault = judgeServerChain(chain, session.config);
    if (fault !== NO_ALERT) return session.fail(fault);
    session.datesChecked = session.config.now !== NO_CLOCK;
    session.handshake!.transcript.add(message.start, message.length);
    return new ExpectsServerCertificateVerify(chain[0]);
  }
}

/** `NO_ALERT`, or the alert (RFC 8446 §6.2) for what is wrong with the chain. */
function judgeServerChain(chain: Array<Certificate>, config: TlsConfig): i32 {
  const anchor = config.trustAnchor;
  if (anchor == null) return ALERT_UNKNOWN_CA;
  const name = changetype<usize>(config.serverName);
  const outcome = verifyServerChain(chain, anchor, name, config.serverName.length, config.now);
  if (outcome === CHAIN_OK) return NO_ALERT;
  if (outcome === CHAIN_UNKNOWN_ISSUER) return ALERT_UNKNOWN_CA;
  if (outcome === CHAIN_EXPIRED) return ALERT_CERTIFICATE_EXPIRED;
  if (outcome === CHAIN_WRONG_PURPOSE) return ALERT_UNSUPPORTED_CERTIFICATE;
  if (outcome === CHAIN_UNKNOWN_CRITICAL) return ALERT_CERTIFICATE_UNKNOWN;
  return ALERT_BAD_CERTIFICATE; // a signature that does not verify, or the wrong name
}

/** RFC 8446 Appendix A.1: WAIT_CV */
class ExpectsServerCertificateVerify extends HandshakeState {
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
    const alert = checkCertificateVerify(handshake, message, this.leaf.publicKey, true);
    if (alert !== NO_ALERT) return session.fail(alert);
    handshake.transcript.add(message.start, message.length);
    return new ExpectsServerFinished();
  }
}

/** RFC 8446 Appendix A.1: WAIT_FINISHED */
class ExpectsServerFinished extends HandshakeState {
  expects(type: u32): bool {
    return type === FINISHED;
  }

  receive(session: TlsSession, _type: u32, message: HandshakeMessage): HandshakeState {
    const handshake = session.handshake!;
    const schedule = handshake.schedule;
    const alert = checkFinished(handshake, message, schedule.serverHandshakeSecret);
    if (alert !== NO_ALERT) return session.fail(alert);
    handshake.transcript.add(message.start, message.length);
    schedule.deriveApplicationSecrets(handshake.hashTranscript());
    session.reader.dropsChangeCipherSpec = false;
    session.awaitApproval();
    return new Established(true);
  }
}
