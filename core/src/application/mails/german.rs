//! Every sentence of the mails, in German.

use std::{iter, time::Duration};

use time::{Month, OffsetDateTime};

use super::{
    Code, Factor, LinkToken, Template, TextMessage,
    page::{AtLeast, Fact, Page, Sentences, clock},
};

pub(super) struct German;

const IGNORE: &str =
    "Wenn Sie das nicht angefordert haben, ignorieren Sie diese Mail. Dann geschieht nichts.";
const NOT_ME: &str = "Wenn Sie das nicht waren, ändern Sie Ihr Passwort. Damit enden alle anderen Sitzungen und alle API-Schlüssel.";
const NOT_ME_RESET: &str = "Wenn Sie das nicht waren, setzen Sie mit „Passwort vergessen“ ein neues Passwort und prüfen Sie, wer Ihre Mails lesen kann.";

impl Sentences for German {
    fn greeting(&self) -> String {
        "Guten Tag,".into()
    }

    fn footer(&self, app: &str) -> String {
        format!("Diese Mail wurde automatisch von {app} verschickt. Antworten werden nicht gelesen.")
    }

    fn page(&self, template: &Template, app: &str) -> Page {
        match template {
            Template::Welcome {} => Page::new(format!("Willkommen bei {app}"))
                .text(format!("Ihr Konto bei {app} ist bereit."))
                .link(format!("{app} öffnen")),
            Template::VerifyEmail { token, code } => {
                Page::new(format!("Bestätigen Sie Ihre E-Mail-Adresse für {app}"))
                    .text(format!("bitte bestätigen Sie, dass dies Ihre E-Mail-Adresse bei {app} ist."))
                    .link("Adresse bestätigen")
                    .code_or_none(
                        "Oder geben Sie diesen Code dort ein, wo Sie sich registriert haben:",
                        code.as_ref(),
                    )
                    .text(times(token, code.as_ref()))
                    .text(IGNORE)
            }
            Template::AccountExists {} => Page::new(format!("Sie haben schon ein Konto bei {app}"))
                .text(format!(
                    "jemand wollte sich mit Ihrer E-Mail-Adresse oder Ihrer Telefonnummer bei {app} registrieren. Sie \
                     haben schon ein Konto, darum wurde kein zweites angelegt."
                ))
                .text(
                    "Wenn Sie das waren, melden Sie sich an. Wenn Sie Ihr Passwort nicht kennen, wählen Sie dort \
                     „Passwort vergessen“.",
                )
                .link(format!("{app} öffnen"))
                .text("Wenn Sie das nicht waren, ignorieren Sie diese Mail."),
            Template::ResetPassword { token } => Page::new(format!("Neues Passwort für {app}"))
                .text(format!("jemand möchte ein neues Passwort für Ihr Konto bei {app} setzen."))
                .link("Neues Passwort setzen")
                .text(times(token, None))
                .text("Wenn Sie das nicht angefordert haben, ignorieren Sie diese Mail. Ihr Passwort bleibt, wie es ist."),
            Template::PasswordReset {} => Page::new(format!("Ihr Passwort für {app} wurde zurückgesetzt"))
                .text(format!(
                    "für Ihr Konto bei {app} wurde ein neues Passwort gesetzt, mit einem Link, den wir an \
                     diese Adresse geschickt haben. Alle Sitzungen sind beendet."
                ))
                .text(NOT_ME_RESET),
            Template::PasswordChanged {} => Page::new(format!("Ihr Passwort für {app} wurde geändert"))
                .text(format!("das Passwort Ihres Kontos bei {app} wurde geändert. Alle anderen Sitzungen sind beendet."))
                .text(NOT_ME_RESET),
            Template::ChangeEmail { account, token, code } => {
                Page::new(format!("Bestätigen Sie Ihre neue E-Mail-Adresse für {app}"))
                    .text(format!(
                        "wem das Konto {account} bei {app} gehört, möchte von nun an diese E-Mail-Adresse verwenden."
                    ))
                    .link("Neue Adresse bestätigen")
                    .code_or_none("Oder geben Sie diesen Code dort ein, wo Sie ihn angefordert haben:", code.as_ref())
                    .text(times(token, code.as_ref()))
                    .text("Wenn das nicht Ihr Konto ist, ignorieren Sie diese Mail. Geben Sie den Code nicht weiter.")
            }
            Template::EmailInUse { account } => {
                Page::new(format!("Sie verwenden diese E-Mail-Adresse bei {app} schon"))
                    .text(format!(
                        "wem das Konto {account} bei {app} gehört, möchte von nun an diese E-Mail-Adresse verwenden. \
                         Sie haben mit dieser Adresse schon ein Konto. Deshalb wurde nichts geändert."
                    ))
                    .text("Wenn beide Konten Ihnen gehören, geben Sie zuerst dem anderen eine andere Adresse.")
                    .text("Wenn Sie das nicht waren, ignorieren Sie diese Mail.")
            }
            Template::EmailChanged { new, token } => {
                Page::new(format!("Ihre E-Mail-Adresse bei {app} wurde geändert"))
                    .text(format!("Ihr Konto bei {app} hat jetzt die E-Mail-Adresse {new} statt dieser."))
                    .text(format!(
                        "Wenn Sie das nicht waren, können Sie sich Ihr Konto zurückholen, noch {} lang. Damit gilt \
                         wieder diese Adresse, das Passwort wird entfernt, und alle Sitzungen enden.",
                        duration(token.valid)
                    ))
                    .link("Mein Konto zurückholen")
            }
            Template::EmailRestored {} => Page::new(format!("Eine E-Mail-Adresse bei {app} gilt wieder"))
                .text(format!(
                    "ein Konto bei {app} hat wieder seine frühere E-Mail-Adresse. Sein Passwort wurde entfernt, und \
                     alle seine Sitzungen sind beendet. Setzen Sie mit „Passwort vergessen“ ein neues Passwort, um \
                     sich anzumelden."
                )),
            Template::SignIn { token, code } => Page::new(format!("Anmeldung bei {app}"))
                .text(format!("jemand möchte sich mit dieser E-Mail-Adresse bei {app} anmelden."))
                .link("Anmelden")
                .code_or_none("Oder geben Sie diesen Code dort ein, wo Sie sich anmelden möchten:", code.as_ref())
                .text(times(token, code.as_ref()))
                .text("Nennen Sie niemandem diesen Code. Wenn Sie das nicht waren, ignorieren Sie diese Mail."),
            Template::StepUp { code } => Page::new(format!("Ihr Code für {app}"))
                .text(format!("geben Sie diesen Code bei {app} ein, um zu zeigen, dass Sie es sind:"))
                .code(code)
                .text(format!("Er gilt {}. Nennen Sie niemandem diesen Code.", duration(code.valid)))
                .text(NOT_ME_RESET),
            Template::DeletionRequested { token: _, at } => Page::new(format!("Ihr Konto bei {app} wird gelöscht"))
                .text(format!(
                    "Sie möchten Ihr Konto bei {app} löschen. Es ist jetzt geschlossen und wird am {} gelöscht. Bis \
                     dahin können Sie es wiederherstellen.",
                    moment(*at)
                ))
                .link("Mein Konto behalten")
                .text("Wenn Sie das nicht waren, stellen Sie das Konto wieder her und setzen Sie ein neues Passwort."),
            Template::NewDevice { address, at } => Page::new(format!("Neue Anmeldung bei {app}"))
                .text(format!("jemand hat sich von einem neuen Ort aus in Ihrem Konto bei {app} angemeldet."))
                .facts(
                    iter::once(("Wann".into(), Fact::Ours(moment(*at))))
                        .chain(address.map(|address| ("Netzadresse".into(), Fact::Ours(address.to_string()))))
                        .collect(),
                )
                .text(NOT_ME),
            Template::FactorAdded { factor } => Page::new(format!("Ihre Anmeldung bei {app} wurde geändert"))
                .text(format!("für Ihr Konto bei {app} {}.", added(*factor)))
                .text(NOT_ME),
            Template::FactorRemoved { factor } => Page::new(format!("Ihre Anmeldung bei {app} wurde geändert"))
                .text(format!("aus Ihrem Konto bei {app} {}.", removed(*factor)))
                .text(NOT_ME),
            Template::FactorFailures {} => Page::new(format!("Jemand kennt vielleicht Ihr Passwort für {app}"))
                .text(format!(
                    "jemand hat das richtige Passwort für Ihr Konto bei {app} eingegeben und danach mehrere falsche \
                     Codes. Bis Sie sich anmelden, nehmen wir nur noch wenige Codes am Tag an."
                ))
                .text("Wenn Sie das nicht waren, ändern Sie jetzt Ihr Passwort."),
            Template::SessionReused {} => Page::new(format!("Sie wurden auf einem Gerät von {app} abgemeldet"))
                .text(format!(
                    "jemand hat eine alte Anmeldung von Ihnen bei {app} ein zweites Mal benutzt. Sie könnte kopiert \
                     worden sein, darum haben wir diese Sitzung beendet. Ihre anderen Sitzungen bleiben bestehen."
                ))
                .text(NOT_ME),
            Template::SignInSlowed {} => Page::new(format!("Viele erfolglose Anmeldungen bei {app}"))
                .text(format!(
                    "jemand hat viele falsche Passwörter für Ihr Konto bei {app} probiert. Von Orten, an denen Sie \
                     sich noch nie angemeldet haben, nehmen wir jetzt nur noch wenige Versuche in der Minute an. Wenn \
                     die Versuche von Orten kamen, an denen Sie sich kürzlich angemeldet haben, begrenzen wir \
                     stattdessen diese. Angemeldete Geräte sind nicht betroffen."
                ))
                .text(
                    "Sie müssen nichts tun. Wenn Sie dasselbe Passwort auch anderswo benutzen, ändern Sie es. Dann \
                     vergessen wir auch die Orte, an denen Sie sich angemeldet haben.",
                ),
            Template::ApiKeyCreated { key, name } => {
                let name = name.clone().map(|name| ("Name, wie er eingegeben wurde".into(), Fact::Typed(name)));
                let key = key.as_ref().map(|key| ("Kennung".into(), Fact::Ours(key.as_str().into())));
                Page::new(format!("Ein neuer API-Schlüssel für Ihr Konto bei {app}"))
                    .text(format!("jemand, der als Sie angemeldet war, hat einen API-Schlüssel für Ihr Konto bei {app} erzeugt."))
                    .facts(name.into_iter().chain(key).collect())
                    .text(NOT_ME)
            }
        }
    }

