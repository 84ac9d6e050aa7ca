import shutil,os
R='./crates/'
def sub(p,*pairs):
    s=open(R+p).read()
    for a,b in pairs:
        assert a in s, (p,a[:60])
        s=s.replace(a,b,1)
    open(R+p,'w').write(s)
os.makedirs(R+'inbox/src/journal',exist_ok=True)
os.makedirs(R+'inbox/src/dispatch/worker',exist_ok=True)
shutil.copy('./journal.rs',R+'inbox/src/journal.rs')
shutil.copy('./journal/translate.rs',R+'inbox/src/journal/translate.rs')
shutil.copy('./journal/tests.rs',R+'inbox/src/journal/tests.rs')
shutil.copy('./dial.rs',R+'inbox/src/dispatch/dial.rs')
shutil.copy('./tests.rs',R+'inbox/src/dispatch/worker/tests.rs')
shutil.copy('./app_journal.rs',R+'app/src/webhooks/journal.rs')
sub('inbox/src/lib.rs',("pub mod explain;\n","pub mod explain;\npub mod journal;\n"),("//! | [`effects`] |","//! | [`journal`] | what HubSpot's journal tells, and no webhook brought |\n//! | [`effects`] |"))
sub('inbox/src/dispatch.rs',("pub mod breaker;\n","pub mod breaker;\npub mod dial;\n"),("//! | [`door`] |","//! | [`dial`] | a connection to an address that was looked at |\n//! | [`door`] |"))
s=open(R+'inbox/src/dispatch/http_door.rs').read()
i=s.index("    async fn connect(&self)"); j=s.index("    fn request(&self, parcel")
s=s[:i]+s[j:]
i=s.index("async fn handshake<T>")
s=s[:i].rstrip()+"\n"
s=s.replace("    tls: Arc<rustls::ClientConfig>,\n    clock: Clock,\n    /// Connections","    dialler: Dialler,\n    clock: Clock,\n    /// Connections")
s=s.replace("Self(Arc::new(Inner { sink, tls, clock, idle: Mutex::default() }))","let dialler = Dialler { reach: sink.reach, tls };\n        Self(Arc::new(Inner { sink, dialler, clock, idle: Mutex::default() }))")
s=s.replace("self.connect().await?","self.dialler.connect(&self.sink.url).await?")
s=s.replace("type Sender = SendRequest<Full<Bytes>>;\n\n","")
s=s.replace("const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);\n\n","")
s=s.replace("use std::net::SocketAddr;\n","").replace("use std::time::Duration;\n","")
s=s.replace("use hyper::client::conn::http1::{self, SendRequest};\nuse hyper_util::rt::TokioIo;\n","")
s=s.replace("use rustls::pki_types::ServerName;\nuse tokio::net::TcpStream;\n","").replace("use tokio_rustls::TlsConnector;\n","")
s=s.replace("use super::guard;\n","").replace("use super::door::{Door","use super::dial::{Dialler, Sender};\nuse super::door::{Door")
s=s.replace("idle.pop().filter(SendRequest::is_ready)","idle.pop().filter(Sender::is_ready)")
open(R+'inbox/src/dispatch/http_door.rs','w').write(s)
sub('inbox/src/dispatch/worker.rs',("pub(super) async fn told(","pub(crate) async fn told("),
 ("    pub position: i64,\n    pub left_alone","    pub position: i64,\n    /// The last delivery that was read.\n    pub read_to: i64,\n    pub left_alone"),
 ("        status.left_alone = ","        status.read_to = self.engine.read_to();\n        status.left_alone = "))
