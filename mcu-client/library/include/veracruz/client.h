// A data provider's end of a Veracruz computation: checks the isolate, then sends programs and data into
// it over TLS 1.3, and fetches results. One client, one session at a time, one thread.
//
// Each call comes twice. `vc_begin_...` starts an operation, and vc_step takes it on by bounded pieces of work, for a
// main loop or a task that does other things as well. The blocking calls do the same and come back at its end.
//
// All memory is static: nothing is allocated on a heap (with HOST=wasm3: nothing after vc_connect). What the client's
// module takes and gives back lies in arrays of fixed size; where those are full, a call fails with VC_E_MEMORY.
//
// "Stack" is what a function takes at most, with all that it calls: on a Cortex-M3, by GCC 12 with -Os and VC_HOST=c, and
// without functions of seams and of the C library. With those of lwIP 6 KiB are enough for every function below.
#ifndef VERACRUZ_CLIENT_H
#define VERACRUZ_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entropy.h"
#include "log.h"
#include "sign.h"
#include "store.h"
#include "time.h"
#include "transport.h"
#include "vc-codes.h" // enum vc_code: made from assembly/mcu-client/codes.ts
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What the principals have agreed on, who we are, and what the board gives. Everything that it points to must stay
/// as it is while the client is used.
struct vc_config {
  const char *server_host; ///< the Veracruz server's address, or its name where the transport looks names up
  uint16_t server_port;
  const uint8_t *authority; ///< the policy's CA, in DER
  size_t authority_length;
  const uint8_t *certificate; ///< ours, as in the policy, in DER
  size_t certificate_length;
  const uint8_t *private_key;        ///< its key: 32 bytes; NULL with `signer`
  const uint8_t *policy_hash;        ///< SHA-256 of the policy: 32 bytes
  const uint8_t *scope_hash;         ///< SHA-256 of its scope: 32 bytes
  uint32_t most_isolates;            ///< how many the policy allows: 1 + max_restarts
  uint32_t accept_restart;           ///< number of the isolate to begin again with; 0: none
  const uint8_t *runtime_hash_linux; ///< 32 bytes; NULL where the policy names none
  const uint8_t *runtime_hash_mcu;
  const char *minimum_versions; ///< the policy's, each component with its version: "ARoT 1.2 SPE 3"; NULL: none
  bool allow_development; ///< whether the policy allows isolates of development grade
  bool aes;               ///< the policy's suite: AES-128-GCM instead of ChaCha20-Poly1305
  bool hybrid_required;   ///< whether the policy allows no key exchange but X25519MLKEM768
  uint64_t policy_expiry; ///< seconds since 1970

  const struct vc_transport *transport;
  const struct vc_time *time;
  const struct vc_entropy *entropy;
  const struct vc_store *store;   ///< NULL: the record is in RAM
  const struct vc_signer *signer; ///< NULL: `private_key` signs

  /// Called again and again by the blocking calls while they wait, as to feed a watchdog; may be NULL.
  void (*waiting)(void);
  uint32_t attempts;   ///< of connecting; 0: for ever
  uint32_t backoff_ms; ///< before the second attempt; doubled each time, up to 30 s. 0: 500
  uint32_t timeout_ms; ///< without any progress. 0: 20 s
};

/// Where lines go from now on; NULL, as in the beginning: nowhere.
/// Stack: 100 bytes.
void vc_set_log(const struct vc_log *log);

// ---- Step by step ----
//
// A vc_begin_... function answers VC_OK where its operation has begun; else VC_E_STATE, another operation is under way, or
// there is no session; VC_E_ARGUMENT, an argument that cannot be right, or a name that is too long; VC_E_MODULE, the
// client's module has failed, for good. How the operation ends is vc_outcome's to say.
// Lengths and offsets are in bytes, names end with a 0.

/// What becomes of the operation under way.
enum vc_next {
  VC_NEXT_DONE,  ///< it has ended, see vc_outcome; or there is none
  VC_NEXT_AGAIN, ///< call vc_step again, as soon as other work allows
  VC_NEXT_WAIT,  ///< nothing to do before one of the events, or the time, of `wait`
};

/// When vc_step has something to do again. Calling it sooner does no harm.
struct vc_wait {
  uint32_t events;       ///< any of these VC_EVENT_... bits
  uint32_t milliseconds; ///< from now on, at the latest
};

/// Does a bounded piece of the work: at most about one signature or one verification of cryptography.
/// @param wait receives what to wait for, after VC_NEXT_WAIT
/// Stack: 1,600 bytes.
enum vc_next vc_step(struct vc_wait *wait);

/// How the last operation ended: VC_OK or a VC_E_... code.
/// Stack: 100 bytes.
int vc_outcome(void);

/// Opens a session; see vc_connect.
/// @return VC_OK; VC_E_ARGUMENT without a configuration; VC_E_CONFIGURATION where a part of it is missing; VC_E_STATE where
///   an operation is under way
/// Stack: 900 bytes.
int vc_begin_connect(const struct vc_config *config);

/// What a file that is sent is to the isolate. An item of a stream is of one round: of the current one, unless
/// vc_begin_stream_part names another.
enum vc_file_kind { VC_FILE_DATA, VC_FILE_PROGRAM, VC_FILE_STREAM };

/// Sends a file whole, in pieces, from where it lies, which may be flash: no copy is made of it in RAM. Name and bytes
/// must stay as they are until the operation has ended.
/// Stack: 1,000 bytes.
int vc_begin_send(enum vc_file_kind kind, const char *file, const void *bytes, size_t length);

/// Sends the bytes [offset, offset + length) of a file of `total` bytes. Parts go in order; the file is whole when its
/// last byte was sent, in the session in which its first one was.
/// Stack: 1,000 bytes.
int vc_begin_send_part(enum vc_file_kind kind, const char *file, size_t total, size_t offset,
                       const void *bytes, size_t length);

