// What the client's files share. The module (assembly/mcu-client) decides what is sent, and to whom; these files
// move bytes, wait, and say what went wrong.
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H

#include <veracruz/client.h>

#include "client-definitions.h"
#include "client.h"
#include "module.h"
#include "platform-interface.h"

enum { HASH_BYTES = 32 };

/// What is under way.
enum operation { OPERATION_NONE, OPERATION_CONNECT, OPERATION_ASK, OPERATION_CLOSE };

/// What the next vc_step does for it.
enum stage {
  STAGE_CONFIGURE, ///< hand the configuration to the module
  STAGE_NETWORK,   ///< wait for an address
  STAGE_OPEN,      ///< begin a session
  STAGE_RUN,       ///< what the module says
  STAGE_CONNECTING,///< wait for the connection
  STAGE_PAUSE,     ///< wait before the isolate is asked again
  STAGE_BACKOFF,   ///< wait before the next attempt
};

/// A request to the isolate, which may take many messages.
struct request {
  uint8_t type;      // MESSAGE_...
  const char *doing; // in words
  int (*take)(void); // takes what an answer has brought: VC_OK, or what is wrong with it
  bool whole;   // a result: all of the file, rather than a part
  const char *name;
  const uint8_t *from; // what is sent: the byte at offset `at`
  uint8_t *to;         // where the next piece of a result goes
  size_t at, end;      // offsets in the file: done so far, and the end of this request; of missing files: see `total`
  size_t total;        // length of the file; of missing files: the number of the next one
  size_t room;         // of missing files: bytes behind `to`
  uint32_t round;      // 0: whichever is the current one
};

struct client {
  const struct vc_config *config;
  enum operation operation;
  enum stage stage;
  int outcome, detail;
  uint32_t since;   // milliseconds: last progress, or the beginning of the stage
  uint32_t began;   // milliseconds: the beginning of the message, or session, that is under way
  uint32_t attempt; // of connecting, from 0
  uint32_t delay;   // of the stage that waits
  bool started;     // the module: before that, none of its exports may be called
  bool in_session;
  uint8_t *shared;  // the module's buffer
  uint32_t shared_bytes, piece_bytes;
  size_t result_length;
  uint32_t round; // that the last answer named, or 0
  struct request request;
  struct vc_record saved; // as the store has it
  size_t input_at, input_end; // what has come, in the module's buffer, and was not taken yet
  bool is_signing;
  struct vc_sign_request sign_request;
};
extern struct client vc_client;

/// Prints by the log seam; see veracruz/log.h for the conversions.
void vc_log(const char *format, ...);

/// Every failure ends here: a code, and a line on the console.
int vc_report(int code, const char *doing);

/// Says whom the session is with.
void vc_report_session(void);

/// Hands the configuration to the module: VC_OK, or what is wrong with it.
int vc_configure(void);

/// Loads the record, where there is a store; saves it, where it is not the one that the store has. VC_OK or VC_E_STORE.
int vc_load_record(void);
int vc_save_record(void);

// Instruction counts, in firmware that is built for a bench.
#ifdef VC_TRACE
#include VC_TRACE
#else
#define TRACE_WORK_BEGIN()
#define TRACE_WORK_KIND(kind)
#define TRACE_WORK_END()
#endif

#endif
