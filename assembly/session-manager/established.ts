import {
  NO_ALERT,
  REFUSED_KEY_UPDATE_MALFORMED,
  REFUSED_KEY_UPDATE_REQUEST,
  REFUSED_TICKET_MALFORMED,
} from "./alerts";
import { HandshakeMessage } from "./handshake";
import { checkExtensionBlock } from "./messages/extension-block";
import { KEY_UPDATE, NEW_SESSION_TICKET } from "./protocol";
import { HandshakeState, TlsSession } from "./session";

/** The state after the handshake: application data, and the messages of RFC 8446 §4.6. */
export class Established extends HandshakeState {
  private takesTickets: bool;

  /** `takesTickets`: whether NewSessionTicket may come, as it may to a client. */
  constructor(takesTickets: bool) {
    super();
    this.takesTickets = takesTickets;
  }

  override get allowsApplicationData(): bool {
    return true;
  }

  expects(type: u32): bool {
    return type === KEY_UPDATE || (this.takesTickets && type === NEW_SESSION_TICKET);
  }

  receive(session: TlsSession, type: u32, message: HandshakeMessage): HandshakeState {
    if (type === NEW_SESSION_TICKET) {
      const alert = checkTicket(message);
      return alert === NO_ALERT ? this : session.fail(alert);
    }
    message.malformed = REFUSED_KEY_UPDATE_MALFORMED;
    const request = message.u8();
    if (message.finish() !== NO_ALERT) return session.fail(message.refusal);
    if (request > 1) return session.fail(REFUSED_KEY_UPDATE_REQUEST);
    session.peerUpdatedKeys(request === 1);
    return this;
  }
}

/** A NewSessionTicket (§4.6.1) is read for its form and dropped: sessions are never resumed. */
function checkTicket(message: HandshakeMessage): i32 {
  message.malformed = REFUSED_TICKET_MALFORMED;
  message.bytes(8); // ticket_lifetime, ticket_age_add
  message.bytes(message.u8());
  const length = message.u16();
  message.bytes(length);
  if (length === 0) message.fail();
  checkExtensionBlock(message);
  message.bytes(message.u16());
  return message.finish();
}
