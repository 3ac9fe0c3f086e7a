//! `tollgate iam`: users, groups, policies and access keys.

mod show;
mod test;

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use tollgate_aws::encode_label;

use super::Context;
use super::arguments::iam::{
    AttachArguments, GroupCommand, IamArguments, IamCommand, InlineCommand, KeyCommand, OneKey,
    OwnerArguments, Pair, PolicyCommand, RotateRootArguments, UserCommand,
};
use super::arguments::{ConnectionArguments, Format};
use super::client::Client;
use super::failure::{Failure, USAGE};
use super::names::text;

/// Bytes of a file with a policy: what the node takes, and a little more for it to refuse.
const POLICY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Pages of a list: 500 items each, and there are 5,000 users at most.
const PAGES_MAX: usize = 100;

pub(super) async fn run(arguments: &IamArguments, context: &Context) -> Result<(), Failure> {
    match &arguments.command {
        IamCommand::User(command) => user(command, context).await,
        IamCommand::Group(command) => group(command, context).await,
        IamCommand::Policy(command) => policy(command, context).await,
        IamCommand::Key(command) => key(command, context).await,
        IamCommand::Inline(command) => inline(command, context).await,
        IamCommand::Attach(it) => {
            let path = format!("{}/attached/{}", of(&it.owner), encode_label(&it.policy));
            let iam = Iam::new(&it.connection, context)?;
            let said = format!("{} is attached to {}", it.policy, owner(&it.owner));
            iam.done("PUT", &path, None, &said).await
        }
        IamCommand::Detach(it) => {
            let path = format!("{}/attached/{}", of(&it.owner), encode_label(&it.policy));
            let iam = Iam::new(&it.connection, context)?;
            let said = format!("{} is detached from {}", it.policy, owner(&it.owner));
            iam.done("DELETE", &path, None, &said).await
        }
        IamCommand::Test(it) => test::run(&Iam::new(&it.connection, context)?, it).await,
        IamCommand::Whoami(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let who = iam.get("whoami").await?;
            iam.show(&who, text(&who, "arn"))
        }
        IamCommand::RotateRoot(it) => rotate_root(it, context).await,
    }
}

/// The operations below `/tollgate/v1/iam/` of a node.
struct Iam<'c> {
    client: Client,
    context: &'c Context,
}

impl<'c> Iam<'c> {
    fn new(connection: &ConnectionArguments, context: &'c Context) -> Result<Self, Failure> {
        let client = Client::new(connection, context)?;
        Ok(Self { client, context })
    }

    async fn send(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let body = body.map(|it| it.to_string().into_bytes());
        let path = format!("iam/{path}");
        self.client.native(method, &path, &[], body).await
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send("GET", path, None).await
    }

    /// A call whose answer says nothing but that it was done.
    async fn done(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
        said: &str,
    ) -> Result<(), Failure> {
        self.send(method, path, body).await?;
        if self.context.format == Format::Json {
            self.context.output.json(&json!({}));
        } else {
            self.context.output.talk(said);
        }
        Ok(())
    }

    /// An answer as JSON, or what a person wants of it.
    fn show(&self, answer: &Value, said: &str) -> Result<(), Failure> {
        if self.context.format == Format::Json {
            self.context.output.json(answer);
        } else {
            self.context.output.data(said);
        }
        Ok(())
    }

    /// Something that was made: the answer as JSON, or a word to the person.
    fn made(&self, answer: &Value, said: &str) -> Result<(), Failure> {
        if self.context.format == Format::Json {
            self.context.output.json(answer);
        } else {
            self.context.output.talk(said);
        }
        Ok(())
    }

