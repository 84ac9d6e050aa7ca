//! The connections whose token we hold, who keeps their tokens alive, and the outbox that applies writes with them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use client::accounts::{Connection, Lack, Token};
use client::stack::Stack;
use gateway::grants::{App, Keeper, KeeperSettings};
use gateway::outbox::{Outbox, OutboxSettings};
use gateway::scopes::{AppOf, OfConnection, Scopes};
use hubspot::limits::AppKind;
use hubspot::oauth::AUTHORIZE_URL;
use hubspot::secret::Secret;
use store::Store;
use store::grants::GrantError;
use store::seal::{SealError, Sealer};

use crate::config::{Config, ConnectionSection, Mode};
use crate::failure::Failure;
use crate::incidents::Installs;
use crate::process;
use crate::scopes::ScopeLedger;
use crate::secret_reference::SecretReference;
use crate::secrets::{Owner, Secrets, Watched};

/// The variable that people already have.
pub(crate) const TOKEN_VARIABLE: &str = "HUBSPOT_ACCESS_TOKEN";

/// HubSpot's own address: with another upstream, consent is asked for there, too.
const HUBSPOT: &str = "https://api.hubapi.com";

/// Every connection, and what keeps it.
#[derive(Default)]
pub(crate) struct Connections {
    pub(crate) all: Vec<Arc<Connection>>,
    apps: Vec<App>,
    /// Where tokens come from.
    tokens: Vec<(Arc<Connection>, SecretReference, Secret)>,
    /// Whom to ask about tokens.
    asked_about: Vec<OfConnection>,
    client_secrets: Vec<(String, Arc<ArcSwap<Secret>>, SecretReference)>,
}

pub(crate) fn outbox(
    config: &Config,
    store: Store,
    stack: &Arc<Stack>,
    connections: Vec<Arc<Connection>>,
) -> Outbox {
    let settings = OutboxSettings {
        stamp_property: config.outbox.stamp_property.clone(),
        keep: Duration::from_secs(config.outbox.keep_days.saturating_mul(24 * 3600)),
        keep_bytes_max: config.outbox.keep_bytes_max,
        attempt_timeout: Duration::from_millis(config.gateway.attempt_timeout_ms),
    };
    Outbox::new(store, stack.clone(), connections, settings)
}

impl Connections {
    /// The connections whose token we hold: those of the file, or the one of the environment. Where all calls go with their
    /// caller's own token and nothing is kept, there is no need of any.
    ///
    /// # Errors
    /// A secret that cannot be had.
    pub(crate) fn open(config: &Config, store: Option<&Store>) -> Result<Self, Failure> {
        let mut all = Self::default();
        if config.gateway.mode == Mode::Passthrough && store.is_none() {
            return Ok(all);
        }
        for section in &config.connections {
            all.add(section, store)?;
        }
        if config.connections.is_empty() && process::environment(TOKEN_VARIABLE).is_some() {
            let reference = SecretReference::Env(TOKEN_VARIABLE.to_owned());
            let token = reference.resolve()?;
            let connection = Connection::new("default".to_owned(), &token, AppKind::PrivateApp);
            let connection = Arc::new(connection.map_err(Failure::usage)?);
            all.asked_about.push(OfConnection { connection: connection.clone(), app: None });
            all.tokens.push((connection.clone(), reference, token));
            all.all.push(connection);
        }
        Ok(all)
    }

    fn add(&mut self, section: &ConnectionSection, store: Option<&Store>) -> Result<(), Failure> {
        let (name, kind) = (section.name.clone(), section.kind());
        let token =
            section.token.as_ref().map(|reference| Ok((reference, reference.resolve()?))).transpose()?;
        let mut connection = match &token {
            Some((_, token)) => Connection::new(name, token, kind).map_err(Failure::usage)?,
            None => Connection::without_token(name, kind, Lack::Renewal),
        };
        connection.plan = section.plan;
        if let Some(id) = section.portal_id {
            connection.set_portal_id(id);
        }
        let connection = Arc::new(connection);
        if let Some((reference, token)) = token {
            self.tokens.push((connection.clone(), reference.clone(), token));
        }
        let mut app = None;
        if let Some(oauth) = section.oauth() {
            if store.is_none() {
                return Err(Failure::usage(format!(
                    "connection {}: what people grant is kept, and there is no store to keep it in",
                    section.name
                ))
                .hint("name a directory with --data, or set [store] url"));
            }
            let secret = Arc::new(ArcSwap::from_pointee(oauth.client_secret.resolve()?));
            self.client_secrets.push((section.name.clone(), secret.clone(), oauth.client_secret.clone()));
            app = Some(AppOf { client_id: oauth.client_id.to_owned(), client_secret: secret.clone() });
            self.apps.push(App {
                connection: connection.clone(),
                portal_id: section.portal_id,
                client_id: oauth.client_id.to_owned(),
                client_secret: secret,
                scopes: section.scopes.clone(),
                optional_scopes: section.optional_scopes.clone(),
            });
        }
        self.asked_about.push(OfConnection { connection: connection.clone(), app });
        self.all.push(connection);
        Ok(())
    }

