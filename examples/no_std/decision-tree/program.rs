//! Asks the decision tree of one party about the record of another: the program of program.ts, in Rust.
#![no_std]

use veracruz::{
    decode, encode_output, entry, input, require_inputs, Code, Decode, Reader, Vec,
};

enum Node {
    Leaf(u32),
    Split {
        feature: u32,
        threshold: f64,
        below: u32,
        above: u32,
    },
}

impl Decode for Node {
    const LEAST: usize = 5;
    fn decode(reader: &mut Reader) -> Result<Self, Code> {
        match reader.varint()? {
            0 => Ok(Node::Leaf(reader.read()?)),
            1 => Ok(Node::Split {
                feature: reader.read()?,
                threshold: reader.read()?,
                below: reader.read()?,
                above: reader.read()?,
            }),
            _ => Err(reader.malformed()),
        }
    }
}

/// Whether every way through the tree ends in a leaf, for a record of so many features.
fn is_sound(tree: &[Node], features: usize) -> bool {
    let behind = |at: usize, next: u32| next as usize > at && (next as usize) < tree.len();
    !tree.is_empty()
        && tree.iter().enumerate().all(|(at, node)| match *node {
            Node::Leaf(_) => true,
            Node::Split {
                feature,
                threshold,
                below,
                above,
            } => {
                (feature as usize) < features
                    && !threshold.is_nan()
                    && behind(at, below)
                    && behind(at, above)
            }
        })
}

fn program() -> Result<(), Code> {
    require_inputs(2)?;
    let tree: Vec<Node> = decode(input(0)?)?;
    let record: Vec<f64> = decode(input(1)?)?;
    if record.iter().any(|value| value.is_nan()) || !is_sound(&tree, record.len()) {
        return Err(Code::BAD_INPUT);
    }
    let mut at = 0;
    loop {
        match tree[at] {
            Node::Leaf(label) => return encode_output(&label),
            Node::Split {
                feature,
                threshold,
                below,
                above,
            } => {
                at = if record[feature as usize] < threshold {
                    below as usize
                } else {
                    above as usize
                }
            }
        }
    }
}
entry!(program);
