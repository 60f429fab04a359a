import { FileContent } from "../execution-engine/computation";
import { Message, readMessage } from "../transport-protocol/message";
import {
  FIELD_BYTES,
  FIELD_DEVICE_ID,
  FIELD_FAILED_RUNS,
  FIELD_FILE_NAME,
  FIELD_HASH,
  FIELD_LENGTH,
  FIELD_MAX_FAILED_RUNS,
  FIELD_MAX_ROUNDS,
  FIELD_NONCE,
  FIELD_OFFSET,
  FIELD_PIECE_BYTES,
  FIELD_PROGRAM_NAME,
  FIELD_RETURN_CODE,
  FIELD_ROUND,
  FIELD_STATE,
  FIELD_STATUS,
  FIELD_TEXT,
  FIELD_TOKEN,
  FIELD_TOTAL,
  GROUP_PRINCIPAL_REQUEST,
  MESSAGE_DATA,
  MESSAGE_HASH,
  MESSAGE_OUTCOME,
  MESSAGE_PROGRAM,
  MESSAGE_PROXY_ATTESTATION_TOKEN,
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
  STATUS_SUCCESS,
} from "../transport-protocol/messages";
import { FILE_INPUT, FILE_PROGRAM, FILE_STREAM } from "../veracruz-utils/file-names";
import { Identity, Policy } from "../veracruz-utils/policy";
import { AgreedComputation } from "./agreed-computation";
import { IsolateKey } from "./isolate-key";
import { Outcome } from "./outcome";
import { PrincipalSession } from "./principal-session";

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
  request: Message,
  pieceBytes: u32,
  outcome: Outcome,
): void {
  const total = content.length as u32;
  const offset = request.uint(FIELD_OFFSET);
  if (offset > total) {
    outcome
      .fail(STATUS_FAILED_INVALID_REQUEST, "offset behind the end: the file has ")
      .andNumber(total)
      .and(" bytes");
    respondOutcome(session, outcome);
    return;
  }
  const length = min(min(request.uint(FIELD_LENGTH), pieceBytes), total - offset);
  const response = new Message();
  response.begin(MESSAGE_RESULT);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setUint(FIELD_TOTAL, total);
  response.setUint(FIELD_OFFSET, offset);
  response.setBytes(FIELD_BYTES, changetype<usize>(content) + (offset as usize), length);
  if (session.respond(response, length)) return;
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
  pieceBytes: u32,
): void {
  const response = new Message();
  response.begin(MESSAGE_STATE);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setUint(FIELD_STATE, computation.state);
  response.setUint(FIELD_ROUND, computation.round);
  response.setUint(FIELD_MAX_ROUNDS, policy.maxRounds);
  response.setUint(FIELD_FAILED_RUNS, computation.failedRuns);
  response.setUint(FIELD_MAX_FAILED_RUNS, policy.maxFailedRuns);
  response.setUint(FIELD_PIECE_BYTES, pieceBytes);
  if (!session.respond(response, 0)) session.tls.close();
}

function respondToken(
  session: PrincipalSession,
  key: IsolateKey,
  nonce: usize,
  policyHash: StaticArray<u8>,
  outcome: Outcome,
): void {
  const failure = key.reattest(nonce, changetype<usize>(policyHash));
  if (failure !== 0) {
    outcome.fail(STATUS_FAILED_GENERIC, "no attestation token: ").andInteger(failure);
    respondOutcome(session, outcome);
    return;
  }
  const response = new Message();
  response.begin(MESSAGE_PROXY_ATTESTATION_TOKEN);
  response.setUint(FIELD_STATUS, STATUS_SUCCESS);
  response.setBytes(FIELD_TOKEN, key.token, key.tokenLength);
  response.setUint(FIELD_DEVICE_ID, key.deviceId);
  if (!session.respond(response, key.tokenLength)) session.tls.close();
}

/** The kind of file that a writing request is for. */
function fileKindOf(type: u32): u32 {
  if (type === MESSAGE_DATA) return FILE_INPUT;
  return type === MESSAGE_STREAM ? FILE_STREAM : FILE_PROGRAM;
}

/**
 * Answers the request of an authenticated principal. Returns whether the computation is to end now.
 *
 * @param pieceBytes largest piece of a file in a response
 */
export function answerPrincipal(
  session: PrincipalSession,
  policy: Policy,
  policyHash: StaticArray<u8>,
  computation: AgreedComputation,
  key: IsolateKey,
  pieceBytes: u32,
): bool {
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
    return false;
  }
  const principal: Identity = policy.identities[session.principal];
  const name = request.pointer(FIELD_FILE_NAME);
  const nameLength = request.length(FIELD_FILE_NAME);
  switch (request.type) {
    case MESSAGE_DATA:
    case MESSAGE_PROGRAM:
    case MESSAGE_STREAM:
      computation.takePiece(
        principal,
        session.number,
        fileKindOf(request.type),
        name,
        nameLength,
        request.uint(FIELD_OFFSET),
        request.uint(FIELD_TOTAL),
        request.pointer(FIELD_BYTES),
        request.length(FIELD_BYTES),
        outcome,
      );
      break;
    case MESSAGE_REQUEST_PI_HASH: {
      const hash = computation.programHash(name, nameLength, outcome);
      if (hash !== null) {
        respondHash(session, hash);
        return false;
      }
      break;
    }
    case MESSAGE_REQUEST_POLICY_HASH:
      respondHash(session, policyHash);
      return false;
    case MESSAGE_REQUEST_RESULT: {
      const content = computation.read(
        principal,
        name,
        nameLength,
        request.pointer(FIELD_PROGRAM_NAME),
        request.length(FIELD_PROGRAM_NAME),
        outcome,
      );
      if (content !== null) {
        respondContent(session, content, request, pieceBytes, outcome);
        return false;
      }
      break;
    }
    case MESSAGE_REQUEST_STATE:
      respondState(session, policy, computation, pieceBytes);
      return false;
    case MESSAGE_REQUEST_NEXT_ROUND:
      computation.nextRound(principal, outcome);
      break;
    case MESSAGE_REQUEST_PROXY_ATTESTATION_TOKEN:
      respondToken(session, key, request.pointer(FIELD_NONCE), policyHash, outcome);
      return false;
    case MESSAGE_REQUEST_SHUTDOWN: {
      const end = computation.agreeToEnd(session.principal, outcome);
      respondOutcome(session, outcome);
      return end;
    }
    default:
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "no such request");
  }
  respondOutcome(session, outcome);
  return false;
}
