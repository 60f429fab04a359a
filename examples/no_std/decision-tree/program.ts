// Asks the decision tree of one party about the record of another. Neither sees the other's.
//
// Inputs: Vec<Node>, enum Node { Leaf(u32), Split { feature: u32, threshold: f64, below: u32, above: u32 } }, whose first
// node is the root; Vec<f64>, the record. A split goes to its node `below` if the feature is less than the threshold,
// else to `above`; both stand behind it in the list. Result: u32, the leaf's number.
// BadInput: malformed, an empty tree, a number that is NaN, a node that is not there or does not stand behind, or a
// feature that the record has not (anywhere in the tree); Generic: not enough memory; DataSourceCount: not two inputs.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  ReturnCode,
  requireInputs,
} from "../../../assembly/sdk";

const LEAF: u32 = 0;
const SPLIT: u32 = 1;

class Node {
  kind: u32 = LEAF;
  label: u32 = 0;
  feature: u32 = 0;
  threshold: f64 = 0;
  below: u32 = 0;
  above: u32 = 0;

  fields(codec: Codec): void {
    this.kind = codec.varint(this.kind);
    if (this.kind === LEAF) {
      this.label = codec.of(this.label);
    } else if (this.kind === SPLIT) {
      this.feature = codec.of(this.feature);
      this.threshold = codec.of(this.threshold);
      this.below = codec.of(this.below);
      this.above = codec.of(this.above);
    } else {
      codec.reject();
    }
  }
}

/** Whether every way through the tree ends in a leaf, for a record of so many features. */
function isSound(tree: Array<Node>, features: u32): bool {
  const count = tree.length as u32;
  for (let at: u32 = 0; at < count; at++) {
    const node = tree[at];
    if (node.kind === LEAF) continue;
    if (node.feature >= features || isNaN(node.threshold)) return false;
    if (node.below <= at || node.below >= count) return false;
    if (node.above <= at || node.above >= count) return false;
  }
  return count > 0;
}

export function main(): i32 {
  const count = requireInputs(2);
  if (count !== ReturnCode.Success) return fail(count);
  const tree = decodeInput<Array<Node>>(0);
  if (tree.failed) return fail(tree.code);
  const record = decodeInput<Float64Array>(1);
  if (record.failed) return fail(record.code);
  const features = record.value;
  for (let i = 0; i < features.length; i++) {
    if (isNaN(features[i])) return fail(ReturnCode.BadInput);
  }
  if (!isSound(tree.value, features.length)) return fail(ReturnCode.BadInput);
  let node = tree.value[0];
  while (node.kind === SPLIT) {
    const next = features[node.feature] < node.threshold ? node.below : node.above;
    node = tree.value[next];
  }
  return encodeOutput<u32>(node.label);
}
