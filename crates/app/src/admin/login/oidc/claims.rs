//! Who an id token is of, and what they may do here.

use serde_json::Value;

use super::token::Claims;
use crate::admin::AdminRole;
use crate::config::OidcSection;

/// Names are short.
const NAME_BYTES_MAX: usize = 100;

/// What is tried for a name where the configured claim is not there.
const NAMES: [&str; 2] = ["preferred_username", "email"];

/// And then this, which says it of a machine.
const NUMBER: &str = "sub";

/// Which claim tells the groups, and which of them have which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    claim: String,
    name_claim: Option<String>,
    roles: Vec<(AdminRole, Vec<String>)>,
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) role: AdminRole,
}

impl Rules {
    pub(super) fn of(section: &OidcSection) -> Self {
        let roles = &section.roles;
        Self {
            claim: section.claim.clone(),
            name_claim: section.name_claim.clone(),
            roles: vec![
                (AdminRole::Viewer, roles.viewer.clone()),
                (AdminRole::Operator, roles.operator.clone()),
                (AdminRole::Admin, roles.admin.clone()),
            ],
        }
    }

    /// Whether something that we look for is not in an id token: the groups, or a name that people know.
    pub(super) fn miss_something(&self, claims: &Claims) -> bool {
        let is_named = match &self.name_claim {
            Some(name) => claims.contains_key(name),
            None => NAMES.iter().any(|name| claims.contains_key(*name)),
        };
        !claims.contains_key(&self.claim) || !is_named
    }

    /// The claim that tells the groups.
    pub(super) fn claim(&self) -> &str {
        &self.claim
    }

    /// `None`: they may do nothing here.
    pub(super) fn person(&self, claims: &Claims) -> Option<Person> {
        let groups = match claims.get(&self.claim) {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let has = |(_, own): &&(AdminRole, Vec<String>)| own.iter().any(|own| groups.contains(&own.as_str()));
        let role = self.roles.iter().filter(has).map(|(role, _)| *role).max()?;
        let tried = self.name_claim.as_deref().into_iter().chain(NAMES).chain([NUMBER]);
        let named = |claim: &str| claims.get(claim).and_then(Value::as_str).and_then(presentable);
        Some(Person { name: tried.into_iter().find_map(named)?, role })
    }
}

/// What the audit log can say.
fn presentable(name: &str) -> Option<String> {
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> Rules {
        let group = |name: &str| vec![name.to_owned()];
        Rules {
            claim: "groups".into(),
            name_claim: None,
            roles: vec![
                (AdminRole::Viewer, group("everyone")),
                (AdminRole::Operator, group("sre")),
                (AdminRole::Admin, group("owners")),
            ],
        }
    }

    fn person(claims: &Value) -> Option<(String, &'static str)> {
        rules().person(claims.as_object().unwrap()).map(|person| (person.name, person.role.name()))
    }

    #[test]
    fn the_highest_role_of_all_groups_counts_and_no_group_is_no_role() {
        let ada = |role| Some(("ada".to_owned(), role));
        assert_eq!(person(&json!({"sub": "ada", "groups": ["everyone"]})), ada("viewer"));
        assert_eq!(person(&json!({"sub": "ada", "groups": ["owners", "everyone", "sre"]})), ada("admin"));
        assert_eq!(person(&json!({"sub": "ada", "groups": "sre"})), ada("operator"));
        for none in [
            json!({"sub": "ada"}),
            json!({"sub": "ada", "groups": []}),
            json!({"sub": "ada", "groups": ["Owners", "owners ", 7]}),
            json!({"sub": "ada", "roles": ["owners"]}),
            json!({"sub": "ada", "groups": {"owners": true}}),
            json!({"sub": "", "groups": ["owners"]}),
        ] {
            assert_eq!(person(&none), None, "{none}");
        }
    }

    #[test]
    fn what_an_id_token_leaves_out_is_missed() {
        let misses = |claims: Value| rules().miss_something(claims.as_object().unwrap());
        assert!(!misses(json!({"sub": "1", "groups": [], "email": "a@b.c"})));
        assert!(misses(json!({"sub": "1", "email": "a@b.c"})));
        assert!(misses(json!({"sub": "1", "groups": []})), "nobody knows a number");
        let by_title = Rules { name_claim: Some("title".into()), ..rules() };
        let claims = json!({"sub": "1", "groups": [], "email": "a@b.c"});
        assert!(by_title.miss_something(claims.as_object().unwrap()));
    }

    #[test]
    fn people_are_called_by_what_they_know_themselves_by() {
        let named = |claims: Value| person(&claims).unwrap().0;
        let groups = json!(["sre"]);
        assert_eq!(
            named(json!({"sub": "1", "email": "a@b.c", "preferred_username": "ada", "groups": groups})),
            "ada"
        );
        assert_eq!(named(json!({"sub": "1", "preferred_username": "a\nb", "groups": groups})), "1");
    }
}
