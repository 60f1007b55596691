//! Text messages by Amazon SNS: the one call `Publish`, without the SDK's client (see docs/decisions/0100).

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use futures_util::{FutureExt, future::BoxFuture};
use hyper_util::client::legacy::Client;

use super::{Sms, SmsSender};
use crate::{
    config::AwsConfig,
    domain::{Error, Result, clock::Clock},
    infrastructure::aws::{Https, connector, percent_encoded, signed},
    telemetry::Span,
};

const TIMEOUT: Duration = Duration::from_secs(5);
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

pub struct SnsSender {
    aws: AwsConfig,
    client: Client<Https, SdkBody>,
    clock: Arc<dyn Clock>,
}

impl SnsSender {
    /// # Errors
    /// `Internal` when the embedded roots cannot be used.
    pub fn new(aws: AwsConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { aws, client: connector()?, clock })
    }

    fn url(&self) -> String {
        match &self.aws.endpoint_url {
            Some(url) => format!("{}/", url.trim_end_matches('/')),
            None => format!("https://sns.{}.amazonaws.com/", self.aws.region),
        }
    }

    async fn publish(&self, sms: &Sms) -> Result<()> {
        let request = self.sign(form(sms), self.clock.now().into())?;
        let request = request.try_into_http1x().map_err(Error::internal)?;
        let response = self.client.request(request).await;
        let response = response.map_err(|error| Error::unavailable("sms", error))?;
        if response.status().is_success() {
            return Ok(());
        }
        let body = ByteStream::new(SdkBody::from_body_1_x(response.into_body())).collect().await;
        let body = body.map_err(|error| Error::unavailable("sms", error))?.into_bytes();
        Err(refusal(&String::from_utf8_lossy(&body)))
    }

    /// Returns the request with its signature (AWS Signature Version 4).
    fn sign(&self, body: String, now: SystemTime) -> Result<Request> {
        let url = self.url();
        let headers = [("content-type", FORM)].into_iter();
        let signable = SignableRequest::new("POST", &url, headers, SignableBody::Bytes(body.as_bytes()));
        let settings = SigningSettings::default();
        let instructions = signed(&self.aws, "sns", signable.map_err(Error::internal)?, settings, now)?;
        let mut request = Request::new(SdkBody::from(body));
        request.set_method("POST").map_err(Error::internal)?;
        request.set_uri(url).map_err(Error::internal)?;
        request.headers_mut().insert("content-type", FORM);
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

impl fmt::Debug for SnsSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsSender").field("aws", &self.aws).finish_non_exhaustive()
    }
}

impl SmsSender for SnsSender {
    fn send<'a>(&'a self, sms: &'a Sms) -> BoxFuture<'a, Result<()>> {
        async move {
            let span = Span::call(|| "send text message".to_owned());
            let sent = tokio::time::timeout(TIMEOUT, self.publish(sms)).await;
            let outcome = sent.unwrap_or_else(|late| Err(Error::unavailable("sms", late)));
            span.end(&outcome);
            outcome
        }
        .boxed()
    }
}

/// Returns the form of the call. Carriers deliver a transactional message before advertising.
fn form(sms: &Sms) -> String {
    let fields = [
        ("Action", "Publish"),
        ("Version", "2010-03-31"),
        ("PhoneNumber", sms.to.as_str()),
        ("Message", sms.text()),
        ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
    ];
    fields.map(|(name, value)| format!("{name}={}", percent_encoded(value))).join("&")
}

