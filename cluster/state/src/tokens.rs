//! Join tokens: who may let nodes in, until when and how many.
//!
//! Only a hash of a token's secret is here, so that a copy of the state lets nobody in.

use alloc::collections::BTreeMap;
use alloc::string::String;

use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::limits::{
    TOKEN_ID_BYTES_MAX, TOKEN_REMEMBERED_MS, TOKEN_TTL_MS_MAX, TOKENS_MAX, WHO_BYTES_MAX,
};

use crate::command::{AdmitRefusal, Hash};

/// A join token.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Token {
    /// The hash of its secret.
    pub secret_hash: Hash,
    /// Until when it admits.
    pub expires: Millis,
    /// How many nodes it was made for.
    pub uses: u32,
    /// How many nodes it still admits.
    pub left: u32,
    /// Who made it: an access key id.
    pub who: String,
    /// When it was made.
    pub created: Millis,
}

/// All join tokens by id.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Tokens(BTreeMap<String, Token>);

impl Tokens {
    pub(crate) fn all(&self) -> &BTreeMap<String, Token> {
        &self.0
    }

    /// Makes a token. The same again changes nothing.
    pub(crate) fn create(
        &mut self,
        now: Millis,
        id: &str,
        token: Token,
    ) -> Result<(), &'static str> {
        self.prune(now);
        if let Some(known) = self.0.get(id) {
            let same = known.secret_hash == token.secret_hash
                && known.expires == token.expires
                && known.uses == token.uses;
            return if same {
                Ok(())
            } else {
                Err("another token has this id")
            };
        }
        if id.is_empty() || id.len() > TOKEN_ID_BYTES_MAX || token.who.len() > WHO_BYTES_MAX {
            return Err("the token's id must have 1 to 64 bytes, and its maker at most 128");
        }
        if token.uses == 0 {
            return Err("a token must admit at least one node");
        }
        if token.expires <= now || token.expires.0 - now.0 > TOKEN_TTL_MS_MAX {
            return Err("a token must expire within 30 days from now");
        }
        if self.0.len() >= TOKENS_MAX {
            self.0.retain(|_, token| token.expires > now);
        }
        if self.0.len() >= TOKENS_MAX {
            return Err("there are too many join tokens; revoke some");
        }
        self.0.insert(id.into(), token);
        Ok(())
    }

    /// Takes a token back; says whether it was there.
    pub(crate) fn revoke(&mut self, now: Millis, id: &str) -> bool {
        self.prune(now);
        self.0.remove(id).is_some()
    }

    /// How many nodes the token that was shown still admits, if it is good.
    pub(crate) fn check(
        &self,
        now: Millis,
        id: &str,
        secret_hash: &Hash,
    ) -> Result<u32, AdmitRefusal> {
        let token = self.0.get(id).filter(|token| token.is_remembered(now));
        let token = token.ok_or(AdmitRefusal::UnknownToken)?;
        if token.secret_hash != *secret_hash {
            return Err(AdmitRefusal::WrongSecret);
        }
        if token.expires <= now {
            return Err(AdmitRefusal::Expired);
        }
        Ok(token.left)
    }

    /// The token that was shown, if it is good; whether it has uses left is for the caller.
    pub(crate) fn valid(
        &mut self,
        now: Millis,
        id: &str,
        secret_hash: &Hash,
    ) -> Result<&mut Token, AdmitRefusal> {
        self.prune(now);
        self.check(now, id, secret_hash)?;
        self.0.get_mut(id).ok_or(AdmitRefusal::UnknownToken)
    }

    /// Forgets tokens that expired long ago.
    fn prune(&mut self, now: Millis) {
        self.0.retain(|_, token| token.is_remembered(now));
    }
}

impl Token {
    /// An expired one is remembered for a while, so that its refusal says what is wrong.
    fn is_remembered(&self, now: Millis) -> bool {
        self.expires.0.saturating_add(TOKEN_REMEMBERED_MS) > now.0
    }
}
