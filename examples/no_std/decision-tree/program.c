/* Asks the decision tree of one party about the record of another: the program of program.ts, in C. */
#include "veracruz.h"

enum { LEAF, SPLIT };

typedef struct {
  uint32_t kind, label, feature, below, above;
  double threshold;
} node;

static node read_node(vc_reader *reader) {
  node read = {0};
  read.kind = vc_read_varint(reader);
  if (read.kind == LEAF) {
    read.label = vc_read_u32(reader);
  } else if (read.kind == SPLIT) {
    read.feature = vc_read_u32(reader);
    read.threshold = vc_read_f64(reader);
    read.below = vc_read_u32(reader);
    read.above = vc_read_u32(reader);
  } else {
    reader->failed = true;
  }
  return read;
}

/* Whether every way through the tree ends in a leaf, for a record of so many features. */
static bool is_sound(const node *tree, uint32_t count, uint32_t features) {
  for (uint32_t at = 0; at < count; at++) {
    const node *each = tree + at;
    if (each->kind == LEAF) continue;
    if (each->feature >= features || each->threshold != each->threshold) return false;
    if (each->below <= at || each->below >= count) return false;
    if (each->above <= at || each->above >= count) return false;
  }
  return count > 0;
}

int main(void) {
  vc_bytes input;
  vc_code code = vc_require_inputs(2);
  if (code == VC_SUCCESS) code = vc_input(0, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  uint32_t nodes = vc_read_count(&reader, 5);
  node *tree = calloc(nodes, sizeof(node));
  if (!tree) return VC_GENERIC;
  for (uint32_t i = 0; i < nodes; i++) tree[i] = read_node(&reader);
  if (reader.failed) return VC_BAD_INPUT;

  code = vc_input(1, &input);
  if (code != VC_SUCCESS) return code;
  reader = vc_read(input);
  uint32_t features = vc_read_count(&reader, sizeof(double));
  double *record = calloc(features, sizeof(double));
  if (!record) return VC_GENERIC;
  for (uint32_t i = 0; i < features; i++) {
    record[i] = vc_read_f64(&reader);
    if (record[i] != record[i]) return VC_BAD_INPUT;
  }
  if (reader.failed || !is_sound(tree, nodes, features)) return VC_BAD_INPUT;

  const node *at = tree;
  while (at->kind == SPLIT) at = tree + (record[at->feature] < at->threshold ? at->below : at->above);
  return vc_write_output((const uint8_t *)&at->label, sizeof at->label);
}
