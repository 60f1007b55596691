//! Every sentence of the mails, in English.

use std::{iter, time::Duration};

use time::OffsetDateTime;

use super::{
    Code, Factor, LinkToken, Template, TextMessage,
    page::{AtLeast, Fact, Page, Sentences, clock},
};

pub(super) struct English;

const IGNORE: &str = "If you did not ask for this, ignore this mail. Nothing happens then.";
const NOT_ME: &str =
    "If this was not you, change your password. This ends all other sessions and revokes all API keys.";
const NOT_ME_RESET: &str =
    "If this was not you, set a new password with \"Forgot password\" and check who can read your mails.";

impl Sentences for English {
    fn greeting(&self) -> String {
        "Hello,".into()
    }

    fn footer(&self, app: &str) -> String {
        format!("This mail was sent automatically by {app}. Replies are not read.")
    }

    fn page(&self, template: &Template, app: &str) -> Page {
        match template {
            Template::Welcome {} => Page::new(format!("Welcome to {app}"))
                .text(format!("your account at {app} is ready."))
                .link(format!("Open {app}")),
            Template::VerifyEmail { token, code } => Page::new(format!("Confirm your e-mail address for {app}"))
                .text(format!("please confirm that this is your e-mail address at {app}."))
                .link("Confirm the address")
                .code_or_none("Or enter this code where you signed up:", code.as_ref())
                .text(times(token, code.as_ref()))
                .text(IGNORE),
            Template::AccountExists {} => Page::new(format!("You already have an account at {app}"))
                .text(format!(
                    "somebody tried to sign up at {app} with your e-mail address or your phone number. You already \
                     have an account, so no second one was created."
                ))
                .text("If it was you, sign in. If you do not know your password, choose \"Forgot password\" there.")
                .link(format!("Open {app}"))
                .text("If it was not you, ignore this mail."),
            Template::ResetPassword { token } => Page::new(format!("Set a new password for {app}"))
                .text(format!("somebody asked to set a new password for your account at {app}."))
                .link("Set a new password")
                .text(times(token, None))
                .text("If you did not ask for this, ignore this mail. Your password stays as it is."),
            Template::PasswordReset {} => Page::new(format!("Your password for {app} was reset"))
                .text(format!(
                    "a new password was set for your account at {app}, with a link that we sent to this address. \
                     All sessions have ended."
                ))
                .text(NOT_ME_RESET),
            Template::PasswordChanged {} => Page::new(format!("Your password for {app} was changed"))
                .text(format!("the password of your account at {app} was changed. All other sessions have ended."))
                .text(NOT_ME_RESET),
            Template::ChangeEmail { account, token, code } => {
                Page::new(format!("Confirm your new e-mail address for {app}"))
                    .text(format!(
                        "the owner of the account {account} at {app} asked to use this e-mail address from now on."
                    ))
                    .link("Confirm the new address")
                    .code_or_none("Or enter this code where you asked for it:", code.as_ref())
                    .text(times(token, code.as_ref()))
                    .text("If this is not your account, ignore this mail. Do not pass on the code.")
            }
            Template::EmailInUse { account } => Page::new(format!("You already use this e-mail address at {app}"))
                .text(format!(
                    "the owner of the account {account} at {app} asked to use this e-mail address from now on. You \
                     already have an account with this address, so nothing was changed."
                ))
                .text("If both accounts are yours, give the other one a different address first.")
                .text("If it was not you, ignore this mail."),
            Template::EmailChanged { new, token } => Page::new(format!("Your e-mail address at {app} was changed"))
                .text(format!("your account at {app} now has the e-mail address {new} instead of this one."))
                .text(format!(
                    "If this was not you, take your account back within {}. This restores your address, removes \
                     the password, and ends all sessions.",
                    duration(token.valid)
                ))
                .link("Take my account back"),
            Template::EmailRestored {} => Page::new(format!("An e-mail address at {app} was restored"))
                .text(format!(
                    "an account at {app} has its previous e-mail address again. Its password was removed and all \
                     its sessions have ended. To sign in, set a new password with \"Forgot password\"."
                )),
            Template::SignIn { token, code } => Page::new(format!("Sign in to {app}"))
                .text(format!("somebody asked to sign in to {app} with this e-mail address."))
                .link("Sign in")
                .code_or_none("Or enter this code where you want to sign in:", code.as_ref())
                .text(times(token, code.as_ref()))
                .text("Never tell anybody this code. If it was not you, ignore this mail."),
            Template::StepUp { code } => Page::new(format!("Your code for {app}"))
                .text(format!("enter this code at {app} to show that it is you:"))
                .code(code)
                .text(format!("It is valid for {}. Never tell anybody this code.", duration(code.valid)))
                .text(NOT_ME_RESET),
            Template::DeletionRequested { token: _, at } => Page::new(format!("Your account at {app} will be deleted"))
                .text(format!(
                    "you asked to delete your account at {app}. It is closed now, and it will be deleted on {}. \
                     Until then you can restore it.",
                    moment(*at)
                ))
                .link("Keep my account")
                .text("If this was not you, restore the account and set a new password."),
            Template::NewDevice { address, at } => Page::new(format!("New sign-in to {app}"))
                .text(format!("somebody signed in to your account at {app} from a new place."))
                .facts(
                    iter::once(("When".into(), Fact::Ours(moment(*at))))
                        .chain(address.map(|address| ("Network address".into(), Fact::Ours(address.to_string()))))
                        .collect(),
                )
                .text(NOT_ME),
            Template::FactorAdded { factor } => Page::new(format!("Your sign-in to {app} was changed"))
                .text(format!("{} for your account at {app}.", added(*factor)))
                .text(NOT_ME),
            Template::FactorRemoved { factor } => Page::new(format!("Your sign-in to {app} was changed"))
                .text(format!("{} from your account at {app}.", removed(*factor)))
                .text(NOT_ME),
            Template::FactorFailures {} => Page::new(format!("Somebody may know your password for {app}"))
                .text(format!(
                    "somebody entered the right password for your account at {app} and then several wrong codes. \
                     We now accept only a few codes a day until you sign in."
                ))
                .text("If this was not you, change your password now."),
            Template::SessionReused {} => Page::new(format!("You have been signed out of {app} on one device"))
                .text(format!(
                    "somebody used an old sign-in of yours at {app} a second time. It may have been copied, so we \
                     have ended that session. Your other sessions stay signed in."
                ))
                .text(NOT_ME),
            Template::SignInSlowed {} => Page::new(format!("Many failed sign-ins to your account at {app}"))
                .text(format!(
                    "somebody has tried many wrong passwords for your account at {app}. We now accept only a few \
                     attempts a minute from places where you have not signed in before. If the attempts came from \
                     places where you signed in recently, we limit these places instead. Devices that are signed in \
                     are not affected."
                ))
                .text(
                    "You do not need to do anything. If you use the same password elsewhere, change it. If you \
                     change it, we also forget the places where you have signed in.",
                ),
            Template::ApiKeyCreated { key, name } => {
                let name = name.clone().map(|name| ("Name, as it was typed".into(), Fact::Typed(name)));
                let key = key.as_ref().map(|key| ("Id".into(), Fact::Ours(key.as_str().into())));
                Page::new(format!("A new API key for your account at {app}"))
                    .text(format!("somebody who was signed in as you created an API key for your account at {app}."))
                    .facts(name.into_iter().chain(key).collect())
                    .text(NOT_ME)
            }
        }
    }