s=open(R+'inbox/src/dispatch/worker.rs').read().rstrip()+"\n\n#[cfg(test)]\nmod tests;\n"
open(R+'inbox/src/dispatch/worker.rs','w').write(s)
sub('inbox/src/dispatch/engine.rs',("/// Events in memory at most.\nconst EVENTS_MAX: usize = 4_096;","/// Events in memory at most, and so those among which disorder is mended.\nconst EVENTS_MAX: usize = 16_384;"))
s=open(R+'inbox/src/event.rs').read()
i=s.index("    /// What tells this event from every other"); j=s.index("    /// What the event is about: of two")
s=s[:i]+'''    /// What tells this event from every other, and is the same each time it is delivered. `eventId` alone is not unique
    /// (hubspot-facts §6.4), and `attemptNumber` differs.
    pub fn key(&self) -> EventKey {
        self.digested([self.app_id(), self.event_id.map(text)])
    }

    /// The same by what it says alone: the journal tells no event's number, and no app's.
    pub fn gist(&self) -> EventKey {
        self.digested([None, None])
    }

    fn digested(&self, numbers: [Option<&str>; 2]) -> EventKey {
        let [app, number] = numbers;
        let fields = [
            self.portal_id(),
            app,
            Some(&*self.subscription_type),
            self.object_type_id.as_deref(),
            self.object_id.map(text),
            number,
            self.property_name.as_deref(),
            self.from_object_id.map(text),
            self.to_object_id.map(text),
            self.association_type.as_deref(),
            self.association_removed.map(|removed| if removed { "removed" } else { "added" }),
            self.message_id.as_deref(),
        ];
        let mut digest = Context::new(&SHA256);
        for field in fields {
            let field = field.unwrap_or("\\0");
            digest.update(&(field.len() as u64).to_le_bytes());
            digest.update(field.as_bytes());
        }
        let digest = digest.finish();
        let short = digest.as_ref()[..10].try_into().expect("SHA-256 has 32 bytes");
        EventKey::new(self.occurred_at().unwrap_or_default(), short)
    }

'''+s[j:]
open(R+'inbox/src/event.rs','w').write(s)
sub('inbox/src/receive.rs',
("    pub secrets: Vec<Secret>,\n}\n","    pub secrets: Vec<Secret>,\n    pub dedupe: Dedupe,\n}\n\n/// How an event that came before is told.\n#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]\npub enum Dedupe {\n    /// By HubSpot's number and by what it says.\n    #[default]\n    ByNumber,\n    /// By what it says alone, where the journal is read too.\n    ByWhatItSays,\n}\n"),
("            keys: events.iter().map(Event::key).collect(),","            keys: match app.dedupe {\n                Dedupe::ByNumber => events.iter().map(Event::key).collect(),\n                Dedupe::ByWhatItSays => events.iter().map(Event::gist).collect(),\n            },"),
("            secrets: secrets.iter().map(|secret| Secret::new(*secret)).collect(),","            secrets: secrets.iter().map(|secret| Secret::new(*secret)).collect(),\n            dedupe: Dedupe::ByNumber,"))
# app
s=open(R+'app/src/webhooks.rs').read()
s=s.replace("secrets: vec![secret.resolve()?],\n            });","secrets: vec![secret.resolve()?],\n                dedupe: if connection.journal { Dedupe::ByWhatItSays } else { Dedupe::ByNumber },\n            });")
a="        apps.push(App { connection: \"default\".into(), app_id: None, portal_id: None, secrets: vec![secret] });"
assert a in s
s=s.replace(a,"        apps.push(App {\n            connection: \"default\".into(),\n            app_id: None,\n            portal_id: None,\n            secrets: vec![secret],\n            dedupe: Dedupe::ByNumber,\n        });")
s=s.replace("use inbox::receive::{self, App, Outcome, Receiver};","use inbox::receive::{self, App, Dedupe, Outcome, Receiver};")
s=s.replace("mod effects;\nmod keeping;\n","mod effects;\nmod journal;\nmod keeping;\n")
s=s.replace('''    let stop = keeping::start(&receiver, &clock, &config.webhooks);
''','''    let stop = keeping::start(&receiver, &clock, &config.webhooks);
    journals(config, connections, &receiver, stack, tls, &stop)?;
''')
s=s.replace('''    stack: &Arc<Stack>,
    tls: &rustls::ClientConfig,
) -> Result<Option<Running>, Failure> {''','''    stack: &Arc<Stack>,
    tls: &rustls::ClientConfig,
    connections: &[Arc<Connection>],
) -> Result<Option<Running>, Failure> {''')
s=s.replace('''impl Running {
    /// Ends what''','''/// Reads the journals of the connections that have one.
fn journals(
    config: &Config,
    connections: &[Arc<Connection>],
    receiver: &Arc<Receiver>,
    stack: &Arc<Stack>,
    tls: &rustls::ClientConfig,
    stop: &watch::Sender<bool>,
) -> Result<(), Failure> {
    let upstream: http::Uri = config.gateway.upstream.parse().map_err(Failure::usage)?;
    let named = config.connections.iter().filter(|section| section.journal).map(|section| &section.name);
    for name in named {
        let Some(connection) = connections.iter().find(|connection| connection.name == *name) else { continue };
        let source = journal::Journal {
            stack: stack.clone(),
            connection: connection.clone(),
            upstream: upstream.clone(),
            dialler: Dialler { reach: Reach::Public, tls: Arc::new(tls.clone()) },
        };
        let clock = stack.clock();
        let reader = Reader {
            receiver: receiver.clone(),
            source: Arc::new(source),
            connection: name.clone(),
            clock: Arc::new(move || clock.now()),
        };
        tokio::spawn(reader.run(stop.subscribe()));
    }
    Ok(())
}

impl Running {
    /// Ends what''',1)
