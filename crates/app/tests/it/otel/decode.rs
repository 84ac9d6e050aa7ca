//! Reads OTLP as a collector does: strictly, by the field numbers and types of opentelemetry-proto 1.x, which are written
//! here apart from the exporter's. A field that is not in the schema, or of another type, fails.

use serde_json::{Map, Value, json};

#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    /// Bytes, shown in hexadecimal.
    Id,
    Varint,
    Fixed64,
    Double,
    PackedFixed64,
    PackedDouble,
    Message(&'static Schema),
}

/// Number, name, type, and whether it may be there more than once.
type Field = (u32, &'static str, Type, bool);
type Schema = [Field];

const ONE: bool = false;
const MANY: bool = true;

// common.proto and resource.proto
static ANY: &Schema =
    &[(1, "string", Type::Text, ONE), (3, "int", Type::Varint, ONE), (4, "double", Type::Double, ONE)];
static PAIR: &Schema = &[(1, "key", Type::Text, ONE), (2, "value", Type::Message(ANY), ONE)];
static RESOURCE: &Schema = &[(1, "attributes", Type::Message(PAIR), MANY)];
static SCOPE: &Schema = &[(1, "name", Type::Text, ONE), (2, "version", Type::Text, ONE)];

// trace.proto
static STATUS: &Schema = &[(2, "message", Type::Text, ONE), (3, "code", Type::Varint, ONE)];
static SPAN: &Schema = &[
    (1, "trace_id", Type::Id, ONE),
    (2, "span_id", Type::Id, ONE),
    (4, "parent_span_id", Type::Id, ONE),
    (5, "name", Type::Text, ONE),
    (6, "kind", Type::Varint, ONE),
    (7, "start_time_unix_nano", Type::Fixed64, ONE),
    (8, "end_time_unix_nano", Type::Fixed64, ONE),
    (9, "attributes", Type::Message(PAIR), MANY),
    (15, "status", Type::Message(STATUS), ONE),
];
static SCOPE_SPANS: &Schema =
    &[(1, "scope", Type::Message(SCOPE), ONE), (2, "spans", Type::Message(SPAN), MANY)];
static RESOURCE_SPANS: &Schema =
    &[(1, "resource", Type::Message(RESOURCE), ONE), (2, "scope_spans", Type::Message(SCOPE_SPANS), MANY)];
static TRACES: &Schema = &[(1, "resource_spans", Type::Message(RESOURCE_SPANS), MANY)];

// metrics.proto
static NUMBER_POINT: &Schema = &[
    (2, "start_time_unix_nano", Type::Fixed64, ONE),
    (3, "time_unix_nano", Type::Fixed64, ONE),
    (4, "as_double", Type::Double, ONE),
    (6, "as_int", Type::Fixed64, ONE),
    (7, "attributes", Type::Message(PAIR), MANY),
];
static HISTOGRAM_POINT: &Schema = &[
    (2, "start_time_unix_nano", Type::Fixed64, ONE),
    (3, "time_unix_nano", Type::Fixed64, ONE),
    (4, "count", Type::Fixed64, ONE),
    (5, "sum", Type::Double, ONE),
    (6, "bucket_counts", Type::PackedFixed64, ONE),
    (7, "explicit_bounds", Type::PackedDouble, ONE),
    (9, "attributes", Type::Message(PAIR), MANY),
];
static GAUGE: &Schema = &[(1, "data_points", Type::Message(NUMBER_POINT), MANY)];
static SUM: &Schema = &[
    (1, "data_points", Type::Message(NUMBER_POINT), MANY),
    (2, "aggregation_temporality", Type::Varint, ONE),
    (3, "is_monotonic", Type::Varint, ONE),
];
static HISTOGRAM: &Schema = &[
    (1, "data_points", Type::Message(HISTOGRAM_POINT), MANY),
    (2, "aggregation_temporality", Type::Varint, ONE),
];
static METRIC: &Schema = &[
    (1, "name", Type::Text, ONE),
    (2, "description", Type::Text, ONE),
    (3, "unit", Type::Text, ONE),
    (5, "gauge", Type::Message(GAUGE), ONE),
    (7, "sum", Type::Message(SUM), ONE),
    (9, "histogram", Type::Message(HISTOGRAM), ONE),
];
static SCOPE_METRICS: &Schema =
    &[(1, "scope", Type::Message(SCOPE), ONE), (2, "metrics", Type::Message(METRIC), MANY)];
static RESOURCE_METRICS: &Schema = &[
    (1, "resource", Type::Message(RESOURCE), ONE),
    (2, "scope_metrics", Type::Message(SCOPE_METRICS), MANY),
];
static METRICS: &Schema = &[(1, "resource_metrics", Type::Message(RESOURCE_METRICS), MANY)];

/// `ExportTraceServiceRequest`.
pub(super) fn traces(bytes: &[u8]) -> Value {
    message(bytes, TRACES)
}

/// `ExportMetricsServiceRequest`.
pub(super) fn metrics(bytes: &[u8]) -> Value {
    message(bytes, METRICS)
}

fn message(mut bytes: &[u8], schema: &Schema) -> Value {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let (number, wire) = (u32::try_from(key >> 3).unwrap(), key & 7);
        let field = schema.iter().find(|(known, ..)| *known == number);
        let (_, name, kind, many) = field.unwrap_or_else(|| panic!("no field {number} in {schema:?}"));
        let value = value(&mut bytes, wire, *kind);
        if *many {
            let list = object.entry(*name).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(value);
        } else {
            assert!(object.insert((*name).to_owned(), value).is_none(), "{name} is there twice");
        }
    }
    Value::Object(object)
}

fn value(bytes: &mut &[u8], wire: u64, kind: Type) -> Value {
    match (wire, kind) {
        (0, Type::Varint) => json!(varint(bytes)),
        (1, Type::Fixed64) => json!(u64::from_le_bytes(take(bytes))),
        (1, Type::Double) => json!(f64::from_le_bytes(take(bytes))),
        (2, kind) => {
            let length = usize::try_from(varint(bytes)).unwrap();
            let (inner, rest) = bytes.split_at(length);
            *bytes = rest;
            let eights = || inner.chunks(8).map(|eight| <[u8; 8]>::try_from(eight).unwrap());
            match kind {
                Type::Text => json!(std::str::from_utf8(inner).expect("text is UTF-8")),
                Type::Id => json!(inner.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
                Type::PackedFixed64 => eights().map(|eight| json!(u64::from_le_bytes(eight))).collect(),
                Type::PackedDouble => eights().map(|eight| json!(f64::from_le_bytes(eight))).collect(),
                Type::Message(schema) => message(inner, schema),
                Type::Varint | Type::Fixed64 | Type::Double => panic!("{kind:?} does not come with a length"),
            }
        }
        (wire, kind) => panic!("{kind:?} does not come as {wire}"),
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0..10 {
        let [byte] = take(bytes);
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a varint has ten bytes at most");
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (first, rest) = bytes.split_first_chunk().expect("the message goes on");
    *bytes = rest;
    *first
}

/// `{"key": …, "value": {"string": …}}` as `key → value`.
pub(super) fn attributes(of: &Value) -> Map<String, Value> {
    let pairs = of["attributes"].as_array().into_iter().flatten();
    let mut all = Map::new();
    for pair in pairs {
        let value = pair["value"].as_object().unwrap().values().next().unwrap().clone();
        assert!(all.insert(pair["key"].as_str().unwrap().to_owned(), value).is_none(), "twice: {pair}");
    }
    all
}
