//! From a search request to a typed query, or the refusal HubSpot would give.

use serde::Deserialize;
use serde_json::Value;

use super::super::Crm;
use super::super::associations::AnyId;
use super::super::definition::ValueType;
use super::super::kind::Kind;
use super::super::refusal::Refusal;
use super::words::Pattern;

/// Facts §11: `SEARCH_LIMIT`, `SEARCH_TOTAL_MAX`, `SEARCH_GROUPS / PER_GROUP / TOTAL_FILTERS`.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 200;
const TOTAL_MAX: usize = 10_000;
const GROUPS_MAX: usize = 5;
const FILTERS_PER_GROUP_MAX: usize = 6;
const FILTERS_MAX: usize = 18;
const SORTS_MAX: usize = 1;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    filter_groups: Option<Vec<GroupInput>>,
    filters: Option<Vec<FilterInput>>,
    query: Option<String>,
    sorts: Option<Vec<SortInput>>,
    properties: Option<Vec<String>>,
    limit: Option<AnyId>,
    after: Option<AnyId>,
}

#[derive(Debug, Deserialize)]
struct GroupInput {
    filters: Option<Vec<FilterInput>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterInput {
    property_name: String,
    operator: String,
    value: Option<Value>,
    values: Option<Vec<Value>>,
    high_value: Option<Value>,
}

/// Objects in the documentation, strings in the schema, facts §3.4.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SortInput {
    Text(String),
    Rule {
        #[serde(rename = "propertyName")]
        property: String,
        direction: Option<String>,
    },
}

/// A search that may run.
#[derive(Debug)]
pub(super) struct Query {
    /// Any group whose every filter holds; no groups take everything.
    pub(super) groups: Vec<Vec<Filter>>,
    /// Lowercase words that must all be found.
    pub(super) words: Vec<String>,
    pub(super) sort: Option<Sort>,
    pub(super) properties: Vec<String>,
    pub(super) limit: usize,
    pub(super) after: usize,
}

#[derive(Debug)]
pub(super) struct Filter {
    pub(super) subject: Subject,
    pub(super) test: Test,
}

#[derive(Debug)]
pub(super) enum Subject {
    Property {
        name: String,
        value_type: ValueType,
    },
    /// `associations.{type}`
    Associated(Kind),
}

#[derive(Debug)]
pub(super) enum Test {
    Eq(Operand),
    Neq(Operand),
    Lt(Operand),
    Lte(Operand),
    Gt(Operand),
    Gte(Operand),
    Between(Operand, Operand),
    In(Vec<Operand>),
    NotIn(Vec<Operand>),
    HasProperty,
    NotHasProperty,
    ContainsToken(Pattern),
    NotContainsToken(Pattern),
}

/// A value to compare with, in every form a comparison may need.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) text: String,
    pub(super) lower: String,
    /// The number, or the epoch milliseconds of a date.
    pub(super) number: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Sort {
    pub(super) property: String,
    pub(super) value_type: ValueType,
    pub(super) direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

pub(super) fn query(crm: &Crm, kind: Kind, request: Request) -> Result<Query, Refusal> {
    let mut groups: Vec<Vec<FilterInput>> = request
        .filter_groups
        .unwrap_or_default()
        .into_iter()
        .map(|group| group.filters.unwrap_or_default())
        .collect();
    groups.extend(request.filters);
    groups.retain(|filters| !filters.is_empty());
    check_sizes(&groups)?;
    let groups = groups.iter().map(|filters| filters.iter().map(|input| filter(crm, kind, input)).collect());
    let limit = whole("limit", request.limit)?.unwrap_or(LIMIT_DEFAULT);
    let after = whole("after", request.after)?.unwrap_or(0);
    if limit > LIMIT_MAX {
        return Err(Refusal::invalid(format!("limit must be at most {LIMIT_MAX}, but was {limit}")));
    }
    if after + limit > TOTAL_MAX {
        return Err(Refusal::invalid(format!("Search cannot page beyond result {TOTAL_MAX}")));
    }
    let words = request.query.unwrap_or_default();
    Ok(Query {
        groups: groups.collect::<Result<_, _>>()?,
        words: words.split_whitespace().map(str::to_lowercase).collect(),
        sort: sort(crm, kind, request.sorts.unwrap_or_default())?,
        properties: request.properties.unwrap_or_default(),
        limit,
        after,
    })
}

fn check_sizes(groups: &[Vec<FilterInput>]) -> Result<(), Refusal> {
    let filters: usize = groups.iter().map(Vec::len).sum();
    let longest = groups.iter().map(Vec::len).max().unwrap_or(0);
    let (what, count, max) = if groups.len() > GROUPS_MAX {
        ("filter groups", groups.len(), GROUPS_MAX)
    } else if longest > FILTERS_PER_GROUP_MAX {
        ("filters in one group", longest, FILTERS_PER_GROUP_MAX)
    } else if filters > FILTERS_MAX {
        ("filters", filters, FILTERS_MAX)
    } else {
        return Ok(());
    };
    Err(Refusal::invalid(format!("The request has {count} {what}, but the maximum is {max}")))
}

/// Strings and numbers both, as callers send them.
fn whole(name: &str, given: Option<AnyId>) -> Result<Option<usize>, Refusal> {
    let Some(text) = given.map(|given| given.text()).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| Refusal::invalid(format!("{name} must be a whole number, but was {text}")))
}

