/// What H-calls answer and what a program fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub i32);

impl Code {
    // table: codes; made from assembly/sdk/veracruz_rt/return-code.ts by npm run build
    /// Anything without its own code, a lack of memory included.
    pub const GENERIC: Code = Code(-1);
    /// Not as many inputs as the program needs.
    pub const DATA_SOURCE_COUNT: Code = Code(-2);
    /// An input is longer than the buffer for it, or not of the length that the program needs.
    pub const DATA_SOURCE_SIZE: Code = Code(-3);
    /// No input with this index, or one whose content is malformed.
    pub const BAD_INPUT: Code = Code(-4);
    /// Something that the program takes for granted does not hold.
    pub const INVARIANT_FAILED: Code = Code(-5);
    /// The run has written its result already; the first one stays.
    pub const RESULT_ALREADY_WRITTEN: Code = Code(-6);
    /// The platform lacks the service, the random source say.
    pub const SERVICE_UNAVAILABLE: Code = Code(-7);
    /// Not as many stream items as the program needs.
    pub const STREAM_SOURCE_COUNT: Code = Code(-8);
    /// A stream item is longer than the buffer for it, or not of the length that the program needs.
    pub const STREAM_SOURCE_SIZE: Code = Code(-9);
    /// No stream item with this index, or one whose content is malformed.
    pub const BAD_STREAM: Code = Code(-10);
    /// The previous result is longer than the buffer for it, or not of the length that the program needs.
    pub const PREVIOUS_RESULT_SIZE: Code = Code(-11);
    // end

    /// What `main` returns: never 0, so that a slip cannot release a result.
    pub fn for_main(self) -> i32 {
        if self.0 == 0 {
            Code::GENERIC.0
        } else {
            self.0
        }
    }

    /// `Ok` for 0, else the code as an error.
    pub(crate) fn check(code: i32) -> Result<(), Code> {
        if code == 0 {
            Ok(())
        } else {
            Err(Code(code))
        }
    }
}
