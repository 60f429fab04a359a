/** What H-calls answer and what a program's `main` returns: 0 releases the result, any other code fails. */
export enum ReturnCode {
  Success = 0,
  /** Anything without its own code, a lack of memory included. */
  Generic = -1,
  /** Not as many inputs as the program needs. */
  DataSourceCount = -2,
  /** An input is longer than the buffer for it, or not of the length that the program needs. */
  DataSourceSize = -3,
  /** No input with this index, or one whose content is malformed. */
  BadInput = -4,
  /** Something that the program takes for granted does not hold. */
  InvariantFailed = -5,
  /** The run has written its result already; the first one stays. */
  ResultAlreadyWritten = -6,
  /** The platform lacks the service, the random source say. */
  ServiceUnavailable = -7,
  /** Not as many stream items as the program needs. */
  StreamSourceCount = -8,
  /** A stream item is longer than the buffer for it, or not of the length that the program needs. */
  StreamSourceSize = -9,
  /** No stream item with this index, or one whose content is malformed. */
  BadStream = -10,
  /** The previous result is longer than the buffer for it, or not of the length that the program needs. */
  PreviousResultSize = -11,
}
