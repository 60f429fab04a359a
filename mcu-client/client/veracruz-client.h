// A data provider's end of a Veracruz computation: checks the isolate, then sends programs and data into
// it over TLS 1.3, and fetches results. One client, one session at a time, one thread.
//
// All memory is static: nothing is allocated on the heap at any time with HOST=c, and nothing after
// `vc_connect` with HOST=wasm3. What the client's module and lwIP take and give back lies in arrays of fixed
// size; where those are full, a call fails with VC_E_MEMORY. The network must have been started (net/network.h).
#ifndef CLIENT_VERACRUZ_CLIENT_H
#define CLIENT_VERACRUZ_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Why a call did not do what it should. `vc_detail` says more; each failure is a line on the console.
enum vc_code {
  VC_OK = 0,
  VC_E_CONFIGURATION = -1, ///< the configuration is malformed, or key and certificate do not match
  VC_E_NETWORK = -2,       ///< the board has no address
  VC_E_CONNECT = -3,       ///< nobody answers at the server's address
  VC_E_HTTP = -4,          ///< what answers there does not speak as a Veracruz server does
  VC_E_SERVER = -5,        ///< the server refuses; detail: its HTTP status
  VC_E_TLS = -6,           ///< TLS failed, as by a corrupted record; detail: the alert
  VC_E_CHAIN = -7,         ///< the isolate's certificate: chain, name or dates; detail: the alert
  VC_E_KIND = -8,          ///< the isolate is of no kind that the policy names
  VC_E_LIFECYCLE = -9,     ///< of development grade, not allowed, or of none; detail: its lifecycle
  VC_E_RUNTIME_HASH = -10, ///< the isolate runs another trusted runtime than the policy names
  VC_E_POLICY_HASH = -11,  ///< the isolate works under another policy
  VC_E_IDENTITY = -12,     ///< the isolate does not accept our certificate; detail: the alert
  VC_E_CLOSED = -13,       ///< the session, or the connection in the middle of it, has ended
  VC_E_MEMORY = -14,       ///< memory is exhausted
  VC_E_ENTROPY = -15,      ///< there are no random numbers
  VC_E_TIMEOUT = -16,      ///< no answer in time
  VC_E_PROTOCOL = -17,     ///< the isolate's answer does not parse, or answers something else
  VC_E_ROLE = -18,         ///< the policy does not allow that to us
  VC_E_NOT_READY = -19,    ///< files are missing, or the computation does not allow that now
  VC_E_GENERIC = -20,      ///< any other refusal by the isolate
  VC_E_PROGRAM = -21,      ///< the program was refused, trapped or ran into a limit
  VC_E_RETURN_CODE = -22,  ///< the program returned another code than 0; detail: the code
  VC_E_REQUEST = -23,      ///< the isolate does not understand the request
  VC_E_ARGUMENT = -24,     ///< an argument is out of range, or a buffer too small
  VC_E_STATE = -25,        ///< there is no session: vc_connect comes first
  VC_E_MODULE = -26,       ///< the client's own module has trapped: a defect; restart the board
  VC_E_EXPIRED = -27,      ///< the policy's own expiry date has passed
};

/// What the principals have agreed on, and who we are. Pointers must stay good while it is used.
struct vc_config {
  const char *server_host; ///< the Veracruz server's IPv4 address, as in "172.17.0.2"
  uint16_t server_port;
  const uint8_t *authority; ///< the policy's CA, in DER
  size_t authority_length;
  const uint8_t *certificate; ///< ours, as in the policy, in DER
  size_t certificate_length;
  const uint8_t *private_key;        ///< its key: 32 bytes
  const uint8_t *policy_hash;        ///< SHA-256 of the policy: 32 bytes
  const uint8_t *runtime_hash_linux; ///< 32 bytes; NULL where the policy names none
  const uint8_t *runtime_hash_mcu;
  bool allow_development; ///< whether the policy allows isolates of development grade
  bool aes;               ///< the policy's suite: AES-128-GCM instead of ChaCha20-Poly1305
  uint64_t policy_expiry; ///< seconds since 1970

  /// Seconds since 1970, or NULL where the board has no clock: then dates are not checked, and a line says so.
  bool (*time)(uint64_t *seconds);
  /// Called again and again while waiting, as to feed a watchdog; may be NULL.
  void (*waiting)(void);
  uint32_t attempts;      ///< of connecting; 0: for ever
  uint32_t backoff_ms;    ///< before the second attempt; doubled each time, up to 30 s. 0: 500
  uint32_t timeout_ms;    ///< without any progress. 0: 20 s
};

/// Opens a session with the isolate, after checking its certificate's chain, name, kind and runtime hash,
/// and, inside TLS, its policy hash. Tries again, later and later, what may pass by itself.
int vc_connect(const struct vc_config *config);

/// Sends a file whole. A refusal by the isolate (VC_E_ROLE to VC_E_REQUEST) leaves the session open; any
/// other error ends it, and the file counts as not sent: vc_connect, and send it again.
int vc_send_data(const char *file, const void *bytes, size_t length);
int vc_send_program(const char *file, const void *bytes, size_t length);

/// Reads a file, such as "output"; for that one the isolate runs the program first where it has not yet.
int vc_request_result(const char *file, void *out, size_t capacity, size_t *length);

/// Agrees to the end of the computation.
int vc_request_shutdown(void);

/// Ends the session in order, and wipes what it held. Always possible.
void vc_close(void);

/// Name of a code, as in "RUNTIME_HASH"; and the number that goes with the last one.
const char *vc_code_name(int code);
int vc_detail(void);

#endif