    /// From now on their sources are looked at, and what comes from there is put to use.
    pub(crate) fn watch(&mut self, stack: &Arc<Stack>, secrets: &Secrets) {
        for (connection, reference, token) in self.tokens.drain(..) {
            if reference.may_change() {
                connection.is_seen_to(secrets.bell());
            }
            let (stack, owner) = (stack.clone(), Owner::Token(connection.clone()));
            secrets.watch(Watched::new(owner, reference, token, move |token| {
                match Token::new(token, None) {
                    Ok(token) => {
                        stack.replace_token(&connection, Ok(token));
                        stack.ask_whose(&connection);
                    }
                    Err(error) => {
                        tracing::error!(connection = connection.name, %error, "a new token is none");
                    }
                }
            }));
        }
        for (name, secret, reference) in self.client_secrets.drain(..) {
            let now = (**secret.load()).clone();
            let owner = Owner::ClientSecret(name);
            secrets
                .watch(Watched::new(owner, reference, now, move |new| secret.store(Arc::new(new.clone()))));
        }
    }

    /// What their tokens may do, once HubSpot is asked, and what calls need. `None`: none of them is ours.
    pub(crate) fn ledger(
        &mut self,
        config: &Config,
        store: Option<&Store>,
        stack: &Arc<Stack>,
    ) -> Option<ScopeLedger> {
        let asked_about = std::mem::take(&mut self.asked_about);
        let refuses = config.gateway.check_scopes();
        let scopes =
            (!asked_about.is_empty()).then(|| Arc::new(Scopes::new(stack.clone(), asked_about, refuses)));
        scopes.map(|scopes| ScopeLedger::new(scopes, store.cloned(), stack.clock()))
    }

    /// From now on the tokens of OAuth apps are renewed, for as long as the keeper runs.
    ///
    /// # Errors
    /// Tokens in the store that cannot be opened.
    pub(crate) async fn keep(
        &mut self,
        config: &Config,
        store: Option<&Store>,
        stack: &Arc<Stack>,
        admin: &str,
        installs: &Installs,
    ) -> Result<Option<Arc<Keeper>>, Failure> {
        let (Some(store), false) = (store, self.apps.is_empty()) else { return Ok(None) };
        let sealer = sealer(config)?;
        let settings = settings(config, admin);
        let apps = std::mem::take(&mut self.apps);
        let keeper = Keeper::new(stack.clone(), store.clone(), sealer, apps, settings);
        keeper.begin().await.map_err(|error| not_opened(&error))?;
        let keeper = Arc::new(keeper);
        installs.are_kept_by(&keeper);
        Ok(Some(keeper))
    }
}

fn settings(config: &Config, admin: &str) -> KeeperSettings {
    let upstream = config.gateway.upstream.trim_end_matches('/');
    let authorize_url = config.oauth.authorize_url.clone().unwrap_or_else(|| match upstream {
        HUBSPOT => AUTHORIZE_URL.to_owned(),
        other => format!("{other}/oauth/authorize"),
    });
    // HubSpot takes plain http for `localhost` alone, and by that name.
    let here = || admin.replacen("127.0.0.1", "localhost", 1).replacen("[::1]", "localhost", 1);
    let public_url = config.oauth.public_url.clone().unwrap_or_else(here);
    let public_url = public_url.trim_end_matches('/');
    KeeperSettings {
        authorize_url,
        redirect_url: format!("{public_url}/oauth/callback"),
        reconnect_url: format!("{public_url}/oauth/connect/"),
        seed: rand::random(),
    }
}

/// The key-encryption key, and the one before it.
fn sealer(config: &Config) -> Result<Sealer, Failure> {
    let key =
        config.store.key.as_ref().ok_or_else(|| Failure::usage("there is no [store] key"))?.resolve()?;
    let before = config.store.key_before.as_ref().map(SecretReference::resolve).transpose()?;
    Sealer::of_text(&key, before.as_ref()).ok_or_else(|| {
        Failure::usage("[store] key or key_before is no key")
            .hint("a key is 64 hexadecimal digits, as `hubkeeper connections new-key` prints them")
    })
}

fn not_opened(error: &GrantError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error {
        GrantError::Sealed { why: SealError::OtherKey, .. } => failure.hint(
            "name the key that the store was written with in [store] key; after a change of keys, the old one in key_before",
        ),
        GrantError::Sealed { why: SealError::Broken, .. } => failure.hint(
            "authorise the connection anew: take its row out with `DELETE FROM grants`, then `hubkeeper connections add`",
        ),
        GrantError::Store(_) | GrantError::NoRandomness => failure,
    }
}
