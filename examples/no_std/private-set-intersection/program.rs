//! Which persons are in every one of the sets: the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, inputs, record, sort, Code, Vec};

record! {
    // The order of the fields is that of the persons.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Person { name: &'static str, employee_id: &'static str, age: u8, grade: u8 }
}

/// Keeps those of the ordered persons of `one` that are in the ordered `other` too, each once.
fn intersect(one: &mut Vec<Person>, other: &[Person]) {
    let mut kept = 0;
    let mut candidates = other.iter().peekable();
    for i in 0..one.len() {
        let person = one[i];
        while candidates.next_if(|candidate| **candidate < person).is_some() {}
        let repeated = kept > 0 && one[kept - 1] == person;
        if !repeated && candidates.peek() == Some(&&person) {
            one[kept] = person;
            kept += 1;
        }
    }
    one.truncate(kept);
}

fn program() -> Result<(), Code> {
    let mut common: Option<Vec<Person>> = None;
    for input in inputs(2)? {
        let mut persons: Vec<Person> = decode(input)?;
        sort(&mut persons, Person::cmp);
        match &mut common {
            None => common = Some(persons),
            Some(common) => intersect(common, &persons),
        }
    }
    encode_output(&common.unwrap_or_default())
}
entry!(program);
