//! Whether events go by SQS or by Kafka, and where Kafka is.

use std::{net::Ipv4Addr, sync::Arc};

use super::{Login, reader::Reader};
use crate::domain::mask::Secret;

/// The service that carries events. Tasks always use SQS, because a topic has no delays and no retry of one
/// record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsBus {
    /// The function that wrote an event sends it right after the commit.
    Sqs,
    /// A separate relay sends the events. No other function connects to Kafka or waits for it.
    Kafka,
}

#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port` of some of the brokers; these name the others.
    pub servers: Vec<String>,
    pub topic: String,
    pub security: KafkaSecurity,
}

#[derive(Debug, Clone)]
pub enum KafkaSecurity {
    /// Neither encrypted nor logged in: on this machine only.
    Plain,
    /// TLS, and a login by SASL/SCRAM-SHA-512.
    Scram {
        login: Login,
        /// The certificates (PEM) that may sign the brokers'. `None`: Amazon's.
        ssl_root_cert: Option<Arc<str>>,
    },
}

pub(super) fn bus(env: &mut Reader<'_>) -> EventsBus {
    let words = [("sqs", EventsBus::Sqs), ("kafka", EventsBus::Kafka)];
    env.choice("EVENTS_BUS", Some(EventsBus::Sqs), &words).unwrap_or(EventsBus::Sqs)
}

pub(super) fn read(env: &mut Reader<'_>, bus: EventsBus, prod: bool) -> KafkaConfig {
    if bus != EventsBus::Kafka {
        env.wrong("EVENTS_BUS", "must be `kafka`: this function only sends events to Kafka");
    }
    let servers: Vec<String> =
        env.text("KAFKA_BOOTSTRAP_SERVERS").split(',').map(|server| server.trim().to_owned()).collect();
    if !servers.iter().all(|server| is_server(server)) && servers != [""] {
        env.wrong("KAFKA_BOOTSTRAP_SERVERS", "must be host:port, or several of these separated by commas");
    }
    let topic = env.text("KAFKA_TOPIC");
    if topic.len() > 249 || !topic.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    {
        env.wrong("KAFKA_TOPIC", "must be up to 249 letters, digits, dots, underscores and hyphens");
    }
    let plain =
        env.choice("KAFKA_SECURITY_PROTOCOL", Some(false), &[("SASL_SSL", false), ("PLAINTEXT", true)]);
    let security = if plain == Some(true) {
        if prod || !servers.iter().all(|server| is_here(server)) {
            env.wrong(
                "KAFKA_SECURITY_PROTOCOL",
                "must be SASL_SSL in PROD and for brokers on other machines",
            );
        }
        KafkaSecurity::Plain
    } else {
        KafkaSecurity::Scram {
            login: login(env, prod),
            ssl_root_cert: env.certificates("KAFKA_SSL_ROOT_CERT"),
        }
    };
    KafkaConfig { servers, topic, security }
}

fn login(env: &mut Reader<'_>, prod: bool) -> Login {
    if let Some(arn) = env.optional("KAFKA_SECRET_ARN") {
        return Login::Stored(arn);
    }
    if prod {
        env.wrong("KAFKA_SECRET_ARN", "is missing: in PROD user and password come from Secrets Manager");
    }
    Login::Inline { user: env.text("KAFKA_USERNAME"), password: Secret::new(env.text("KAFKA_PASSWORD")) }
}

fn is_server(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn is_here(server: &str) -> bool {
    let host = server.split(':').next().unwrap_or_default();
    host == "localhost" || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SASL: &[(&str, &str)] = &[
        ("KAFKA_BOOTSTRAP_SERVERS", "b-1.example.com:9096,b-2.example.com:9096"),
        ("KAFKA_TOPIC", "app-events"),
        ("KAFKA_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AmazonMSK_a-AbCdEf"),
    ];
    const PLAIN: &[(&str, &str)] = &[
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092,127.0.0.1:9093"),
        ("KAFKA_TOPIC", "events"),
        ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
    ];

    /// The configuration, and all that is wrong with it.
    fn config(bus: EventsBus, prod: bool, variables: &[&[(&str, &str)]]) -> (KafkaConfig, String) {
        let all = variables.concat();
        let variable = |key: &str| {
            all.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| (*value).to_owned())
        };
        let mut env = Reader::new(&variable);
        let config = read(&mut env, bus, prod);
        (config, env.finish().err().map(|error| error.to_string()).unwrap_or_default())
    }

    #[test]
    fn brokers_are_reached_over_tls_with_a_login_or_are_on_this_machine() {
        let (good, faults) = config(EventsBus::Kafka, true, &[SASL]);
        assert_eq!(faults, "");
        assert_eq!((good.servers.len(), &*good.topic), (2, "app-events"));
        assert!(matches!(good.security, KafkaSecurity::Scram { login: Login::Stored(_), .. }), "{good:?}");
        let (here, faults) = config(EventsBus::Kafka, false, &[PLAIN]);
        assert_eq!(faults, "");
        assert!(matches!(here.security, KafkaSecurity::Plain));

        let protocol = "KAFKA_SECURITY_PROTOCOL must be SASL_SSL";
        assert!(config(EventsBus::Kafka, true, &[PLAIN]).1.contains(protocol));
        for elsewhere in ["b.example.com:9092", "127.0.0.1.example.com:9092", "localhost:9092,10.0.0.7:9092"]
        {
            let moved = &[("KAFKA_BOOTSTRAP_SERVERS", elsewhere)];
            assert!(config(EventsBus::Kafka, false, &[PLAIN, moved]).1.contains(protocol), "{elsewhere}");
        }
        let nobody = &[("KAFKA_SECRET_ARN", "")];
        let inline = &[("KAFKA_USERNAME", "app"), ("KAFKA_PASSWORD", "hunter2")];
        let (given, faults) = config(EventsBus::Kafka, false, &[SASL, nobody, inline]);
        assert!(faults.is_empty() && !format!("{given:?}").contains("hunter2"), "{faults} {given:?}");
        let faults = config(EventsBus::Kafka, true, &[SASL, nobody, inline]).1;
        assert!(faults.contains("KAFKA_SECRET_ARN is missing"), "{faults}");
    }

    #[test]
    fn every_fault_is_named() {
        let faults = config(EventsBus::Sqs, false, &[]).1;
        for key in [
            "EVENTS_BUS must be `kafka`",
            "KAFKA_BOOTSTRAP_SERVERS",
            "KAFKA_TOPIC",
            "KAFKA_USERNAME",
            "KAFKA_PASSWORD",
        ] {
            assert!(faults.contains(key), "{key}: {faults}");
        }
        for (key, value) in [
            ("KAFKA_BOOTSTRAP_SERVERS", "b.example.com"),
            ("KAFKA_BOOTSTRAP_SERVERS", "b.example.com:0"),
            ("KAFKA_BOOTSTRAP_SERVERS", "kafka://b.example.com:9092"),
            ("KAFKA_BOOTSTRAP_SERVERS", "b.example.com:9092,,"),
            ("KAFKA_TOPIC", "events here"),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
            ("KAFKA_SSL_ROOT_CERT", "/nowhere.pem"),
        ] {
            let faults = config(EventsBus::Kafka, true, &[SASL, &[(key, value)]]).1;
            assert!(faults.contains(key), "{key}={value}: {faults}");
        }
    }
}