    /// All items of a list.
    async fn all(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let (mut items, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let mut query = vec![("maxResults", "500")];
            if let Some(token) = &token {
                query.push(("nextToken", token));
            }
            let path = format!("iam/{path}");
            let mut page = self.client.native("GET", &path, &query, None).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            match page.get("nextToken").and_then(Value::as_str) {
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
        Err(Failure::new("the list does not end"))
    }
}

async fn user(command: &UserCommand, context: &Context) -> Result<(), Failure> {
    match command {
        UserCommand::Create {
            name,
            tags,
            connection,
        } => {
            let iam = Iam::new(connection, context)?;
            let body = json!({"userName": name, "tags": map(tags)});
            let made = iam.send("POST", "users", Some(&body)).await?;
            let said = format!(
                "user {name} is made and may nothing yet: attach a policy, then make a key with \
                 tollgate iam key create {name}"
            );
            iam.made(&made, &said)
        }
        UserCommand::List(it) => {
            let iam = Iam::new(&it.connection, context)?;
            show::users(&iam.all("users").await?, context);
            Ok(())
        }
        UserCommand::Show(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let user = iam
                .get(&format!("users/{}", encode_label(&it.name)))
                .await?;
            iam.show(&user, &show::record(&user))
        }
        UserCommand::Delete(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let path = format!("users/{}", encode_label(&it.name));
            let said = format!("user {} is deleted", it.name);
            iam.done("DELETE", &path, None, &said).await
        }
        UserCommand::Tag {
            name,
            tags,
            connection,
        } => {
            let iam = Iam::new(connection, context)?;
            let path = format!("users/{}/tags", encode_label(name));
            let body = json!({"tags": map(tags)});
            let said = format!("user {name} is tagged");
            iam.done("PUT", &path, Some(&body), &said).await
        }
        UserCommand::Untag {
            name,
            keys,
            connection,
        } => {
            let iam = Iam::new(connection, context)?;
            let path = format!("iam/users/{}/tags", encode_label(name));
            let query: Vec<(&str, &str)> = keys.iter().map(|it| ("tagKeys", it.as_str())).collect();
            iam.client.native("DELETE", &path, &query, None).await?;
            iam.made(&json!({}), &format!("user {name} has these tags no more"))
        }
    }
}

async fn group(command: &GroupCommand, context: &Context) -> Result<(), Failure> {
    match command {
        GroupCommand::Create(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let body = json!({"groupName": it.name});
            let made = iam.send("POST", "groups", Some(&body)).await?;
            iam.made(&made, &format!("group {} is made", it.name))
        }
        GroupCommand::List(it) => {
            let iam = Iam::new(&it.connection, context)?;
            show::groups(&iam.all("groups").await?, context);
            Ok(())
        }
        GroupCommand::Show(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let path = format!("groups/{}", encode_label(&it.name));
            let group = iam.get(&path).await?;
            iam.show(&group, &show::record(&group))
        }
        GroupCommand::Delete(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let path = format!("groups/{}", encode_label(&it.name));
            let said = format!("group {} is deleted", it.name);
            iam.done("DELETE", &path, None, &said).await
        }
        GroupCommand::Add(it) | GroupCommand::Remove(it) => {
            let (method, verb) = match command {
                GroupCommand::Add(_) => ("PUT", "in"),
                _ => ("DELETE", "no more in"),
            };
            let iam = Iam::new(&it.connection, context)?;
            let (group, user) = (encode_label(&it.group), encode_label(&it.user));
            let said = format!("user {} is {verb} group {}", it.user, it.group);
            let path = format!("groups/{group}/users/{user}");
            iam.done(method, &path, None, &said).await
        }
    }
}

async fn policy(command: &PolicyCommand, context: &Context) -> Result<(), Failure> {
    match command {
        PolicyCommand::Create {
            name,
            file,
            description,
            connection,
        } => {
            let body = json!({
                "policyName": name, "description": description, "document": read(file)?,
            });
            let iam = Iam::new(connection, context)?;
            let made = iam.send("POST", "policies", Some(&body)).await?;
            let said = format!("policy {name} is made: tollgate iam attach {name} --user NAME");
            iam.made(&made, &said)
        }
        PolicyCommand::Update {
            name,
            file,
            connection,
        } => {
            let body = json!({"document": read(file)?});
            let iam = Iam::new(connection, context)?;
            let path = format!("policies/{}", encode_label(name));
            let changed = iam.send("PUT", &path, Some(&body)).await?;
            iam.made(&changed, &format!("policy {name} is replaced"))
        }
        PolicyCommand::List(it) => {
            let iam = Iam::new(&it.connection, context)?;
            show::policies(&iam.all("policies").await?, context);
            Ok(())
        }
        PolicyCommand::Show(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let path = format!("policies/{}", encode_label(&it.name));
            let policy = iam.get(&path).await?;
            iam.show(&policy, &show::document(&policy))
        }
        PolicyCommand::Delete(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let path = format!("policies/{}", encode_label(&it.name));
            let said = format!("policy {} is deleted", it.name);
            iam.done("DELETE", &path, None, &said).await
        }
    }
}

async fn key(command: &KeyCommand, context: &Context) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { user, connection } => {
            let iam = Iam::new(connection, context)?;
            let made = create_key(&iam, user).await?;
            iam.show(&made, &show::key(&made))?;
            context.output.talk("The secret is shown this once.");
            Ok(())
        }
        KeyCommand::List { user, connection } => {
            let iam = Iam::new(connection, context)?;
            show::keys(&keys(&iam, user).await?, context);
            Ok(())
        }
        KeyCommand::Disable(it) => set_key(it, "Inactive", "is refused", context).await,
        KeyCommand::Enable(it) => set_key(it, "Active", "is accepted", context).await,
        KeyCommand::Rotate { user, connection } => {
            let iam = Iam::new(connection, context)?;
            rotate(&iam, user).await
        }
        KeyCommand::Delete(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let said = format!("access key {} is deleted", it.id);
            iam.done("DELETE", &key_path(it), None, &said).await
        }
    }
}

fn key_path(key: &OneKey) -> String {
    let (user, id) = (encode_label(&key.user), encode_label(&key.id));
    format!("users/{user}/keys/{id}")
}

