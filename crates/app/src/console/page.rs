//! The frame around every page.

use maud::{DOCTYPE, Markup, html};

use crate::admin::log_out_form;

/// The pages, in the order of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Now,
    Incidents,
    Drill,
}

impl Page {
    const fn title(self) -> &'static str {
        match self {
            Self::Now => "Now",
            Self::Incidents => "Incidents",
            Self::Drill => "Drill",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Now => "/",
            Self::Incidents => "/incidents",
            Self::Drill => "/drill",
        }
    }
}

/// `content` within menu and title. `menu` holds the pages that there are.
pub(super) fn frame(here: Page, menu: &[Page], content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (here.title()) " · hubkeeper" }
                link rel="stylesheet" href="/console.css";
                script src="/console.js" defer {}
            }
            body {
                header {
                    strong { "hubkeeper" }
                    nav aria-label="Pages" {
                        @for page in menu {
                            a href=(page.path()) aria-current=[(*page == here).then_some("page")] { (page.title()) }
                        }
                    }
                    (log_out_form())
                }
                main { (content) }
                footer { "Times are UTC. The same as JSON: " code { "/api/v1/traffic" } ", " code { "/api/v1/quota" } ", " code { "/api/v1/incidents" } "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_marks_where_we_are() {
        let page = frame(Page::Drill, &[Page::Now, Page::Drill], &html! { "<content>" }).0;
        assert!(page.contains(r#"<a href="/drill" aria-current="page">Drill</a>"#), "{page}");
        assert!(page.contains(r#"<a href="/">Now</a>"#), "{page}");
        assert!(page.contains("&lt;content&gt;"), "text is escaped");
    }
}