    fn text_message(&self, text: &TextMessage, app: &str) -> String {
        match text {
            TextMessage::SignIn { code } => format!(
                "is your code to sign in to {app}. Valid for {}. Never tell it to anybody.",
                duration(code.valid)
            ),
            TextMessage::ConfirmPhone { code } => format!(
                "is your code to confirm this number at {app}. Valid for {}. Never tell it to anybody.",
                duration(code.valid)
            ),
            TextMessage::AccountExists => format!(
                "You already have an account at {app}. Sign in with this number. If you did not sign up, ignore this."
            ),
        }
    }
}

fn added(factor: Factor) -> &'static str {
    match factor {
        Factor::App => "an authenticator app was set up",
        Factor::RecoveryCodes => "new recovery codes were made",
        Factor::Passkey => "a passkey was added",
        Factor::Phone => "a phone number was added",
    }
}

fn removed(factor: Factor) -> &'static str {
    match factor {
        Factor::App => "the authenticator app was removed",
        Factor::RecoveryCodes => "the recovery codes were removed",
        Factor::Passkey => "a passkey was removed",
        Factor::Phone => "the phone number was removed",
    }
}

/// Says how long the link and the code are valid.
fn times(token: &LinkToken, code: Option<&Code>) -> String {
    let link = duration(token.valid);
    match code.map(|code| duration(code.valid)) {
        None => format!("The link is valid for {link}."),
        Some(code) if code == link => format!("Link and code are valid for {link}."),
        Some(code) => format!("The link is valid for {link}, the code for {code}."),
    }
}

fn duration(time: Duration) -> String {
    let (number, unit) = match AtLeast::of(time) {
        AtLeast::Days(days) => (days, "day"),
        AtLeast::Hours(hours) => (hours, "hour"),
        AtLeast::Minutes(minutes) => (minutes, "minute"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!("{} {} {} at {} UTC", at.day(), at.month(), at.year(), clock(at))
}
