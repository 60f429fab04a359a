import {
  POLICY_E_AUTHORITY,
  POLICY_E_BYTE_ORDER_MARK,
  POLICY_E_CERTIFICATE,
  POLICY_E_CERTIFICATE_EXTENSION,
  POLICY_E_CERTIFICATE_KEY_USAGE,
  POLICY_E_CERTIFICATE_PURPOSE,
  POLICY_E_CIPHERSUITE,
  POLICY_E_COMPONENT,
  POLICY_E_COMPUTATION_ID,
  POLICY_E_CONTROL_CHARACTER,
  POLICY_E_DATE,
  POLICY_E_DUPLICATE_CERTIFICATE,
  POLICY_E_DUPLICATE_COMPONENT,
  POLICY_E_DUPLICATE_ID,
  POLICY_E_DUPLICATE_INSTANCE,
  POLICY_E_DUPLICATE_KEY,
  POLICY_E_DUPLICATE_PROGRAM,
  POLICY_E_DUPLICATE_RIGHT,
  POLICY_E_ENDS_EARLY,
  POLICY_E_ESCAPE,
  POLICY_E_FILE_NAME,
  POLICY_E_HASH,
  POLICY_E_INPUTS_NOT_CONTIGUOUS,
  POLICY_E_INSTANCE_ID,
  POLICY_E_KEY_EXCHANGE,
  POLICY_E_MEMORY,
  POLICY_E_MISSING_KEY,
  POLICY_E_NO_IDENTITY,
  POLICY_E_NO_INSTANCE,
  POLICY_E_NO_RUNTIME_HASH,
  POLICY_E_NOT_ARRAY,
  POLICY_E_NOT_BOOLEAN,
  POLICY_E_NOT_INTEGER,
  POLICY_E_NOT_OBJECT,
  POLICY_E_NOT_STRING,
  POLICY_E_NUMBER_RANGE,
  POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL,
  POLICY_E_PEM,
  POLICY_E_PROGRAM_RIGHT,
  POLICY_E_PROGRAM_WITHOUT_OUTPUT,
  POLICY_E_RESERVED_NAME,
  POLICY_E_RIGHTS,
  POLICY_E_STRATEGY,
  POLICY_E_STREAMS_NOT_CONTIGUOUS,
  POLICY_E_STRING_LENGTH,
  POLICY_E_SURROGATE,
  POLICY_E_SYNTAX,
  POLICY_E_TOO_LONG,
  POLICY_E_TOO_MANY_FILES,
  POLICY_E_TOO_MANY_IDENTITIES,
  POLICY_E_TOO_MANY_INSTANCES,
  POLICY_E_TOO_MANY_PROGRAMS,
  POLICY_E_TOO_MANY_VERSIONS,
  POLICY_E_TRAILING,
  POLICY_E_UNKNOWN_FILE,
  POLICY_E_UNKNOWN_KEY,
  POLICY_E_URL,
  POLICY_E_UTF8,
  POLICY_E_VERSION,
} from "./policy-error-codes";
import { decimal, PolicyError } from "./policy-errors";

