//! Which pages of browsers may call the API.

use super::*;

#[test]
fn only_a_local_run_may_be_open_to_every_page_of_this_machine() {
    let read = |mode: &'static str, list: &'static str| {
        read(&[], &[("LAUNCH_MODE", mode), ("PROJECT_NAME", "APP"), ("CORS_ORIGIN_WHITELIST", list)])
    };
    let both = r#"["localhost", "https://app.example.com"]"#;
    let expected = Origins::Only { listed: vec!["https://app.example.com".into()], loopback: true };
    assert_eq!(read("LOCAL", both).expect("good").cors.origins, expected);
    for mode in ["TEST", "PROD"] {
        for list in [both, r#"["localhost"]"#] {
            let text = problem(read(mode, list));
            assert!(text.contains("CORS_ORIGIN_WHITELIST must name the origins"), "{mode}: {text}");
        }
    }
    assert!(problem(read("LOCAL", r#"["*", "localhost"]"#)).contains("CORS_ORIGIN_WHITELIST"));
}

#[test]
fn further_request_headers_are_a_list_of_names() {
    let read = |list: &'static str| {
        read(&[], &[("LAUNCH_MODE", "PROD"), ("PROJECT_NAME", "APP"), ("CORS_ALLOW_HEADERS", list)])
    };
    let names = |list: &'static str| read(list).expect("good").cors.allow_headers;
    assert_eq!(names(""), [""; 0]);
    assert_eq!(names(r#"["traceparent", "Sentry-Trace"]"#), ["traceparent", "sentry-trace"]);
    for list in [
        "traceparent",
        r#""traceparent""#,
        r#"["*"]"#,
        r#"[""]"#,
        r#"["a b"]"#,
        r#"["a\r\nb"]"#,
        r#"["a,b"]"#,
    ] {
        let text = problem(read(list));
        assert!(text.contains("CORS_ALLOW_HEADERS must be a JSON list"), "{list}: {text}");
    }
}

#[test]
fn an_origin_with_a_path_or_a_wildcard_inside_is_refused() {
    for list in [
        r#"["https://a.example/"]"#,
        r#"["https://*.example"]"#,
        r#"["*", "https://a.example"]"#,
        r#"["a.example"]"#,
    ] {
        let text = problem(read(
            &[],
            &[("LAUNCH_MODE", "LOCAL"), ("PROJECT_NAME", "APP"), ("CORS_ORIGIN_WHITELIST", list)],
        ));
        assert!(text.contains("CORS_ORIGIN_WHITELIST"), "{list}: {text}");
    }
}
