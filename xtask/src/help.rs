//! The help of all commands and options.

/// The help of a command or of one of its options.
#[derive(Debug)]
pub struct Help {
    /// For example `queue list` or `queue list --json`.
    pub name: String,
    /// The whole help, with its first line first; empty if there is none.
    pub text: String,
    pub is_command: bool,
}

/// Returns the help of the commands below a command, and of their options.
#[must_use]
pub fn of(command: &clap::Command) -> Vec<Help> {
    let mut found = Vec::new();
    command.get_subcommands().for_each(|command| collect(command, "", &mut found));
    found
}

fn collect(command: &clap::Command, above: &str, found: &mut Vec<Help>) {
    let name = format!("{above}{}", command.get_name());
    let text = command.get_long_about().or_else(|| command.get_about());
    let text = text.map(ToString::to_string).unwrap_or_default();
    found.push(Help { name: name.clone(), text, is_command: true });
    for argument in command.get_arguments() {
        let text = argument.get_long_help().or_else(|| argument.get_help());
        let text = text.map(ToString::to_string).unwrap_or_default();
        let option = argument
            .get_long()
            .map_or_else(|| argument.get_id().to_string().to_uppercase(), |long| format!("--{long}"));
        found.push(Help { name: format!("{name} {option}"), text, is_command: false });
    }
    command.get_subcommands().for_each(|command| collect(command, &format!("{name} "), found));
}
