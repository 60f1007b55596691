//! New inputs of old ones: a few changes each, by a generator that always says the same.

/// What readers look at.
const WORDS: &[&str] = &[
    "\0",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "'",
    "--",
    ";",
    "%",
    "_",
    "__",
    ",",
    "&",
    "=",
    ".",
    "..",
    "#",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "-1",
    "0",
    "9223372036854775808",
    "1e999",
    "NaN",
    "0000-00-00",
    "\u{feff}",
    "é",
    "\u{202e}",
    "bearer ",
    "order",
    "cursor",
    "is_null",
];

pub(crate) struct Mutation<'c> {
    corpus: &'c [Vec<u8>],
    state: u64,
}

impl<'c> Mutation<'c> {
    pub(crate) fn new(corpus: &'c [Vec<u8>]) -> Self {
        Self { corpus, state: 0x9e37_79b9_7f4a_7c15 }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.one_of_the_corpus().to_vec();
        for _ in 0..=self.below(6) {
            let (from, to) = self.range(input.len());
            match self.below(6) {
                0 if from < input.len() => input[from] ^= 1 << self.below(8),
                1 => drop(input.drain(from..to)),
                2 => drop(input.splice(from..to, WORDS[self.below(WORDS.len())].bytes())),
                3 => drop(input.splice(from..from, vec![b'x'; 1 << self.below(14)])),
                4 => drop(input.splice(from..from, input[from..to].to_vec())),
                _ => {
                    let other = self.one_of_the_corpus();
                    let (start, end) = self.range(other.len());
                    input.splice(from..to, other[start..end].iter().copied());
                }
            }
        }
        input
    }

    fn one_of_the_corpus(&mut self) -> &'c [u8] {
        &self.corpus[self.below(self.corpus.len())]
    }

    /// Two places in so many bytes, in order.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        (one.min(other), one.max(other))
    }

    /// xorshift64*
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}
