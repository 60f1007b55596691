//! The texts of a new endpoint's folder.

use super::spec::{Access, Endpoint, pascal};

/// Returns the manifest of a function: it depends on the core, and on the crates that its code names.
pub(super) fn manifest(name: &str, code: &str) -> String {
    let named =
        |krate: &&str| code.contains(&format!("use {krate}::")) || code.contains(&format!("#[{krate}::"));
    let crates = ["serde", "time", "utoipa", "uuid"].into_iter().filter(named);
    let dependencies: String =
        ["app-core"].into_iter().chain(crates).map(|krate| format!("{krate}.workspace = true\n")).collect();
    format!(
        "[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
         publish.workspace = true\n\n[lib]\ntest = false\ndoctest = false\nbench = false\n\n\
         [[bin]]\nname = \"{name}\"\ntest = false\nbench = false\n\n\
         [dependencies]\n{dependencies}\n[lints]\nworkspace = true\n"
    )
}

pub(super) fn fragment(endpoint: &Endpoint) -> String {
    let mut text = String::new();
    if endpoint.access != Access::Public {
        text += "Environment:\n  Variables: {DB_SECRET_ARN: !Ref DatabaseSecretArn, SECRET_KEY_ARN: !Ref JwtSecret";
        text += if endpoint.idempotent { ",\n    HMAC_KEY_ARN: !Ref HmacSecret" } else { "" };
        text += if endpoint.emits { ", EVENTS_QUEUE_URL: !Ref EventsQueue}\n" } else { "}\n" };
    }
    let path = endpoint.route.resource();
    let path = if path.contains('{') { format!("'{path}'") } else { path.to_owned() };
    let method = endpoint.method();
    text + &format!(
        "Events:\n  Call: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: {path}, Method: {method}}}}}\n"
    )
}

pub(super) fn main(endpoint: &Endpoint) -> String {
    let needs = match (&endpoint.access, endpoint.idempotent) {
        (Access::Public, _) => "",
        (_, false) => "Need::Database, Need::Tokens",
        (_, true) => "Need::Database, Need::Tokens, Need::Pseudonyms",
    };
    let needs = if endpoint.emits { format!("{needs}, Need::Queues") } else { needs.to_owned() };
    let need = if needs.is_empty() { "interfaces::http" } else { "{Need, interfaces::http}" };
    format!(
        "//! `{} {}`.\nuse app_core::{need};\n\nfn main() -> Result<(), http::RuntimeError> {{\n    \
         http::main(&[{needs}], {}::handler)\n}}\n",
        endpoint.method(),
        endpoint.route.path,
        endpoint.module()
    )
}

pub(super) fn handler(endpoint: &Endpoint) -> String {
    if let Some(list) = &endpoint.list {
        return list.handler(endpoint);
    }
    let (request, response) = bodies(endpoint);
    [imports(endpoint), request, response, description(endpoint), body_of_handler(endpoint)].concat()
}

fn imports(endpoint: &Endpoint) -> String {
    let mut http = Vec::new();
    match &endpoint.access {
        Access::Public => http.push("Public".to_owned()),
        Access::SignedIn => http.extend(["Caller".to_owned(), "SignedIn".to_owned()]),
        Access::Recent => http.extend(["Caller".to_owned(), "Recent".to_owned(), "SignedIn".to_owned()]),
        Access::Permission(word) => http.extend(["Caller".to_owned(), pascal(word)]),
    }
    let mut add = |names: &[&str]| http.extend(names.iter().map(|name| (*name).to_owned()));
    add(&["Request"]);
    if endpoint.takes_body() {
        add(&["Body"]);
    }
    if endpoint.has_uuid() {
        add(&["openapi::MissingProblem"]);
    }
    match endpoint.status() {
        201 => add(&["StatusCode", "WithStatus"]),
        204 => add(&["NoContent"]),
        _ => add(&["Json"]),
    }
    if endpoint.idempotent {
        add(&["Idempotent", "IdempotentResponse"]);
        if endpoint.returns_body() {
            add(&["Storable"]);
        }
    }
    let text = if endpoint.takes_body() { "domain::text::Text, " } else { "" };
    let mut code = format!(
        "//! `{} {}`.\n\nuse app_core::{{App, Result, {text}interfaces::http::{{{}}}}};\n",
        endpoint.method(),
        endpoint.route.path,
        http.join(", ")
    );
    if endpoint.takes_body() {
        code += "use serde::{Deserialize, Serialize};\n";
    } else if endpoint.returns_body() {
        code += "use serde::Serialize;\n";
    }
    if endpoint.returns_body() {
        code += if endpoint.takes_body() {
            "use utoipa::{PartialSchema, ToSchema};\n"
        } else {
            "use utoipa::ToSchema;\n"
        };
    }
    if endpoint.names_uuid() {
        code += "use uuid::Uuid;\n";
    }
    code + "\n"
}

