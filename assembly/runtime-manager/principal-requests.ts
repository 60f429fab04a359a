import { FileContent } from "../execution-engine/computation";
import { Message, readMessage } from "../transport-protocol/message";
import {
  FIELD_BYTES,
  FIELD_DEVICE_ID,
  FIELD_FAILED_RUNS,
  FIELD_FILE,
  FIELD_HASH,
  FIELD_LENGTH,
  FIELD_MAX_FAILED_RUNS,
  FIELD_MAX_ROUNDS,
  FIELD_NAMES,
  FIELD_NONCE,
  FIELD_OFFSET,
  FIELD_PIECE_BYTES,
  FIELD_PROGRAM_NAME,
  FIELD_RETURN_CODE,
  FIELD_ROUND,
  FIELD_STATE,
  FIELD_STATEMENT,
  FIELD_STATUS,
  FIELD_TEXT,
  FIELD_TOKEN,
  FIELD_TOTAL,
  GROUP_PRINCIPAL_REQUEST,
  MESSAGE_COMMIT,
  MESSAGE_COMMITTED,
  MESSAGE_DATA,
  MESSAGE_FRESHNESS,
  MESSAGE_HASH,
  MESSAGE_MISSING,
  MESSAGE_OUTCOME,
  MESSAGE_PROGRAM,
  MESSAGE_PROXY_ATTESTATION_TOKEN,
  MESSAGE_REQUEST_FRESHNESS,
  MESSAGE_REQUEST_MISSING,
  MESSAGE_REQUEST_NEXT_ROUND,
  MESSAGE_REQUEST_PI_HASH,
  MESSAGE_REQUEST_POLICY_HASH,
  MESSAGE_REQUEST_PROXY_ATTESTATION_TOKEN,
  MESSAGE_REQUEST_RESULT,
  MESSAGE_REQUEST_SHUTDOWN,
  MESSAGE_REQUEST_STATE,
  MESSAGE_RESULT,
  MESSAGE_STATE,
  MESSAGE_STREAM,
  STATUS_FAILED_GENERIC,
  STATUS_FAILED_INVALID_REQUEST,
  STATUS_FAILED_NOT_READY,
  STATUS_SUCCESS,
} from "../transport-protocol/messages";
import { Identity, MAX_FILES, Policy } from "../veracruz-utils/policy";
import { AgreedComputation, MissingFiles } from "./agreed-computation";
import { Commitment } from "./commitment";
import { homeProfile } from "./home-profile";
import { IsolateKey, storeAscii } from "./isolate-key";
import { Outcome } from "./outcome";
import { PrincipalQuota } from "./principal-quota";
import {
  PrincipalSession,
  WAITS_FOR_COMMIT,
  WAITS_FOR_FRESHNESS,
  WAITS_FOR_NOTHING,
} from "./principal-session";

const NOT_COMMITTED = "the computation is not committed to this isolate yet";
const TOO_MANY_TOKENS = "too many tokens asked for: wait some seconds";
const EXPORTER_LABEL = "EXPORTER-veracruz-reattest-v2";

/** What came of a request: refused (it keeps nothing alive), granted, or granted and the computation is to end. */
export const REQUEST_REFUSED: u32 = 0;
export const REQUEST_GRANTED: u32 = 1;
export const REQUEST_END: u32 = 2;

/** Answers with a status and a reason. There is always memory for that. */
function respondOutcome(session: PrincipalSession, outcome: Outcome): void {
  const response = new Message();
  response.begin(MESSAGE_OUTCOME);
  response.setUint(FIELD_STATUS, outcome.status);
  response.setInt(FIELD_RETURN_CODE, outcome.returnCode);
  response.setBytes(FIELD_TEXT, outcome.text, outcome.textLength);
  // Without even that memory the session is over: the peer must not wait for an answer for ever.
  if (!session.respond(response, outcome.textLength)) session.tls.close();
}

function respondHash(session: PrincipalSession, hash: StaticArray<u8>): void {
  const response = new Message();
  response.begin(MESSAGE_HASH);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setBytes(FIELD_HASH, changetype<usize>(hash), hash.length as u32);
  if (!session.respond(response, hash.length as u32)) session.tls.close();
}