/// Returns the error of a response that is no success. Its text may quote the number, so only the code is read.
fn refusal(body: &str) -> Error {
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map_or("no code", |(code, _)| code);
    let is_plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    match code {
        // The number cannot exist, or its owner has asked not to get messages.
        "InvalidParameter" | "InvalidParameterValue" | "OptedOut" => {
            Error::invalid(Error::RECIPIENT, "refused")
        }
        code if is_plain => Error::unavailable("sms", format!("SNS refused with {code}")),
        _ => Error::unavailable("sms", "SNS refused"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use ring::{digest, hmac};

    use super::*;
    use crate::{
        domain::{clock::SystemClock, mask::Secret, users::Phone},
        infrastructure::security::hex,
    };

    fn sender(endpoint_url: Option<&str>) -> SnsSender {
        let aws = AwsConfig {
            region: "eu-central-1".into(),
            endpoint_url: endpoint_url.map(str::to_owned),
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            session_token: Some(Secret::new("a session".into())),
        };
        SnsSender::new(aws, Arc::new(SystemClock)).expect("the embedded roots are good")
    }

    fn sms() -> Sms {
        Sms::new(Phone::parse("+4915123456789").expect("a number"), "12345678 für APP & Co?".into())
    }

    fn mac(key: &[u8], text: &str) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    }

    /// Computes the signature as the documentation of AWS describes it, from the request that is sent.
    #[test]
    fn the_signature_is_the_one_that_aws_computes_for_this_request() {
        let sender = sender(None);
        let now = UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let request = sender.sign(form(&sms()), now).expect("a request");
        assert_eq!(request.uri(), "https://sns.eu-central-1.amazonaws.com/");
        let header = |name: &str| request.headers().get(name).expect(name).to_owned();
        let (date, day) = (header("x-amz-date"), "20300101");
        assert_eq!(date, "20300101T000000Z");
        let authorization = header("authorization");
        let names = authorization.split("SignedHeaders=").nth(1).expect("names");
        let (names, signature) = names.split_once(", Signature=").expect("a signature");
        for needed in ["content-type", "host", "x-amz-date", "x-amz-security-token"] {
            assert!(names.split(';').any(|name| name == needed), "{names}");
        }
        let value = |name: &str| match name {
            "host" => "sns.eu-central-1.amazonaws.com".to_owned(),
            other => header(other),
        };
        let headers: String = names.split(';').map(|name| format!("{name}:{}\n", value(name))).collect();
        let body = request.body().bytes().expect("a body");
        let body = hex(digest::digest(&digest::SHA256, body).as_ref());
        let canonical = format!("POST\n/\n\n{headers}\n{names}\n{body}");
        let scope = format!("{day}/eu-central-1/sns/aws4_request");
        let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let secret = format!("AWS4{}", sender.aws.secret_access_key.expose());
        let key =
            [day, "eu-central-1", "sns", "aws4_request"].iter().fold(secret.into_bytes(), |k, t| mac(&k, t));
        let expected = hex(&mac(&key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}")));
        assert_eq!(signature, expected);
        assert!(authorization.contains(&format!("Credential=AKIDEXAMPLE/{scope}")), "{authorization}");
    }

    #[test]
    fn a_form_holds_each_value_encoded() {
        let form = form(&sms());
        assert!(form.contains("PhoneNumber=%2B4915123456789&"), "{form}");
        assert!(form.contains("Message=12345678%20f%C3%BCr%20APP%20%26%20Co%3F&"), "{form}");
        assert_eq!(sender(Some("http://localhost:4566")).url(), "http://localhost:4566/");
    }

    #[test]
    fn a_refusal_is_final_for_the_number_alone_and_quotes_nothing() {
        let response = |code: &str| {
            format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>+4915123456789</Message></Error></ErrorResponse>"
            )
        };
        assert!(!refusal(&response("InvalidParameter")).retryable());
        assert!(!refusal(&response("OptedOut")).retryable());
        for code in ["Throttling", "AuthorizationError", "InternalError", "+4915123456789", ""] {
            let error = refusal(&response(code));
            assert!(error.retryable() && !error.chain().contains("4915"), "{}", error.chain());
        }
        assert!(refusal("<html>").retryable());
        assert!(!format!("{:?}", sms()).contains("12345678"));
    }
}