fn bodies(endpoint: &Endpoint) -> (String, String) {
    let name = pascal(&endpoint.name);
    let request = if endpoint.takes_body() {
        format!(
            "#[derive(Debug, Deserialize, ToSchema)]\n#[serde(deny_unknown_fields)]\npub struct {name}Request {{\n    \
             #[schema(schema_with = Text::<64>::schema)]\n    name: Text<64>,\n}}\n\n\
             impl Body for {name}Request {{\n    const REQUIRED: &'static [&'static str] = &[\"name\"];\n}}\n\n"
        )
    } else {
        String::new()
    };
    if !endpoint.returns_body() {
        return (request, String::new());
    }
    let mut fields = String::new();
    if endpoint.makes_id() {
        fields += "    id: Uuid,\n";
    }
    for parameter in endpoint.route.parameters() {
        let kind = if parameter == "uuid" { "Uuid" } else { "String" };
        fields += &format!("    {parameter}: {kind},\n");
    }
    fields += if endpoint.takes_body() {
        "    name: String,\n"
    } else if endpoint.returns_caller() {
        "    user: Uuid,\n"
    } else {
        "    project: String,\n"
    };
    let mut response =
        format!("#[derive(Debug, Serialize, ToSchema)]\npub struct {name}Response {{\n{fields}}}\n\n");
    if endpoint.idempotent {
        response += &format!("impl Storable for {name}Response {{}}\n\n");
    }
    (request, response)
}

fn description(endpoint: &Endpoint) -> String {
    let name = pascal(&endpoint.name);
    let mut attribute = format!(
        "/// {}\n#[utoipa::path(\n    {}, path = \"{}\", tag = \"{}\", operation_id = \"{}\",\n",
        endpoint.title(),
        endpoint.method().to_lowercase(),
        endpoint.route.path,
        endpoint.tag(),
        endpoint.module()
    );
    let parameters: Vec<String> = endpoint
        .route
        .parameters()
        .map(|name| {
            let kind = if name == "uuid" { "Uuid" } else { "String" };
            format!("(\"{name}\" = {kind}, Path, description = \"Its {name}\")")
        })
        .collect();
    if !parameters.is_empty() {
        attribute += &format!("    params({}),\n", parameters.join(", "));
    }
    if endpoint.takes_body() {
        attribute += &format!("    request_body = {name}Request,\n");
    }
    let body = if endpoint.returns_body() { format!(", body = {name}Response") } else { String::new() };
    attribute += &format!(
        "    responses(\n        (status = {}, description = \"It is done\"{body}),\n",
        endpoint.status()
    );
    if endpoint.has_uuid() {
        attribute += "        MissingProblem,\n";
    }
    attribute + "    ),\n)]\n"
}

fn body_of_handler(endpoint: &Endpoint) -> String {
    let name = pascal(&endpoint.name);
    let uses_app = endpoint.idempotent || endpoint.method() == "GET" && endpoint.access == Access::Public;
    let uses_caller = endpoint.idempotent || endpoint.returns_caller();
    let uses_request =
        endpoint.idempotent || endpoint.takes_body() || endpoint.route.parameters().next().is_some();
    let caller = match &endpoint.access {
        Access::Public => "_: Public".to_owned(),
        access => format!("{}: Caller<{}>", if uses_caller { "caller" } else { "_" }, access.ty()),
    };
    let wrapped = match endpoint.status() {
        201 => format!("WithStatus<{name}Response>"),
        204 => "NoContent".to_owned(),
        _ => format!("Json<{name}Response>"),
    };
    let mut code = format!(
        "pub async fn handler({}: App, {}: Request, {caller}) -> Result<{}> {{\n",
        if uses_app { "app" } else { "_" },
        if uses_request { "request" } else { "_" },
        if endpoint.idempotent { "IdempotentResponse" } else { &wrapped }
    );
    let mut fields = Vec::new();
    if endpoint.makes_id() {
        fields.push("id: Uuid::new_v4()".to_owned());
    }
    for parameter in endpoint.route.parameters() {
        let variable = if endpoint.returns_body() { parameter.to_owned() } else { format!("_{parameter}") };
        code += &if parameter == "uuid" {
            format!("let {variable} = request.path_uuid(\"uuid\", \"{}\")?;\n", endpoint.tag())
        } else {
            format!(
                "let {variable} = request.path_parameter(\"{parameter}\").unwrap_or_default().to_owned();\n"
            )
        };
        fields.push(parameter.to_owned());
    }
    if endpoint.takes_body() {
        code += &format!("let body: {name}Request = request.json()?;\n");
        fields.push("name: body.name.into_string()".to_owned());
    } else if endpoint.returns_caller() {
        fields.push("user: caller.user.uuid".to_owned());
    } else if endpoint.returns_body() {
        fields.push("project: app.config().project_name.clone()".to_owned());
    }
    let response = format!("{name}Response {{ {} }}", fields.join(", "));
    let result = match endpoint.status() {
        201 => format!("WithStatus(StatusCode::CREATED, {response})"),
        204 => "NoContent".to_owned(),
        _ => format!("Json({response})"),
    };
    code += &if endpoint.idempotent {
        format!(
            "let idempotent = Idempotent::of(&app, &request, caller.user.uuid).await?;\n\
             // What it changes goes through the transaction, in place of `_`.\n\
             idempotent.run(async |_| Ok({result})).await\n"
        )
    } else {
        format!("Ok({result})\n")
    };
    code + "}\n"
}