function respondContent(
  session: PrincipalSession,
  content: FileContent,
  computation: AgreedComputation,
  request: Message,
  outcome: Outcome,
): void {
  const total = content.length as u32;
  const offset = request.uint(FIELD_OFFSET);
  if (offset > total) {
    outcome
      .fail(STATUS_FAILED_INVALID_REQUEST, "offset beyond the end: the file has ")
      .andNumber(total)
      .and(" bytes");
    respondOutcome(session, outcome);
    return;
  }
  const length = min(min(request.uint(FIELD_LENGTH), homeProfile.pieceBytes), total - offset);
  const response = new Message();
  response.begin(MESSAGE_RESULT);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setUint(FIELD_ROUND, computation.round);
  const program = computation.programOf(content);
  if (program !== null) {
    const name = program.fileName;
    response.setBytes(FIELD_PROGRAM_NAME, changetype<usize>(name), name.length as u32);
  }
  response.setUint(FIELD_TOTAL, total);
  response.setUint(FIELD_OFFSET, offset);
  response.setBytes(FIELD_BYTES, changetype<usize>(content) + (offset as usize), length);
  if (session.respond(response, length + response.length(FIELD_PROGRAM_NAME))) return;
  outcome
    .fail(STATUS_FAILED_GENERIC, "no memory for a piece of ")
    .andNumber(length)
    .and(" bytes: ask for a shorter one");
  respondOutcome(session, outcome);
}

function respondState(
  session: PrincipalSession,
  policy: Policy,
  computation: AgreedComputation,
  commitment: Commitment,
): void {
  const statement = commitment.statement;
  const response = new Message();
  response.begin(MESSAGE_STATE);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setUint(FIELD_STATE, computation.state);
  response.setUint(FIELD_ROUND, computation.round);
  response.setUint(FIELD_MAX_ROUNDS, policy.maxRounds);
  response.setUint(FIELD_FAILED_RUNS, computation.failedRuns);
  response.setUint(FIELD_MAX_FAILED_RUNS, policy.maxFailedRuns);
  response.setUint(FIELD_PIECE_BYTES, homeProfile.pieceBytes);
  response.setBytes(FIELD_STATEMENT, changetype<usize>(statement), statement.length as u32);
  if (!session.respond(response, statement.length as u32)) session.tls.close();
}

/** Answers with a statement that the proxy attestation server has signed. */
function respondStatement(session: PrincipalSession, type: u32, at: usize, length: u32): void {
  const response = new Message();
  response.begin(type);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setBytes(FIELD_STATEMENT, at, length);
  if (!session.respond(response, length)) session.tls.close();
}

/** Answers a session that waits for the commit, once there is one. */
export function respondCommitted(session: PrincipalSession, commitment: Commitment): void {
  const statement = commitment.statement;
  session.waitsFor = WAITS_FOR_NOTHING;
  respondStatement(
    session,
    MESSAGE_COMMITTED,
    changetype<usize>(statement),
    statement.length as u32,
  );
}

/** Answers a session that waits for a statement on its freshness; `length` 0: there is none. */
export function respondFreshness(session: PrincipalSession, statement: usize, length: u32): void {
  session.waitsFor = WAITS_FOR_NOTHING;
  if (length > 0) {
    respondStatement(session, MESSAGE_FRESHNESS, statement, length);
    return;
  }
  const outcome = new Outcome();
  outcome.fail(STATUS_FAILED_NOT_READY, "the attestation server has verified no new attestation");
  respondOutcome(session, outcome);
}

/** Makes the token that the session's client asked for. False, and a refusal, where there is none. */
function makeToken(
  session: PrincipalSession,
  key: IsolateKey,
  nonce: usize,
  exporter: usize,
  outcome: Outcome,
): bool {
  const label = new StaticArray<u8>(EXPORTER_LABEL.length);
  const length = storeAscii(changetype<usize>(label), EXPORTER_LABEL);
  let failure: i32 = -1;
  if (session.tls.exportKeyingMaterial(changetype<usize>(label), length, exporter)) {
    failure = key.reattest(nonce, exporter);
  }
  if (failure === 0) return true;
  outcome.fail(STATUS_FAILED_GENERIC, "no attestation token: ").andInteger(failure);
  respondOutcome(session, outcome);
  return false;
}

function respondMissing(
  session: PrincipalSession,
  asker: Identity,
  first: u32,
  computation: AgreedComputation,
): void {
  const list = new MissingFiles();
  computation.listMissing(asker, first, list);
  const response = new Message();
  response.begin(MESSAGE_MISSING);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setBytes(FIELD_NAMES, changetype<usize>(list.names), list.length);
  response.setUint(FIELD_FILE, list.next);
  if (!session.respond(response, list.length)) session.tls.close();
}

function respondToken(
  session: PrincipalSession,
  key: IsolateKey,
  nonce: usize,
  outcome: Outcome,
): void {
  const exporter = new StaticArray<u8>(32);
  if (!makeToken(session, key, nonce, changetype<usize>(exporter), outcome)) return;
  const response = new Message();
  response.begin(MESSAGE_PROXY_ATTESTATION_TOKEN);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setBytes(FIELD_TOKEN, key.token, key.tokenLength);
  response.setUint(FIELD_DEVICE_ID, key.deviceId);
  if (!session.respond(response, key.tokenLength)) session.tls.close();
}