async fn set_key(key: &OneKey, status: &str, said: &str, context: &Context) -> Result<(), Failure> {
    let iam = Iam::new(&key.connection, context)?;
    let body = json!({"status": status});
    let said = format!("access key {} {said} from now on", key.id);
    iam.done("PATCH", &key_path(key), Some(&body), &said).await
}

async fn create_key(iam: &Iam<'_>, user: &str) -> Result<Value, Failure> {
    let path = format!("users/{}/keys", encode_label(user));
    iam.send("POST", &path, Some(&json!({}))).await
}

async fn keys(iam: &Iam<'_>, user: &str) -> Result<Vec<Value>, Failure> {
    let path = format!("users/{}/keys", encode_label(user));
    let mut answer = iam.get(&path).await?;
    match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// A second key: whoever uses the first one goes on, until he has the second.
async fn rotate(iam: &Iam<'_>, user: &str) -> Result<(), Failure> {
    let old = keys(iam, user).await?;
    if old.len() > 1 {
        let ids: Vec<&str> = old.iter().map(|it| text(it, "accessKeyId")).collect();
        let what = format!(
            "user {user} has two access keys already: {}",
            ids.join(", ")
        );
        let hint = format!("delete the one that nobody uses: tollgate iam key delete {user} KEY");
        return Err(Failure::new(what).hint(hint));
    }
    let made = create_key(iam, user).await?;
    iam.show(&made, &show::key(&made))?;
    let next = match old.first() {
        None => "The secret is shown this once.".to_owned(),
        Some(old) => {
            let id = text(old, "accessKeyId");
            format!(
                "The secret is shown this once. When everything uses it, end the old key:\n  \
                 tollgate iam key disable {user} {id}\n  tollgate iam key delete {user} {id}"
            )
        }
    };
    iam.context.output.talk(&next);
    Ok(())
}

async fn inline(command: &InlineCommand, context: &Context) -> Result<(), Failure> {
    match command {
        InlineCommand::Put {
            name,
            file,
            owner: whose,
            connection,
        } => {
            let body = json!({"document": read(file)?});
            let iam = Iam::new(connection, context)?;
            let path = format!("{}/policies/{}", of(whose), encode_label(name));
            let said = format!("policy {name} is in {}", owner(whose));
            iam.done("PUT", &path, Some(&body), &said).await
        }
        InlineCommand::Show(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let policy = iam.get(&inline_path(it)).await?;
            iam.show(&policy, &show::document(&policy))
        }
        InlineCommand::Delete(it) => {
            let iam = Iam::new(&it.connection, context)?;
            let said = format!("policy {} is no more in {}", it.policy, owner(&it.owner));
            iam.done("DELETE", &inline_path(it), None, &said).await
        }
    }
}

fn inline_path(it: &AttachArguments) -> String {
    format!("{}/policies/{}", of(&it.owner), encode_label(&it.policy))
}

/// The path of a user or a group.
fn of(owner: &OwnerArguments) -> String {
    match (&owner.user, &owner.group) {
        (Some(user), _) => format!("users/{}", encode_label(user)),
        (None, group) => format!(
            "groups/{}",
            encode_label(group.as_deref().unwrap_or_default())
        ),
    }
}

fn owner(owner: &OwnerArguments) -> String {
    match (&owner.user, &owner.group) {
        (Some(user), _) => format!("user {user}"),
        (None, group) => format!("group {}", group.as_deref().unwrap_or_default()),
    }
}

fn map(pairs: &[Pair]) -> Value {
    let pairs = pairs
        .iter()
        .map(|Pair(key, value)| (key.clone(), value.clone().into()));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// A policy as it stands in a file: the node says what is wrong with it.
fn read(file: &Path) -> Result<String, Failure> {
    let mut policy = String::new();
    let failed = |error: std::io::Error| {
        Failure::new(format!("cannot read {}: {error}", file.display())).exit(USAGE)
    };
    if file == Path::new("-") {
        let mut bounded = std::io::stdin().take(POLICY_FILE_BYTES_MAX);
        bounded.read_to_string(&mut policy).map_err(failed)?;
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(POLICY_FILE_BYTES_MAX).read_to_string(&mut policy))
            .map_err(failed)?;
    }
    Ok(policy)
}

async fn rotate_root(it: &RotateRootArguments, context: &Context) -> Result<(), Failure> {
    let iam = Iam::new(&it.connection, context)?;
    let body = json!({"overlapSeconds": it.overlap.0});
    let made = iam.send("POST", "root/rotate", Some(&body)).await?;
    iam.show(&made, &show::key(&made))?;
    let old = text(&made, "oldAccessKeyId");
    let until = match it.overlap.0 {
        0 => format!("the old one, {old}, is refused from now on"),
        seconds => format!("the old one, {old}, is accepted for {seconds} s more"),
    };
    context.output.talk(&format!(
        "This is the root key from now on, also in root-key.json of every node; {until}."
    ));
    Ok(())
}