/// Sends such a part of a stream's item, for this round only: once it is over, the part is refused with VC_E_ROUND.
/// @param round from 1, as vc_round or vc_begin_state say it; 0: whichever is the current one
/// Stack: 1,000 bytes.
int vc_begin_stream_part(uint32_t round, const char *stream, size_t total, size_t offset,
                         const void *bytes, size_t length);

/// Reads a file whole; see vc_request_result. vc_result_length says how long it is.
/// Stack: 1,000 bytes.
int vc_begin_result(const char *file, void *out, size_t capacity);

/// Reads at most `capacity` bytes of a file, from `offset` on. vc_result_length says how many came, vc_result_total
/// how long the file is. Parts go in order, from 0: only then they are of one round.
/// Stack: 1,000 bytes.
int vc_begin_result_part(const char *file, size_t offset, void *out, size_t capacity);
size_t vc_result_length(void);
size_t vc_result_total(void);

/// The round that the last result or state was of, from 1; 0: none was asked for.
/// Stack: 100 bytes.
uint32_t vc_round(void);

/// How far the computation is: VC_STATE_PROVISIONING, programs or inputs are missing; VC_STATE_STREAMING, this round's
/// items of streams are; VC_STATE_READY, the next request of the result runs the program; VC_STATE_RESULT, it is there.
enum vc_state_kind {
  VC_STATE_INITIAL,
  VC_STATE_PROVISIONING,
  VC_STATE_STREAMING,
  VC_STATE_READY,
  VC_STATE_RESULT,
  VC_STATE_ENDED,
};
struct vc_state {
  uint32_t kind;  ///< VC_STATE_...
  uint32_t round; ///< the current one, from 1
  uint32_t max_rounds;
  uint32_t failed_runs; ///< of max_failed_runs
  uint32_t max_failed_runs;
};

/// Asks how far the computation is.
/// @param state receives the answer, once the outcome is VC_OK
/// Stack: 900 bytes.
int vc_begin_state(struct vc_state *state);

/// Asks which files are missing that this principal may read or write; whoever may read the result hears of all.
/// @param names receives their names, a line feed behind each, and a 0 behind them; vc_result_length says how long
///   that is without the 0. VC_E_ARGUMENT: it is not large enough
/// Stack: 900 bytes.
int vc_begin_missing(char *names, size_t capacity);

/// Ends a round: its result becomes the previous result, and streams take their next items. For readers of the result.
/// @param round VC_E_ROUND if this one is over already; 0: whichever is the current one
/// Stack: 900 bytes.
int vc_begin_next_round(uint32_t round);

/// Agrees to the end of the computation.
/// Stack: 900 bytes.
int vc_begin_shutdown(void);

/// Ends the session in order; an operation of it that is under way is given up. VC_E_STATE while connecting.
/// Stack: 900 bytes.
int vc_begin_close(void);

/// Ends operation and session at once, without a word to the isolate: the next session takes it there. The outcome is
/// VC_E_CANCELLED where an operation was under way.
/// Stack: 900 bytes.
void vc_cancel(void);

// ---- Blocking ----
//
// Each answers what its vc_begin_... function does, or the outcome: VC_OK; a refusal by the isolate (VC_E_ROLE to
// VC_E_REQUEST, VC_E_ROUND), after which the session goes on; another code, and the session has ended.

/// Opens a session with the isolate, after checking its certificate's chain, name, kind, runtime hash, policy,
/// scope and versions; inside TLS then that the computation is committed to it, that it is the one of the record, and,
/// where the board has no clock, that it is attested now. Tries again, later and later, what may pass by itself.
/// Stack: 1,600 bytes.
int vc_connect(const struct vc_config *config);

/// The record as it is now. False: there is none yet.
/// Stack: 300 bytes.
bool vc_get_record(struct vc_record *record);

/// Sends a file whole. A refusal by the isolate (VC_E_ROLE to VC_E_REQUEST) leaves the session open; any
/// other error ends it, and the file counts as not sent: vc_connect, and send it again.
/// Stack: 1,600 bytes.
int vc_send_data(const char *file, const void *bytes, size_t length);
int vc_send_program(const char *file, const void *bytes, size_t length);

/// Sends a file of any kind; an item of a stream is for the current round.
/// Stack: 1,600 bytes.
int vc_send(enum vc_file_kind kind, const char *file, const void *bytes, size_t length);

/// See vc_begin_state, vc_begin_missing, vc_begin_next_round.
/// Stack: 1,600 bytes.
int vc_request_state(struct vc_state *state);
int vc_request_missing(char *names, size_t capacity);
int vc_request_next_round(uint32_t round);

/// Reads a file, such as "output"; for that one the isolate runs the program first where it has not yet.
/// Stack: 1,600 bytes.
int vc_request_result(const char *file, void *out, size_t capacity, size_t *length);

/// Agrees to the end of the computation.
/// Stack: 1,600 bytes.
int vc_request_shutdown(void);

/// Ends the session in order, and wipes what it held. Always possible.
/// Stack: 1,600 bytes.
void vc_close(void);

// ---- What went wrong ----

/// Name of a code, as in "RUNTIME_HASH"; and the number that goes with the last one: an alert (RFC 8446 section 6), an
/// HTTP status, a return code.
/// Stack: 100 bytes.
const char *vc_code_name(int code);
int vc_detail(void);

/// What the isolate or the server has said with its last refusal: bytes from outside, of which those that are not
/// printable ASCII are stored as '?'.
/// @return the length of the text at `out`, which ends with a 0; it is cut to `capacity` - 1
/// Stack: 300 bytes.
size_t vc_text(char *out, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
