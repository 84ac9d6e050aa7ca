//! `hubkeeper webhooks`: HubSpot's events, asked of a running gateway.

use std::time::Duration;

use http::{Method, Uri};
use serde_json::{Value, json};

use super::triage;
use crate::admin_api::{self, Refused};
use crate::cli::{
    At, ListOptions, ReplayOptions, SubscribersOptions, TailOptions, WebhooksCommand, WebhooksOptions,
};
use crate::config::{Config, SubscriberSection};
use crate::failure::{Exit, Failure};
use crate::process;

mod tell;
mod verify;

/// How often `tail` looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A running gateway, and how to tell what it says.
struct Desk<'a> {
    config: &'a Config,
    at: &'a At,
}

pub(super) fn run(config: &Config, options: &WebhooksOptions) -> Result<Exit, Failure> {
    let WebhooksOptions { at, command } = options;
    let desk = Desk { config, at };
    process::runtime()?.block_on(async {
        match command {
            WebhooksCommand::Tail(options) => tail(&desk, options).await,
            WebhooksCommand::List(options) => list(&desk, options).await,
            WebhooksCommand::Show(options) => {
                if inbox::dispatch::item::of_id(&options.id).is_none() {
                    return Err(Failure::usage(format!(
                        "{:?} is no event's name: one looks like evt_018f…",
                        options.id
                    ))
                    .hint("`hubkeeper webhooks list` shows them"));
                }
                let path = format!("/api/v1/webhooks/events/{}", escaped(&options.id));
                let shown = desk.ask(Method::GET, &path, None).await?;
                // All that is known of one event is JSON anyway.
                let text = if at.json {
                    serde_json::to_string(&shown)
                } else {
                    serde_json::to_string_pretty(&shown)
                };
                process::print_line(&text.map_err(Failure::work)?);
                Ok(Exit::Fine)
            }
            WebhooksCommand::Replay(options) => replay(&desk, options).await,
            WebhooksCommand::Verify(options) => verify::run(&desk, options).await,
            WebhooksCommand::SendTest(options) => {
                let body = json!({"subscriber": options.name});
                let said = desk.ask(Method::POST, "/api/v1/webhooks/send-test", Some(&body)).await?;
                desk.print(&said, tell::test)?;
                Ok(if said["taken"] == true { Exit::Fine } else { Exit::Problem })
            }
            WebhooksCommand::Subscribers(options) => subscribers(&desk, options).await,
            WebhooksCommand::Journal => journal(&desk).await,
        }
    })
}