s=s.replace("use client::stack::Stack;\n","use client::accounts::Connection;\nuse client::stack::Stack;\n",1)
s=s.replace("use inbox::dispatch::house::Dispatch;","use inbox::dispatch::dial::Dialler;\nuse inbox::dispatch::house::Dispatch;\nuse inbox::dispatch::subscriber::Reach;\nuse inbox::journal::Reader;",1)
open(R+'app/src/webhooks.rs','w').write(s)
sub('app/src/config.rs',("    #[serde(default)]\n    pub(crate) app_id: Option<u64>,\n","    #[serde(default)]\n    pub(crate) app_id: Option<u64>,\n    #[serde(default)]\n    pub(crate) journal: bool,\n"))
s=open(R+'app/src/commands/up.rs').read()
s=s.replace("webhooks::open(config, store, &stack, &tls)","webhooks::open(config, store, &stack, &tls, &connections)")
s=s.replace("outbox(store, &stack, connections)","outbox(store, &stack, connections.clone())")
open(R+'app/src/commands/up.rs','w').write(s)
s=open(R+'app/hubkeeper.default.toml').read()
a='#client_secret = "file:/run/secrets/hubspot-client-secret"\n'
assert a in s
s=s.replace(a,a+'''# Read HubSpot's webhooks journal too, every ten minutes: it fills what no webhook brought in the last three days. The app
# needs subscriptions in the journal. Events are then told apart by what they say and not by HubSpot's number.
#journal = false
''',1)
open(R+'app/hubkeeper.default.toml','w').write(s)
s=open(R+'app/tests/it/webhooks/desk.rs').read()
s=s.replace("use serde_json::Value;","use serde_json::{Value, json as written};")
s=s.rstrip()+'''

#[tokio::test]
async fn what_no_webhook_brought_is_taken_from_the_journal() {
    let taker = taker().await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let token = format!("Authorization: Bearer {}", place.sim.token());
    let post = async |path: &str, body: &Value| {
        let answer = crate::house::ask(place.sim.url(), "POST", path, &[&token], &body.to_string()).await;
        assert!(answer.status < 300, "{answer:?}");
    };
    let portal = simulator::Config::default().portal_id;
    let subscription = written!({"subscriptionType": "OBJECT", "portalId": portal, "objectTypeId": "0-1", "actions": ["CREATE", "UPDATE"]});
    post("/webhooks-journal/subscriptions/2026-03", &subscription).await;
    for number in 0..3 {
        let contact = written!({"properties": {"firstname": format!("n{number}")}});
        post("/crm/v3/objects/contacts", &contact).await;
    }
    post("/_sim/clock/advance", &written!({"seconds": 10})).await;
    let connection = "[[connections]]\\nname = \\"default\\"\\ntoken = \\"env:TOKEN\\"\\nclient_secret = \\"env:APP_SECRET\\"\\njournal = true\\n";
    let up = place.up_with(connection, place.sim.ready["client_secret"].as_str().unwrap()).await;
    sees(&taker, 6).await;
    let events = seen(&taker.heard());
    let created = events.iter().filter(|event| event["subscriptionType"] == "contact.creation").count();
    assert_eq!(created, 3, "{events:#?}");
    up.stop().await;
}
'''
open(R+'app/tests/it/webhooks/desk.rs','w').write(s)
