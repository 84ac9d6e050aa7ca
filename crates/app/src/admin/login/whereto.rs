//! Where somebody wanted to go who has to log in first. Links in messages lead to a page of ours; after the detour they
//! still do. The browser remembers it, so that no link of anybody's can say where a login ends.

use std::time::Duration;

use axum::http::{HeaderMap, Method};

use super::cookie;
use crate::admin::rights::{self, Right};

/// The way leads over the issuer's site, and back from there: it is not `Strict`.
const COOKIE: &str = "hubkeeper_next";

/// A person logs in, with a second factor.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// Our own paths are short.
const PATH_BYTES_MAX: usize = 300;

/// Nobody is on the way any more.
pub(super) const OVER: &str = "hubkeeper_next=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";

/// What the browser is to remember; `None` for what is no page of ours.
pub(super) fn remembered(path: &str, is_https: bool) -> Option<String> {
    let (life, secure) = (LIFE.as_secs(), if is_https { "; Secure" } else { "" });
    is_ours(path).then(|| format!("{COOKIE}={path}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life}{secure}"))
}

/// Where it goes on after a login.
pub(super) fn of(headers: &HeaderMap) -> &str {
    cookie(headers, COOKIE).filter(|path| is_ours(path)).unwrap_or("/")
}

/// A page that stands in our own table and takes a login. Whatever has a second meaning for a browser is none.
fn is_ours(path: &str) -> bool {
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%".contains(&byte));
    let (right, route) = rights::needed(&Method::GET, path);
    plain
        && path.len() <= PATH_BYTES_MAX
        && path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/api/")
        && route != "elsewhere"
        && right != Right::Open
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_link_in_a_message("/oauth/connect/crm%20eu", true)]
    #[case::an_incident("/incidents/inc_1", true)]
    #[case::the_console("/", true)]
    #[case::another_site("https://evil.example/", false)]
    #[case::another_site_by_two_slashes("//evil.example/oauth/connect/x", false)]
    #[case::by_a_backslash("/\\evil.example", false)]
    #[case::with_a_space("/oauth/connect/x y", false)]
    #[case::the_login_itself("/login", false)]
    #[case::no_page("/api/v1/connections", false)]
    #[case::nothing_there("/nothing", false)]
    fn a_login_ends_on_a_page_of_ours(#[case] path: &str, #[case] is_one: bool) {
        assert_eq!(remembered(path, true).is_some(), is_one);
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&format!("{COOKIE}={path}")) {
            headers.insert("cookie", value);
        }
        assert_eq!(of(&headers), if is_one { path } else { "/" });
    }
}
