//! Reads a script of psql, as far as migrations/roles.sql uses it: variables, conditions and `\gset`.

use std::collections::BTreeMap;

use crate::domain::{Error, Result};

/// Returns the SQL of a script with these variables.
///
/// # Errors
/// `Internal` naming a line that is not understood, or a variable that is not set.
pub(super) fn rendered(script: &str, variables: Vec<(String, String)>) -> Result<String> {
    let mut variables: BTreeMap<String, String> = variables.into_iter().collect();
    let mut conditions: Vec<bool> = Vec::new();
    let mut sql = String::with_capacity(script.len());
    for (number, line) in script.lines().enumerate() {
        let at = |problem: String| Error::internal(format!("roles.sql, line {}: {problem}", number + 1));
        let is_active = conditions.iter().all(|holds| *holds);
        let Some(command) = line.trim_start().strip_prefix('\\') else {
            if is_active {
                match line.strip_suffix(" \\gset") {
                    Some(query) => sql += &(filled(query, &variables).map_err(at)? + ";"),
                    None => sql += &filled(line, &variables).map_err(at)?,
                }
                sql.push('\n');
            }
            continue;
        };
        match command.split_whitespace().collect::<Vec<_>>()[..] {
            ["if", asked] => {
                let name = asked.strip_prefix(":{?").and_then(|name| name.strip_suffix('}'));
                let name = name.ok_or_else(|| at(format!("`{asked}` is no question for a variable")))?;
                conditions.push(variables.contains_key(name));
            }
            ["else"] => {
                let holds = conditions.last_mut().ok_or_else(|| at("`else` without `if`".into()))?;
                *holds = !*holds;
            }
            ["endif"] => {
                conditions.pop().ok_or_else(|| at("`endif` without `if`".into()))?;
            }
            ["set", name, value] => {
                if is_active {
                    variables.insert(name.to_owned(), value.to_owned());
                }
            }
            _ => return Err(at(format!("`\\{command}` is not understood"))),
        }
    }
    if conditions.is_empty() { Ok(sql) } else { Err(Error::internal("roles.sql: an `if` has no `endif`")) }
}

/// Replaces `:'name'` by the value as a text of SQL, and `:"name"` by the value as a name.
fn filled(line: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut sql = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(place) = rest.find(":'").into_iter().chain(rest.find(":\"")).min() {
        let quote = char::from(rest.as_bytes()[place + 1]);
        let (before, after) = (&rest[..place], &rest[place + 2..]);
        sql += before;
        let (name, after) = after.split_once(quote).ok_or_else(|| format!("a {quote} is missing"))?;
        let value = variables.get(name).ok_or_else(|| format!("the variable {name} is not set"))?;
        sql.push(quote);
        sql += &value.replace(quote, &format!("{quote}{quote}"));
        sql.push(quote);
        rest = after;
    }
    Ok(sql + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(script: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        rendered(script, variables.collect()).map_err(|error| error.chain())
    }

    #[test]
    fn conditions_and_variables_are_those_of_psql() {
        let script = "\\set ON_ERROR_STOP on\n\\if :{?a}\n\\else\n    \\set a no\n\\endif\n\
                      select :'a', x::text, :\"b\" \\gset\n\\if :{?c}\nnever :'c'\n\\else\nalways\n\\endif\n";
        let given = [("a", "it's"), ("b", "two \"words\"")];
        assert_eq!(
            render(script, &given),
            Ok("select 'it''s', x::text, \"two \"\"words\"\"\";\nalways\n".into())
        );
        assert_eq!(render(script, &given[1..]).map(|sql| sql.contains("'no'")), Ok(true));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (script, problem) in [
            ("\n\\copy a", "line 2: `\\copy a` is not understood"),
            ("\\if yes", "`yes` is no question for a variable"),
            ("select :'lost'", "the variable lost is not set"),
            ("select :'lost", "a ' is missing"),
            ("\\else", "`else` without `if`"),
            ("\\if :{?a}", "an `if` has no `endif`"),
        ] {
            let error = render(script, &[]).expect_err(script);
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn the_script_of_the_roles_needs_no_password_and_takes_each() {
        let script = super::super::SCRIPT;
        let without = render(script, &[("DBNAME", "app")]).expect("it is understood");
        assert!(!without.contains(" login password '") && !without.contains("\\gset"));
        assert!(!without.lines().any(|line| line.trim_start().starts_with('\\')));
        let iam = render(script, &[("DBNAME", "app"), ("iam", "yes")]).expect("it is understood");
        assert!(iam.contains("grant rds_iam to") && !iam.contains("revoke rds_iam"));
        assert!(!without.contains("grant rds_iam to") && without.contains("revoke rds_iam"));
        for role in ["migrator", "app", "operations"] {
            let variable = format!("{role}_password");
            let with = render(script, &[("DBNAME", "app"), (&variable, "SCRAM")]).expect("understood");
            assert_eq!(with.matches(" login password 'SCRAM';").count(), 1, "{role}");
            assert!(with.contains(&format!("alter role {role} with login password 'SCRAM';")));
        }
    }
}
