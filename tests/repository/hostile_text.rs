//! Text that has broken query builders, and combinations of it.

use std::{collections::BTreeSet, sync::LazyLock};

use crate::sample::Dice;

const FRAGMENTS: [&str; 76] = [
    "'",
    "\"",
    "`",
    "''",
    "\\'",
    "\\",
    "\\\\",
    ";",
    "--",
    "/*",
    "*/",
    "#",
    "\n",
    "\r\n",
    "\t",
    "\u{8}",
    "\0",
    "\u{2019}",
    "\u{2018}",
    "\u{02BC}",
    "\u{FF07}",
    "\u{FF02}",
    "\u{037E}",
    "\u{202E}",
    "\u{FEFF}",
    "\u{1F600}",
    "%",
    "_",
    "%%",
    "$1",
    "$2",
    "$$",
    "$x$",
    ":x",
    "?",
    "@",
    "{}",
    "{0}",
    "(",
    ")",
    "))",
    ",",
    "__",
    "____",
    "__e",
    "__gt",
    "__jsonb_like",
    "name",
    "id",
    "meta",
    "canary",
    "secret",
    "pg_catalog.pg_user",
    "xp_cmdshell",
    "exp_at",
    "or 1=1",
    "' or 'a'='a",
    "union select secret from canary",
    "; drop table canary",
    "; delete from canary",
    "; select pg_sleep(30)",
    "copy canary to program 'id'",
    "::text",
    "::int",
    "#>> '{a}'",
    "@> '{}'",
    "||",
    "!~~",
    "null",
    "true",
    "NaN",
    "infinity",
    "E'\\x27'",
    "U&'\\0027'",
    "1e999999",
    "x'27'",
];

/// 500 different strings: every fragment, joins of two to five, and a few long ones.
pub(crate) static STRINGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut dice = Dice::new(7);
    let mut all: BTreeSet<String> = FRAGMENTS.iter().map(|fragment| (*fragment).to_owned()).collect();
    for fragment in ["'", "%", "\\", "__", "x_p", "(", "é"] {
        all.insert(fragment.repeat(4_999 / fragment.len()));
        all.insert(fragment.repeat(6_000));
    }
    while all.len() < 500 {
        let parts = 2 + dice.below(4);
        let glue = *dice.pick(&["", " ", "__"]);
        all.insert((0..parts).map(|_| *dice.pick(&FRAGMENTS)).collect::<Vec<_>>().join(glue));
    }
    all.into_iter().collect()
});
