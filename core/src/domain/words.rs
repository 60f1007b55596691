//! Enums whose variants have a word: in a column, in a response, in a message or in a setting.

/// Declares an enum. Each line holds a variant and its word, and this is the only list of them.
///
/// ```ignore
/// words! {
///     /// How it ended.
///     pub enum Outcome {
///         Success = "success",
///         Failure = "failure",
///     }
/// }
/// ```
///
/// The enum has `ALL`, the variants in this order, `as_str`, which returns the word, and `parse`, which reads
/// it. Two variants with the same word do not compile. Use a `match` for anything else that differs between
/// variants: it names all of them, so a new variant needs a decision there.
macro_rules! words {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$note])* $variant,)+
        }

        impl $name {
            $vis const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// Returns the word of this variant.
            $vis fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Returns the variant with this word.
            #[deny(unreachable_patterns)]
            $vis fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    words! {
        /// A level.
        enum Level {
            /// The lowest.
            Low = "low",
            VeryHigh = "very_high",
        }
    }

    #[test]
    fn a_variant_and_its_word_are_found_by_each_other() {
        assert_eq!(Level::ALL.map(Level::as_str), ["low", "very_high"]);
        assert_eq!(Level::ALL.map(|level| Level::parse(level.as_str())), Level::ALL.map(Some));
    }

    #[test]
    fn a_word_that_is_almost_the_same_is_not_read() {
        for word in ["", "Low", "low ", "very-high", "very_hig", "VeryHigh"] {
            assert_eq!(Level::parse(word), None, "{word:?}");
        }
    }
}
