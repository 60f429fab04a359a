import { wipe } from "../crypto/constant-time";
import { SHA256_LENGTH } from "../crypto/sha256";
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
  NO_ALERT,
  REFUSED_CERTIFICATE_DATES,
  REFUSED_CERTIFICATE_EXTENSION,
  REFUSED_CERTIFICATE_MALFORMED,
  REFUSED_CERTIFICATE_PURPOSE,
  REFUSED_CHAIN_ISSUER,
  REFUSED_CHAIN_SIGNATURE_OR_NAME,
  REFUSED_KEY_SHARE_GROUP,
  REFUSED_NO_AUTHORITY,
  REFUSED_NO_MEMORY,
  REFUSED_RETRY_GROUP,
  REFUSED_RETRY_WITHOUT_CHANGE,
  REFUSED_SECOND_RETRY,
  REFUSED_SECOND_SERVER_HELLO,
  REFUSED_SERVER_WITHOUT_CERTIFICATE,
  REFUSED_SESSION_ID_NOT_ECHOED,
  REFUSED_SUITE_NOT_OFFERED,
} from "./alerts";
import {
  CertificateVerify,
  CONTENT_LENGTH,
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
import { CertificateRequest } from "./messages/certificate-request";
import { EncryptedExtensions } from "./messages/encrypted-extensions";
import { ServerHello } from "./messages/server-hello";
import { writeClientHello } from "./messages/write-client-hello";
import {
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  ENCRYPTED_EXTENSIONS,
  FINISHED,
  GROUPS_ALL,
  MAX_CERTIFICATES,
  SERVER_HELLO,
  TLS10,
  TLS12,
} from "./protocol";
import { ExpectsNothing, HandshakeState, STATUS_APPROVAL, TlsSession } from "./session";

/**
 * The client role: verifies the server's chain, name and (if there is a clock) dates, then hands the
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
    if (!next.speak(this)) this.fail(REFUSED_NO_MEMORY);
  }

  /** Sends our last flight. */
  protected completeHandshake(): void {
    const handshake = this.handshake!;
    if (!this.sendLastFlight(handshake)) {
      this.fail(REFUSED_NO_MEMORY);
      return;
    }
    this.beginApplicationData(handshake);
  }

  /** From now on with the keys of application data. */
  @inline private beginApplicationData(handshake: Handshake): void {
    const schedule = handshake.schedule;
    this.writeWith(this.suite, schedule.clientApplicationSecret);
    this.readWith(this.suite, schedule.serverApplicationSecret);
    this.forgetHandshake();
  }

  /**
   * For a key that is elsewhere, at `STATUS_APPROVAL` and once: sends our Certificate, and stores at `content` what its
   * owner is to sign (RFC 8446 §4.4.3). Returns its length; 0 when the server
   * wants no signature of ours: then `approvePeer` goes on, or `approveSigned` without one.
   */
  prepareSignature(content: usize): u32 {
    const handshake = this.handshake;
    const identity = this.config.identity;
    if (this.status !== STATUS_APPROVAL || handshake == null || identity == null) return 0;
    if (!this.certificateRequested || !this.takesOurSignature || identity.chainLength === 0)
      return 0;
    if (!sendCertificate(this, handshake, identity)) {
      this.fail(REFUSED_NO_MEMORY);
      return 0;
    }
    CertificateVerify.content(handshake, false, content);
    return CONTENT_LENGTH;
  }

  /**
   * Accepts the peer, after `prepareSignature`, with the signature that its owner has made: r ‖ s, 64 bytes; 0: without
   * one.
   */
  approveSigned(signature: usize): void {
    const handshake = this.handshake;
    if (this.status !== STATUS_APPROVAL || handshake == null) return;
    this.acceptPeer();
    const spoken =
      signature !== 0
        ? CertificateVerify.send(this, handshake, signature, handshake.scratch)
        : !this.certificateRequested || sendCertificate(this, handshake, null);
    if (spoken && sendFinished(this, handshake, handshake.schedule.clientHandshakeSecret))
      this.beginApplicationData(handshake);
    else this.fail(REFUSED_NO_MEMORY);
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
  /** One for each group of which our ClientHello has a share. */
  private exchanges: Array<KeyExchange> = [];
  /** Our random and session id: a second ClientHello repeats them. */
  private identifiers: StaticArray<u8> = new StaticArray<u8>((2 * SHA256_LENGTH) as i32);
  /** What a HelloRetryRequest chose. */
  private retrySuite: u32 = 0;
  private retryGroup: u32 = 0;

  /** Makes key shares and sends the ClientHello. */
  speak(session: TlsSession): bool {
    const config = session.config;
    return (
      this.makeShares(session, config.keyShares & config.groups) === NO_ALERT &&
      config.drbg.fill(changetype<usize>(this.identifiers), 2 * SHA256_LENGTH) &&
      this.sendHello(session, 0, 0)
    );
  }

  /** Makes shares of a set of groups, and forgets those that there were. Returns `NO_ALERT`, or why it cannot. */
  private makeShares(session: TlsSession, groups: u32): i32 {
    const config = session.config;
    this.wipe();
    for (let group: u32 = 1; group <= GROUPS_ALL; group <<= 1) {
      if ((groups & group) === 0) continue;
      const exchange = new KeyExchange(group, config.budget);
      this.exchanges.push(exchange);
      const refusal = exchange.generate(config.drbg);
      if (refusal !== NO_ALERT) return refusal;
    }
    return NO_ALERT;
  }

  /** The exchange of a group, if our ClientHello has a share of it. */
  private exchangeOf(group: u32): KeyExchange | null {
    for (let i = 0; i < this.exchanges.length; i++)
      if (this.exchanges[i].group === group) return this.exchanges[i];
    return null;
  }

  private sendHello(session: TlsSession, cookie: usize, cookieLength: u32): bool {
    const writer = session.handshake!.compose();
    const random = changetype<usize>(this.identifiers);
    writeClientHello(
      writer,
      session.config,
      random,
      random + SHA256_LENGTH,
      this.exchanges,
      cookie,
      cookieLength,
    );
    session.reader.dropsChangeCipherSpec = true;
    // The first one says TLS 1.0, for boxes on the way that know no newer version (§5.1, Appendix D.4).
    if (!session.retried) session.writer.recordVersion = TLS10;
    const sent = session.sendComposed(writer) && session.writer.flush();
    session.writer.recordVersion = TLS12;
    return sent;
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
      hello.sessionIdLength === SHA256_LENGTH &&
      memory.compare(
        hello.sessionId,
        changetype<usize>(this.identifiers) + SHA256_LENGTH,
        SHA256_LENGTH,
      ) === 0;
    if (!echoes) return session.fail(REFUSED_SESSION_ID_NOT_ECHOED);
    if ((hello.suite & session.config.suites) === 0) return session.fail(REFUSED_SUITE_NOT_OFFERED);
    if (hello.isRetry) return this.retry(session, handshake, hello, message);
    if (session.retried) {
      const keepsWord =
        hello.suite === this.retrySuite &&
        (this.retryGroup === 0 || hello.group === this.retryGroup);
      if (!keepsWord) return session.fail(REFUSED_SECOND_SERVER_HELLO);
    }
    const exchange = this.exchangeOf(hello.group);
    if (exchange == null) return session.fail(REFUSED_KEY_SHARE_GROUP);
    const shared = handshake.secondScratch;
    if (session.config.stepwise && exchange.agreeHalf(hello.share, hello.shareLength, shared)) {
      session.unfinished = true;
      return this;
    }
    const refusal = exchange.agree(hello.share, hello.shareLength, shared);
    if (refusal !== NO_ALERT) return session.fail(refusal);
    this.wipe();

    session.suite = hello.suite;
    session.group = hello.group;
    handshake.transcript.add(message.start, message.length);
    const schedule = handshake.schedule;
    schedule.deriveHandshakeSecrets(
      shared,
      sharedSecretLength(hello.group),
      handshake.hashTranscript(),
    );
    wipe(shared, MAX_SHARED_SECRET);
    // Compatibility mode: ahead of our second flight, and of an alert in its place.
    if (!session.sendChangeCipherSpec()) return session.fail(REFUSED_NO_MEMORY);
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
    if (session.retried) return session.fail(REFUSED_SECOND_RETRY);
    if (hello.hasGroup) {
      // A group that we support, but sent no share of.
      if ((hello.group & session.config.groups) === 0 || this.exchangeOf(hello.group) != null)
        return session.fail(REFUSED_RETRY_GROUP);
      const refusal = this.makeShares(session, hello.group);
      if (refusal !== NO_ALERT) return session.fail(refusal);
    } else if (hello.cookieLength === 0) {
      // It would change nothing.
      return session.fail(REFUSED_RETRY_WITHOUT_CHANGE);
    }
    session.retried = true;
    this.retrySuite = hello.suite;
    this.retryGroup = hello.group;
    handshake.transcript.replaceByHash(handshake.scratch);
    handshake.transcript.add(message.start, message.length);
    if (!session.sendChangeCipherSpec()) return session.fail(REFUSED_NO_MEMORY);
    return this.sendHello(session, hello.cookie, hello.cookieLength)
      ? this
      : session.fail(REFUSED_NO_MEMORY);
  }

  override wipe(): void {
    for (let i = 0; i < this.exchanges.length; i++) this.exchanges[i].free();
    this.exchanges = [];
  }
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
    if (shown.count === 0) return session.fail(REFUSED_SERVER_WITHOUT_CERTIFICATE);
    if (!session.keepCertificates(shown.list, shown.listLength))
      return session.fail(REFUSED_NO_MEMORY);
    const chain: Certificate[] = [];
    for (let i: u32 = 0; i < min(shown.count, MAX_CERTIFICATES); i++) {
      const certificate = new Certificate();
      const fault = certificate.parse(session.peerCertificate(i), session.peerCertificateLength(i));
      if (fault !== CERTIFICATE_OK) return session.fail(REFUSED_CERTIFICATE_MALFORMED);
      chain.push(certificate);
    }
    const fault = judgeServerChain(chain, session.config);
    if (fault !== NO_ALERT) return session.fail(fault);
    session.datesChecked = session.config.now !== NO_CLOCK;
    session.handshake!.transcript.add(message.start, message.length);
    return new ExpectsCertificateVerify(chain[0], true, new ExpectsServerFinished());
  }
}

