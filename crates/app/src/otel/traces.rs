//! Spans as OTLP has them: `ExportTraceServiceRequest` of opentelemetry-proto 1.x.

use super::protobuf::Message;

/// A call or an attempt that has ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Finished {
    pub(super) trace: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) kind: Kind,
    pub(super) began_ns: u64,
    pub(super) ended_ns: u64,
    /// By their names in the code.
    pub(super) attributes: Vec<(&'static str, Attribute)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody called us.
    #[default]
    Call,
    /// We called HubSpot.
    Attempt,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Number(i64),
}

impl Finished {
    pub(super) fn has_failed(&self) -> bool {
        self.text("failed").is_some()
    }

    fn text(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        found.and_then(|(_, value)| match value {
            Attribute::Text(text) => Some(&**text),
            Attribute::Number(_) => None,
        })
    }
}

/// The name that OpenTelemetry's conventions give, or one of our own.
fn convention(name: &str) -> String {
    match name {
        "method" => "http.request.method".to_owned(),
        "status" => "http.response.status_code".to_owned(),
        "route" => "http.route".to_owned(),
        "failed" => "error.type".to_owned(),
        own => format!("hubkeeper.{own}"),
    }
}

/// The body of a request to `/v1/traces`; `resource` is who tells.
pub(super) fn request(resource: &[u8], spans: &[Finished]) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |of_resource| {
        of_resource.bytes(1, resource);
        of_resource.message(2, |of_scope| {
            of_scope.message(1, scope);
            for finished in spans {
                of_scope.message(2, |message| span(message, finished));
            }
        });
    });
    request.into_bytes()
}

/// Which part of a program tells.
pub(super) fn scope(message: &mut Message) {
    message.text(1, "hubkeeper");
    message.text(2, env!("CARGO_PKG_VERSION"));
}

fn span(message: &mut Message, span: &Finished) {
    message.bytes(1, &span.trace);
    message.bytes(2, &span.id);
    if let Some(parent) = &span.parent {
        message.bytes(4, parent);
    }
    let name = [span.text("method"), span.text("route")].map(Option::unwrap_or_default).join(" ");
    message.text(5, &name);
    // SERVER or CLIENT.
    message.varint(6, if span.kind == Kind::Call { 2 } else { 3 });
    message.fixed64(7, span.began_ns);
    message.fixed64(8, span.ended_ns);
    for (name, value) in &span.attributes {
        message.message(9, |pair| attribute(pair, &convention(name), value));
    }
    if span.has_failed() {
        // ERROR.
        message.message(15, |status| status.varint(3, 2));
    }
}

pub(super) fn attribute(pair: &mut Message, name: &str, value: &Attribute) {
    pair.text(1, name);
    pair.message(2, |any| match value {
        Attribute::Text(text) => any.text(1, text),
        Attribute::Number(number) => any.varint(3, number.cast_unsigned()),
    });
}
