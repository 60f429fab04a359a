// The seam to a place that outlives a reset, for the client's record: which isolate it has gone to. Without it the
// record is in RAM, and a reset of the board lets it go to another isolate of the same policy.
#ifndef VERACRUZ_STORE_H
#define VERACRUZ_STORE_H

#include <stdbool.h>
#include <stdint.h>

/// The isolate that a client has gone to under a policy. It goes to no other one while it has this record.
struct vc_record {
  uint32_t number; ///< which isolate of the policy, from 1; 0: none yet
  uint8_t key[32]; ///< SHA-256 of its SubjectPublicKeyInfo
};

struct vc_store {
  /// Reads the record of a policy: called once, when the client is configured.
  /// @param policy_hash SHA-256 of the policy, 32 bytes
  /// @param record receives the record; number 0 where there is none for this policy
  /// @return false: the store cannot be read. The call ends with VC_E_STORE, and nothing is sent.
  bool (*load)(void *context, const uint8_t *policy_hash, struct vc_record *record);

  /// Keeps the record, whole or not at all, before anything is sent to the isolate. It is called in each connecting
  /// with an isolate that is not the one of the record that was loaded or saved last.
  /// @return false: it is not kept. The call ends with VC_E_STORE, and nothing is sent.
  bool (*save)(void *context, const uint8_t *policy_hash, const struct vc_record *record);

  void *context; ///< handed to each function
};

#endif