/** `NO_ALERT`, or the alert (RFC 8446 §6.2) for what is wrong with the chain. */
function judgeServerChain(chain: Array<Certificate>, config: TlsConfig): i32 {
  const anchor = config.trustAnchor;
  if (anchor == null) return REFUSED_NO_AUTHORITY;
  const name = changetype<usize>(config.serverName);
  const outcome = verifyServerChain(
    chain,
    anchor,
    name,
    config.serverName.length,
    config.now,
    config.knownKeys,
  );
  if (outcome === CHAIN_OK) return NO_ALERT;
  if (outcome === CHAIN_UNKNOWN_ISSUER) return REFUSED_CHAIN_ISSUER;
  if (outcome === CHAIN_EXPIRED) return REFUSED_CERTIFICATE_DATES;
  if (outcome === CHAIN_WRONG_PURPOSE) return REFUSED_CERTIFICATE_PURPOSE;
  if (outcome === CHAIN_UNKNOWN_CRITICAL) return REFUSED_CERTIFICATE_EXTENSION;
  return REFUSED_CHAIN_SIGNATURE_OR_NAME; // a signature that does not verify, or the wrong name
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
    session.keepExporterMasterSecret(schedule.exporterMasterSecret);
    session.reader.dropsChangeCipherSpec = false;
    session.awaitApproval();
    return new Established(true);
  }
}