    fn text_message(&self, text: &TextMessage, app: &str) -> String {
        match text {
            TextMessage::SignIn { code } => format!(
                "ist Ihr Code, um sich bei {app} anzumelden. Gültig für {}. Geben Sie ihn niemandem weiter.",
                duration(code.valid)
            ),
            TextMessage::ConfirmPhone { code } => format!(
                "ist Ihr Code, um diese Nummer bei {app} zu bestätigen. Gültig für {}. Geben Sie ihn niemandem weiter.",
                duration(code.valid)
            ),
            TextMessage::AccountExists => format!(
                "Sie haben schon ein Konto bei {app}. Melden Sie sich mit dieser Nummer an. Waren Sie das nicht, \
                 ignorieren Sie dies."
            ),
        }
    }
}

fn added(factor: Factor) -> &'static str {
    match factor {
        Factor::App => "wurde eine Authenticator-App eingerichtet",
        Factor::RecoveryCodes => "wurden neue Wiederherstellungscodes erzeugt",
        Factor::Passkey => "wurde ein Passkey hinzugefügt",
        Factor::Phone => "wurde eine Telefonnummer hinzugefügt",
    }
}

fn removed(factor: Factor) -> &'static str {
    match factor {
        Factor::App => "wurde die Authenticator-App entfernt",
        Factor::RecoveryCodes => "wurden die Wiederherstellungscodes entfernt",
        Factor::Passkey => "wurde ein Passkey entfernt",
        Factor::Phone => "wurde die Telefonnummer entfernt",
    }
}

/// Says how long the link and the code are valid.
fn times(token: &LinkToken, code: Option<&Code>) -> String {
    let link = duration(token.valid);
    match code.map(|code| duration(code.valid)) {
        None => format!("Der Link gilt {link}."),
        Some(code) if code == link => format!("Link und Code gelten {link}."),
        Some(code) => format!("Der Link gilt {link}, der Code {code}."),
    }
}

fn duration(time: Duration) -> String {
    match AtLeast::of(time) {
        AtLeast::Days(days) => format!("{days} Tage"),
        AtLeast::Hours(hours) => format!("{hours} Stunden"),
        AtLeast::Minutes(1) => "1 Minute".into(),
        AtLeast::Minutes(minutes) => format!("{minutes} Minuten"),
    }
}

fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let month = match at.month() {
        Month::January => "Januar",
        Month::February => "Februar",
        Month::March => "März",
        Month::April => "April",
        Month::May => "Mai",
        Month::June => "Juni",
        Month::July => "Juli",
        Month::August => "August",
        Month::September => "September",
        Month::October => "Oktober",
        Month::November => "November",
        Month::December => "Dezember",
    };
    format!("{}. {month} {} um {} Uhr (UTC)", at.day(), at.year(), clock(at))
}