async fn tail(desk: &Desk<'_>, options: &TailOptions) -> Result<Exit, Failure> {
    let path = format!(
        "/api/v1/webhooks/events?last=true&max=10{}",
        which(options.kind.as_deref(), options.object.as_deref())
    );
    let mut page = desk.ask(Method::GET, &path, None).await?;
    let mut stop = std::pin::pin!(process::asked_to_stop());
    let mut is_away = false;
    loop {
        for event in page["events"].as_array().into_iter().flatten() {
            let line = if desk.at.json { event.to_string() } else { tell::event(event) };
            if process::print_bytes(format!("{line}\n").as_bytes()).is_err() {
                return Ok(Exit::Fine); // whoever read it has seen enough
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = &mut stop => return Ok(Exit::Fine),
        }
        let path = format!(
            "/api/v1/webhooks/events?after={}&max=1000{}",
            page["next"],
            which(options.kind.as_deref(), options.object.as_deref())
        );
        match desk.ask(Method::GET, &path, None).await {
            Ok(next) => (page, is_away) = (next, false),
            // Whoever looks on does so over a restart, too: what comes meanwhile is kept, and shown then.
            Err(failure) if failure.exit() == Exit::Unsure => {
                page["events"] = json!([]);
                if !std::mem::replace(&mut is_away, true) {
                    tracing::warn!("{failure}");
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn list(desk: &Desk<'_>, options: &ListOptions) -> Result<Exit, Failure> {
    let max = options.max;
    let kind = options.kind.as_deref();
    let (path, told): (String, fn(&Value) -> String) = if let Some(state) = &options.letters {
        let kind = kind.map(|kind| format!("&kind={}", escaped(kind))).unwrap_or_default();
        let state = escaped(state);
        (format!("/api/v1/webhooks/letters?last=true&max={max}&state={state}{kind}"), tell::letters)
    } else if options.quarantine {
        (format!("/api/v1/webhooks/quarantine?max={max}"), tell::quarantine)
    } else if options.purges {
        (format!("/api/v1/webhooks/purges?max={max}"), tell::purges)
    } else if options.replays {
        (format!("/api/v1/webhooks/replays?max={max}"), tell::replays)
    } else {
        let which = which(kind, options.object.as_deref());
        (format!("/api/v1/webhooks/events?last=true&max={max}{which}"), tell::events)
    };
    let listed = desk.ask(Method::GET, &path, None).await?;
    desk.print(&listed, told)?;
    Ok(Exit::Fine)
}

async fn replay(desk: &Desk<'_>, options: &ReplayOptions) -> Result<Exit, Failure> {
    let (names, numbers): (Vec<&String>, Vec<&String>) =
        options.ids.iter().partition(|id| id.starts_with("evt_"));
    let numbers: Result<Vec<i64>, _> = numbers.iter().map(|number| number.parse()).collect();
    let numbers = numbers.map_err(|_| {
        Failure::usage("an event's name begins with evt_, and a letter has a number")
            .hint("`hubkeeper webhooks list --letters` shows them")
    })?;
    let (which, is_named) = (options.kind.len() + options.object.len(), !options.ids.is_empty());
    if !is_named && !options.dead && options.from.is_none() && which == 0 {
        return Err(Failure::usage("nothing says what to send").hint(
            "name events (evt_…), letters by their numbers, --dead for all dead letters, or --from TIME for what came since",
        ));
    }
    let body = json!({
        "subscriber": options.subscriber,
        "letters": numbers,
        "dead": options.dead,
        "from": options.from,
        "until": options.until,
        "wanted": {"ids": names, "events": options.kind, "objects": options.object},
    });
    let said = desk.ask(Method::POST, "/api/v1/webhooks/replay", Some(&body)).await?;
    desk.print(&said, tell::replayed)?;
    Ok(if said["letters"] == 0 { Exit::Problem } else { Exit::Fine })
}

async fn subscribers(desk: &Desk<'_>, options: &SubscribersOptions) -> Result<Exit, Failure> {
    if let Some(file) = &options.add {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?;
        let section: SubscriberSection = toml::from_str(&text).map_err(|error| {
            Failure::usage(format!("{} does not describe a subscriber: {}", file.display(), error.message()))
                .hint("its keys are those of [[webhooks.subscribers]] in `hubkeeper config default`")
        })?;
        section.check()?;
        let body = serde_json::to_value(&section).map_err(Failure::work)?;
        let made = desk.ask(Method::POST, "/api/v1/webhooks/subscribers", Some(&body)).await?;
        desk.print(&made, |made| format!("made {}", made["name"].as_str().unwrap_or_default()))?;
        return Ok(Exit::Fine);
    }
    if let Some((name, on)) = options
        .enable
        .as_ref()
        .map(|name| (name, true))
        .or(options.disable.as_ref().map(|name| (name, false)))
    {
        let body = json!({"subscriber": name, "on": on});
        let switched = desk.ask(Method::POST, "/api/v1/webhooks/switch", Some(&body)).await?;
        desk.print(&switched, |_| format!("{name} is {}", if on { "on" } else { "off" }))?;
        return Ok(Exit::Fine);
    }
    if let Some(name) = &options.remove {
        let removed = desk
            .ask(Method::DELETE, &format!("/api/v1/webhooks/subscribers/{}", escaped(name)), None)
            .await?;
        desk.print(&removed, |_| format!("{name} is gone"))?;
        return Ok(Exit::Fine);
    }
    let listed = desk.ask(Method::GET, "/api/v1/webhooks/subscribers", None).await?;
    desk.print(&listed, tell::subscribers)?;
    let troubled =
        |one: &Value| one["left_alone"] == true || !one["disabled"].is_null() || one["backlog"]["dead"] != 0;
    let any = listed["subscribers"].as_array().is_some_and(|all| all.iter().any(troubled));
    Ok(if any { Exit::Problem } else { Exit::Fine })
}

/// What was read and what was filled. What the journal could not tell any more, or cannot be read, is a problem.
async fn journal(desk: &Desk<'_>) -> Result<Exit, Failure> {
    let shown = desk.ask(Method::GET, "/api/v1/webhooks/journal", None).await?;
    desk.print(&shown, tell::journal)?;
    let any =
        |name: &str, is: fn(&Value) -> bool| shown[name].as_array().is_some_and(|all| all.iter().any(is));
    let problem = any("journals", |one| one["error"].is_string()) || any("gaps", |gap| gap["kind"] == "lost");
    Ok(if problem { Exit::Problem } else { Exit::Fine })
}

impl Desk<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let admin = self.admin()?;
        admin_api::ask_json(&admin, method, path, body).await.map_err(|refused| match refused {
            Refused::Nobody(why) => Failure::unsure(format!("no gateway answers at {admin}: {why}"))
                .hint("start one with `hubkeeper up`, or name its admin API with --admin"),
            Refused::Misunderstood(message) => Failure::usage(message),
            Refused::Said(message) => Failure::work(message),
            Refused::NotSetUp { message, hint } => Failure::usage(message).hint(hint),
        })
    }

    fn admin(&self) -> Result<Uri, Failure> {
        match &self.at.admin {
            Some(admin) => triage::uri("--admin", admin),
            None => triage::uri("admin.listen", &self.config.admin.url()),
        }
    }

    fn print(&self, value: &Value, told: impl Fn(&Value) -> String) -> Result<(), Failure> {
        let text =
            if self.at.json { serde_json::to_string(value).map_err(Failure::work)? } else { told(value) };
        if !text.is_empty() {
            process::print_line(text.trim_end());
        }
        Ok(())
    }
}

fn which(kind: Option<&str>, object: Option<&str>) -> String {
    let pair = |name: &str, value: Option<&str>| {
        value.map(|value| format!("&{name}={}", escaped(value))).unwrap_or_default()
    };
    format!("{}{}", pair("kind", kind), pair("object", object))
}

/// For a path or a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'/');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