/** What was wrong, in words, without the place. */
export function policyReason(error: PolicyError): string {
  switch (error.code) {
    case POLICY_E_TOO_LONG:
      return "longer than 65536 bytes";
    case POLICY_E_MEMORY:
      return "not enough memory for the policy";
    case POLICY_E_ENDS_EARLY:
      return "the text ends here";
    case POLICY_E_SYNTAX:
      return "not JSON: expected a comma, a colon, a key or a closing bracket";
    case POLICY_E_TRAILING:
      return "something follows the policy";
    case POLICY_E_UTF8:
      return "not valid UTF-8";
    case POLICY_E_CONTROL_CHARACTER:
      return "control character inside a string";
    case POLICY_E_ESCAPE:
      return "unknown escape sequence";
    case POLICY_E_SURROGATE:
      return "surrogate without its partner";
    case POLICY_E_BYTE_ORDER_MARK:
      return "begins with a byte order mark: save it as UTF-8 without one";
    case POLICY_E_NOT_OBJECT:
      return "expected an object";
    case POLICY_E_NOT_ARRAY:
      return "expected a list";
    case POLICY_E_NOT_STRING:
      return "expected a string";
    case POLICY_E_NOT_INTEGER:
      return "expected an integer without sign, fraction, exponent or leading zero";
    case POLICY_E_NOT_BOOLEAN:
      return "expected true or false";
    case POLICY_E_UNKNOWN_KEY:
      return "unknown key";
    case POLICY_E_DUPLICATE_KEY:
      return "the key occurs twice";
    case POLICY_E_MISSING_KEY:
      return "the key " + error.missing + " is missing";
    case POLICY_E_NUMBER_RANGE:
      return "number out of range";
    case POLICY_E_STRING_LENGTH:
      return "string too short or too long";
    case POLICY_E_FILE_NAME:
      return "not a plain file name (letters, digits, - _ . / and no part . or ..)";
    case POLICY_E_RIGHTS:
      return "rights are r, w or rw";
    case POLICY_E_HASH:
      return "expected 64 hexadecimal digits";
    case POLICY_E_URL:
      return "expected host:port";
    case POLICY_E_PEM:
      return "expected one certificate in PEM and nothing else";
    case POLICY_E_CERTIFICATE:
      return "the PEM block holds no X.509 certificate for a P-256 key, of at most 4096 bytes, that TLS here can read";
    case POLICY_E_CERTIFICATE_KEY_USAGE:
      return "the certificate's keyUsage lacks digitalSignature";
    case POLICY_E_CERTIFICATE_PURPOSE:
      return "the certificate's extendedKeyUsage lacks clientAuth";
    case POLICY_E_CERTIFICATE_EXTENSION:
      return "the certificate has nameConstraints, or an unknown critical extension";
    case POLICY_E_AUTHORITY:
      return "not the certificate of a CA (basicConstraints, keyCertSign) for a P-256 key";
    case POLICY_E_DATE:
      return "there is no such day";
    case POLICY_E_CIPHERSUITE:
      return "unknown cipher suite, expected TLS1_3_CHACHA20_POLY1305_SHA256 or TLS1_3_AES_128_GCM_SHA256";
    case POLICY_E_KEY_EXCHANGE:
      return "unknown key exchange, expected hybrid-required (leave it out to allow classical ones)";
    case POLICY_E_STRATEGY:
      return "expected Interpretation or JIT";
    case POLICY_E_NO_IDENTITY:
      return "a policy needs at least one identity";
    case POLICY_E_TOO_MANY_IDENTITIES:
      return "more than 32 identities";
    case POLICY_E_TOO_MANY_PROGRAMS:
      return "more than 16 programs";
    case POLICY_E_TOO_MANY_FILES:
      return "more than 128 different files";
    case POLICY_E_DUPLICATE_ID:
      return "the id is taken already";
    case POLICY_E_DUPLICATE_CERTIFICATE:
      return "another identity has this certificate already";
    case POLICY_E_DUPLICATE_PROGRAM:
      return "another program has this file name already";
    case POLICY_E_DUPLICATE_RIGHT:
      return "rights on this file are given twice";
    case POLICY_E_RESERVED_NAME:
      return "a program cannot have the name of an input, a stream or the result";
    case POLICY_E_UNKNOWN_FILE:
      return "not the name of a program, an input (input-0), a stream (stream-0) or the result (output)";
    case POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL:
      return "only programs write the result: a principal may have r on output";
    case POLICY_E_PROGRAM_RIGHT:
      return "a program may have r on inputs and streams, and w on output";
    case POLICY_E_PROGRAM_WITHOUT_OUTPUT:
      return "the program has no right to write output";
    case POLICY_E_INPUTS_NOT_CONTIGUOUS:
      return "the inputs that the program reads must be input-0, input-1, ... without a gap";
    case POLICY_E_STREAMS_NOT_CONTIGUOUS:
      return "the streams that the program reads must be stream-0, stream-1, ... without a gap";
    case POLICY_E_NO_RUNTIME_HASH:
      return "runtime_manager_hash_linux or runtime_manager_hash_mcu is required";
    case POLICY_E_COMPUTATION_ID:
      return "expected 32 hexadecimal digits";
    case POLICY_E_INSTANCE_ID:
      return "expected the 66 hexadecimal digits of a device's instance ID, the first two 01";
    case POLICY_E_COMPONENT:
      return "expected the name of a software component, as in ARoT: at most 16 letters, digits, - _ .";
    case POLICY_E_VERSION:
      return "expected a version of one to four numbers up to 65535, as in 1.2.0, in at most 16 characters";
    case POLICY_E_NO_INSTANCE:
      return "an empty list allows no device: leave the key out to allow every one";
    case POLICY_E_TOO_MANY_INSTANCES:
      return "more than 32 devices";
    case POLICY_E_DUPLICATE_INSTANCE:
      return "the device occurs twice";
    case POLICY_E_TOO_MANY_VERSIONS:
      return "more than 4 software components";
    case POLICY_E_DUPLICATE_COMPONENT:
      return "the component occurs twice";
    default:
      return "refused";
  }
}

/** What was wrong and where, in one line: `byte 120, identities[0].id: the id is taken already`. */
export function policyErrorText(error: PolicyError): string {
  const place = error.place.toString();
  const where = "byte " + decimal(error.offset) + (place.length > 0 ? ", " + place : "");
  return where + ": " + policyReason(error);
}
