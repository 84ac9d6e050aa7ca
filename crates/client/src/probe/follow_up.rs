//! What the last calls are spent on, given the first answers. A fault that strikes some calls only shows by asking the
//! same again; where all is well, the books are asked for instead.

use hubspot::error::ErrorKind;

use super::report::FailureKind;
use super::report::Finding;
use super::report::api::Answer;

/// One of the last calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Introspection,
    Usage,
    /// The authenticated question once more.
    AccountAgain,
    /// The family read at this place of the plan once more.
    FamilyAgain(usize),
}

/// What the first answers were like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Good,
    /// 401: the credential itself.
    CredentialRefused,
    /// 403 with HubSpot's own body: its rights.
    Forbidden,
    /// A limit: asking again makes it worse.
    Throttled,
    /// The limit of a second, which any other program's searches fill now and then: in the next second it may be served.
    Crowded,
    /// It failed in a moment, and may not fail again.
    Failed,
    /// It did not come at all, or only after a long wait.
    Hung,
}

/// Below this part of the day's calls left, HubSpot's own count is wanted.
const DAILY_LOW_PERCENT: u64 = 25;

/// `left` calls at most; `daily` is what is left of the day and the whole of it.
pub(super) fn choose(
    account: First,
    families: &[First],
    daily: Option<(u64, u64)>,
    left: usize,
) -> Vec<Next> {
    let all = || std::iter::once(&account).chain(families);
    if account == First::CredentialRefused {
        return if left > 0 { vec![Next::Introspection] } else { Vec::new() };
    }
    if all().any(|first| *first == First::Hung) {
        return Vec::new();
    }
    let daily_low =
        daily.is_some_and(|(left, of)| left.saturating_mul(100) <= of.saturating_mul(DAILY_LOW_PERCENT));
    let mut next = Vec::new();
    if daily_low || all().any(|first| *first == First::Throttled) {
        next.push(Next::Usage);
    }
    if all().any(|first| matches!(first, First::Forbidden | First::CredentialRefused)) {
        next.push(Next::Introspection);
    }
    let fails: fn(&First) -> bool = |first| matches!(first, First::Failed | First::Forbidden);
    let account_again = fails(&account).then_some(Next::AccountAgain);
    let again = |asked: fn(&First) -> bool| {
        families
            .iter()
            .enumerate()
            .filter(move |(_, first)| asked(first))
            .map(|(place, _)| Next::FamilyAgain(place))
    };
    // Once: it takes a second, and an answer that takes two comes late.
    next.extend(again(|first| *first == First::Crowded));
    let failing: Vec<Next> = again(fails).chain(account_again).collect();
    let room = left.saturating_sub(next.len());
    next.extend(failing.iter().cycle().take(if failing.is_empty() { 0 } else { room }));
    for books in [Next::Usage, Next::Introspection] {
        if !next.contains(&books) {
            next.push(books);
        }
    }
    next.truncate(left);
    next
}

impl First {
    pub(super) fn of(answer: &Finding<Answer>) -> Self {
        match answer {
            Finding::Answered(answer) => match answer.status {
                200..300 => Self::Good,
                401 => Self::CredentialRefused,
                403 if answer.hubspot_shaped => Self::Forbidden,
                429 if is_of_a_second(answer) => Self::Crowded,
                429 | 477 => Self::Throttled,
                _ => Self::Failed,
            },
            Finding::Failed(failure) if failure.kind == FailureKind::TimedOut => Self::Hung,
            Finding::Failed(_) => Self::Failed,
            Finding::NotAsked(_) => Self::Good,
        }
    }
}

fn is_of_a_second(answer: &Answer) -> bool {
    answer.error.as_ref().is_some_and(|error| error.kind == ErrorKind::SearchLimit)
}

#[cfg(test)]
mod tests {
    use super::*;

    use First::{CredentialRefused, Crowded, Failed, Forbidden, Good, Hung, Throttled};
    use Next::{AccountAgain, FamilyAgain, Introspection, Usage};

    #[rstest::rstest]
    #[case::all_well(Good, &[Good, Good], None, &[Usage, Introspection])]
    #[case::a_dead_token(CredentialRefused, &[], None, &[Introspection])]
    #[case::one_fails(Good, &[Good, Failed], None, &[FamilyAgain(1), FamilyAgain(1)])]
    #[case::two_fail(Good, &[Failed, Good, Failed], None, &[FamilyAgain(0), FamilyAgain(2)])]
    #[case::all_fail(Failed, &[Failed], None, &[FamilyAgain(0), AccountAgain])]
    #[case::rights(Good, &[Good, Forbidden], None, &[Introspection, FamilyAgain(1)])]
    #[case::a_limit(Good, &[Throttled], None, &[Usage, Introspection])]
    #[case::a_limit_of_a_second(Good, &[Good, Crowded], None, &[FamilyAgain(1), Usage])]
    #[case::a_limit_of_a_second_beside_a_failure(Good, &[Failed, Crowded], None, &[FamilyAgain(1), FamilyAgain(0)])]
    #[case::little_left(Good, &[Good], Some((25, 100)), &[Usage, Introspection])]
    #[case::little_left_and_a_failure(Good, &[Failed], Some((1, 100)), &[Usage, FamilyAgain(0)])]
    #[case::what_hangs_is_left_alone(Good, &[Hung, Failed], None, &[])]
    fn the_last_two_calls(
        #[case] account: First,
        #[case] families: &[First],
        #[case] daily: Option<(u64, u64)>,
        #[case] expected: &[Next],
    ) {
        assert_eq!(choose(account, families, daily, 2), expected);
        assert!(choose(account, families, daily, 1).len() <= 1);
        assert!(choose(account, families, daily, 0).is_empty());
    }
}
