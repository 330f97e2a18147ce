//! The `options` start-up parameter: arguments as on the command line of PostgreSQL's server process.

use peristyle_sql::{SqlError, SqlState};

/// Settings in `-c name=value`, `-cname=value` and `--name=value`, in order. Arguments are cut at white space; a
/// backslash takes the next character as it is. Anything else is 42601.
pub(crate) fn split_options(options: &str) -> Result<Vec<(String, String)>, SqlError> {
    let mut arguments = arguments(options).into_iter();
    let mut settings = Vec::new();
    while let Some(argument) = arguments.next() {
        let setting = match (argument.strip_prefix("-c"), argument.strip_prefix("--")) {
            (Some(""), _) => arguments.next().ok_or_else(|| invalid(&argument))?,
            (Some(setting), _) => setting.to_owned(),
            (None, Some(setting)) => setting.to_owned(),
            (None, None) => return Err(invalid(&argument)),
        };
        let (name, value) =
            setting.split_once('=').ok_or_else(|| SqlError::syntax(format!("-c {setting} requires a value")))?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn invalid(argument: &str) -> SqlError {
    SqlError::new(SqlState::SYNTAX_ERROR, format!("invalid command-line argument for server process: {argument}"))
}

fn arguments(options: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut argument: Option<String> = None;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            c if c.is_ascii_whitespace() => found.extend(argument.take()),
            '\\' => argument.get_or_insert_default().extend(characters.next()),
            c => argument.get_or_insert_default().push(c),
        }
    }
    found.extend(argument);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(options: &str) -> Vec<(String, String)> {
        split_options(options).unwrap()
    }

    #[test]
    fn each_way_of_naming_a_setting_is_read() {
        let expected = [("a", "1"), ("b.c", "x y"), ("statement_timeout", "5s"), ("d", "\\=")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(split("  -c a=1 -cb.c=x\\ y\t--statement-timeout=5s -c d=\\\\= "), expected);
        assert_eq!(split(""), []);
    }

    #[test]
    fn other_arguments_are_errors() {
        for options in ["-d 5", "-c", "-c a", "a=1"] {
            assert_eq!(split_options(options).unwrap_err().code, SqlState::SYNTAX_ERROR, "{options}");
        }
    }
}