/** Has the server verify a token for this session: it waits for what comes of it. */
function askFreshness(
  session: PrincipalSession,
  key: IsolateKey,
  nonce: usize,
  outcome: Outcome,
): void {
  const asked = session.askFreshness();
  memory.copy(asked.nonce, nonce, 32);
  if (!makeToken(session, key, nonce, asked.exporter, outcome)) {
    session.dropFreshness();
    return;
  }
  asked.keepToken(key.token, key.tokenLength);
  session.waitsFor = WAITS_FOR_FRESHNESS;
}

/** Answers with the commit, or lets the session wait for it where the principal may bring it about. */
function commit(
  session: PrincipalSession,
  principal: Identity,
  commitment: Commitment,
  outcome: Outcome,
): void {
  if (commitment.committed) {
    respondCommitted(session, commitment);
  } else if (principal.mayWriteAny) {
    commitment.want();
    session.waitsFor = WAITS_FOR_COMMIT;
  } else {
    outcome.fail(STATUS_FAILED_NOT_READY, NOT_COMMITTED);
    respondOutcome(session, outcome);
  }
}

/** Answers the request of an authenticated principal. Returns whether the computation is to end now. */
export function answerPrincipal(
  session: PrincipalSession,
  quota: PrincipalQuota,
  policy: Policy,
  policyHash: StaticArray<u8>,
  computation: AgreedComputation,
  key: IsolateKey,
  commitment: Commitment,
): u32 {
  const outcome = new Outcome();
  const request = new Message();
  const malformed = readMessage(
    session.request,
    session.requestLength,
    GROUP_PRINCIPAL_REQUEST,
    request,
  );
  if (malformed !== 0) {
    outcome.fail(STATUS_FAILED_INVALID_REQUEST, "malformed request: ").andInteger(malformed);
    respondOutcome(session, outcome);
    return REQUEST_REFUSED;
  }
  const principal: Identity = policy.identities[session.principal];
  if (request.type === MESSAGE_REQUEST_POLICY_HASH) {
    // Everybody may ask for it, and it says nothing of the computation.
    respondHash(session, policyHash);
    return REQUEST_REFUSED;
  }
  if (!principal.hasPart) {
    // Whatever it asks for: it is to learn nothing, and to keep nothing alive.
    outcome.failRole();
    respondOutcome(session, outcome);
    return REQUEST_REFUSED;
  }
  switch (request.type) {
    case MESSAGE_DATA:
    case MESSAGE_PROGRAM:
    case MESSAGE_STREAM:
      if (!commitment.committed) {
        outcome.fail(STATUS_FAILED_NOT_READY, NOT_COMMITTED);
        break;
      }
      computation.takePiece(principal, session.number, request, outcome);
      break;
    case MESSAGE_REQUEST_PI_HASH: {
      const hash = computation.programHash(request, outcome);
      if (hash !== null) {
        respondHash(session, hash);
        return REQUEST_GRANTED;
      }
      break;
    }
    case MESSAGE_REQUEST_RESULT: {
      const content = computation.read(principal, request, outcome);
      if (content !== null) {
        respondContent(session, content, computation, request, outcome);
        return outcome.succeeded ? REQUEST_GRANTED : REQUEST_REFUSED;
      }
      break;
    }
    case MESSAGE_REQUEST_STATE:
      respondState(session, policy, computation, commitment);
      return REQUEST_GRANTED;
    case MESSAGE_COMMIT:
      commit(session, principal, commitment, outcome);
      return outcome.succeeded ? REQUEST_GRANTED : REQUEST_REFUSED;
    case MESSAGE_REQUEST_FRESHNESS:
      if (quota.takeToken()) {
        askFreshness(session, key, request.pointer(FIELD_NONCE), outcome);
        return outcome.succeeded ? REQUEST_GRANTED : REQUEST_REFUSED;
      }
      outcome.fail(STATUS_FAILED_NOT_READY, TOO_MANY_TOKENS);
      break;
    case MESSAGE_REQUEST_MISSING:
      respondMissing(session, principal, min(request.uint(FIELD_FILE), MAX_FILES), computation);
      return REQUEST_GRANTED;
    case MESSAGE_REQUEST_NEXT_ROUND:
      computation.nextRound(principal, request, outcome);
      break;
    case MESSAGE_REQUEST_PROXY_ATTESTATION_TOKEN:
      if (quota.takeToken()) {
        respondToken(session, key, request.pointer(FIELD_NONCE), outcome);
        return outcome.succeeded ? REQUEST_GRANTED : REQUEST_REFUSED;
      }
      outcome.fail(STATUS_FAILED_NOT_READY, TOO_MANY_TOKENS);
      break;
    case MESSAGE_REQUEST_SHUTDOWN: {
      const end = computation.agreeToEnd(session.principal, outcome);
      respondOutcome(session, outcome);
      if (end) return REQUEST_END;
      return outcome.succeeded ? REQUEST_GRANTED : REQUEST_REFUSED;
    }
    default:
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "no such request");
  }
  respondOutcome(session, outcome);
  return outcome.succeeded ? REQUEST_GRANTED : REQUEST_REFUSED;
}