fn filter(crm: &Crm, kind: Kind, input: &FilterInput) -> Result<Filter, Refusal> {
    let subject = subject(crm, kind, &input.property_name)?;
    let numeric = match &subject {
        Subject::Property { value_type, .. } => *value_type,
        Subject::Associated(_) => ValueType::Number,
    };
    Ok(Filter { subject, test: test(input, numeric)? })
}

fn subject(crm: &Crm, kind: Kind, name: &str) -> Result<Subject, Refusal> {
    if let Some(word) = name.strip_prefix("associations.") {
        let to = crm.kind(word)?;
        if crm.kinds.info(to).is_custom() {
            return Err(Refusal::invalid(format!(
                "{name} cannot be searched: custom objects are not supported"
            )));
        }
        return Ok(Subject::Associated(to));
    }
    let definition = crm.definitions(kind).get(name).ok_or_else(|| unknown_property(name))?;
    Ok(Subject::Property { name: name.to_owned(), value_type: definition.value_type })
}

fn unknown_property(name: &str) -> Refusal {
    let message = format!("Property \"{name}\" does not exist");
    Refusal::invalid("There was a problem with the request.").detail(
        message,
        "PROPERTY_DOESNT_EXIST",
        "propertyName",
        name,
    )
}

fn test(input: &FilterInput, value_type: ValueType) -> Result<Test, Refusal> {
    let one = |given: &Option<Value>, field: &str| {
        given.as_ref().and_then(plain).map(|text| operand(&text, value_type)).ok_or_else(|| {
            let (operator, name) = (&input.operator, &input.property_name);
            Refusal::invalid(format!("operator {operator} on {name} needs {field}"))
        })
    };
    let value = || one(&input.value, "a value");
    let many = || {
        let given = input.values.as_ref().filter(|values| !values.is_empty());
        let given = given.ok_or_else(|| {
            let (operator, name) = (&input.operator, &input.property_name);
            Refusal::invalid(format!("operator {operator} on {name} needs values"))
        })?;
        Ok(given.iter().filter_map(plain).map(|text| operand(&text, value_type)).collect())
    };
    Ok(match input.operator.as_str() {
        "EQ" => Test::Eq(value()?),
        "NEQ" => Test::Neq(value()?),
        "LT" => Test::Lt(value()?),
        "LTE" => Test::Lte(value()?),
        "GT" => Test::Gt(value()?),
        "GTE" => Test::Gte(value()?),
        "BETWEEN" => Test::Between(value()?, one(&input.high_value, "a highValue")?),
        "IN" => Test::In(many()?),
        "NOT_IN" => Test::NotIn(many()?),
        "HAS_PROPERTY" => Test::HasProperty,
        "NOT_HAS_PROPERTY" => Test::NotHasProperty,
        "CONTAINS_TOKEN" => Test::ContainsToken(Pattern::new(&value()?.lower)),
        "NOT_CONTAINS_TOKEN" => Test::NotContainsToken(Pattern::new(&value()?.lower)),
        other => return Err(Refusal::invalid(format!("{other} is not a valid operator"))),
    })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn operand(text: &str, value_type: ValueType) -> Operand {
    Operand {
        text: text.to_owned(),
        lower: text.to_lowercase(),
        number: super::matches::number(value_type, text),
    }
}

fn sort(crm: &Crm, kind: Kind, mut sorts: Vec<SortInput>) -> Result<Option<Sort>, Refusal> {
    if sorts.len() > SORTS_MAX {
        return Err(Refusal::invalid(format!(
            "Only {SORTS_MAX} sort can be applied, but {} were sent",
            sorts.len()
        )));
    }
    let (property, direction) = match sorts.pop() {
        None => return Ok(None),
        Some(SortInput::Text(text)) => match text.strip_prefix('-') {
            Some(property) => (property.to_owned(), Direction::Descending),
            None => (text, Direction::Ascending),
        },
        Some(SortInput::Rule { property, direction }) => {
            let down = direction.is_some_and(|direction| direction.eq_ignore_ascii_case("DESCENDING"));
            (property, if down { Direction::Descending } else { Direction::Ascending })
        }
    };
    let definition = crm.definitions(kind).get(&property).ok_or_else(|| unknown_property(&property))?;
    Ok(Some(Sort { property, value_type: definition.value_type, direction }))
}
