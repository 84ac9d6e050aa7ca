//! Whether a token that was granted certain scopes can make a call.

/// Scopes of before 2022 that opened contacts, companies, deals, their definitions, owners and engagements at once. What
/// exactly they still open is written nowhere, so nothing of the CRM counts as missing beside them.
const BROAD: [&str; 1] = ["contacts"];

/// Whether the token surely cannot make a call that needs any one of these. Not being sure is `false`, and so are a call whose
/// needs are not known and a token of which no scope is known.
pub fn surely_lacks(granted: &[String], any_of: &[&str]) -> bool {
    let covers = |own: &String| any_of.iter().any(|needed| may_cover(own, needed));
    !any_of.is_empty() && !granted.is_empty() && !granted.iter().any(covers)
}

/// The scopes for sensitive data and their `.v2` forms open the same records; whether they do so alone is not documented.
fn may_cover(own: &str, needed: &str) -> bool {
    if own == needed || (BROAD.contains(&own) && needed.starts_with("crm.")) {
        return true;
    }
    let Some((family, verb)) = needed.rsplit_once('.').filter(|_| needed.starts_with("crm.")) else {
        return false;
    };
    let rest = own.strip_prefix(family).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| rest.split('.').any(|word| word == verb))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const READ: &str = "crm.objects.contacts.read";

    #[rstest]
    #[case::granted(&["oauth", READ], &[READ], false)]
    #[case::another_object(&["oauth", "crm.objects.deals.read"], &[READ], true)]
    #[case::another_verb(&["crm.objects.contacts.write"], &[READ], true)]
    #[case::one_of_several(&["sales-email-read"], &[READ, "sales-email-read"], false)]
    #[case::sensitive(&["crm.objects.contacts.sensitive.read.v2"], &[READ], false)]
    #[case::sensitive_of_another_verb(&["crm.objects.contacts.sensitive.write"], &[READ], true)]
    #[case::broad(&["contacts"], &[READ], false)]
    #[case::broad_opens_the_crm_alone(&["contacts"], &["forms"], true)]
    #[case::a_longer_name(&["crm.objects.contacts_lists.read"], &[READ], true)]
    #[case::nothing_needed(&["oauth"], &[], false)]
    #[case::nothing_known(&[], &[READ], false)]
    #[case::tickets(&["oauth"], &["tickets"], true)]
    fn only_what_is_sure_is_lacking(#[case] granted: &[&str], #[case] any_of: &[&str], #[case] lacks: bool) {
        let granted: Vec<String> = granted.iter().map(|scope| (*scope).to_owned()).collect();
        assert_eq!(surely_lacks(&granted, any_of), lacks);
    }
}
