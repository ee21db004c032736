//! Who sits at the browser: a sealed token in a cookie, which any server with the master key can read.
//!
//! Nothing about a session is stored while it lasts. Its key, or its station's, is looked up at every
//! request, so that one that is disabled ends it at once; signing out is remembered in the store until
//! the session would have ended by itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::COOKIE;
use jiff::{SignedDuration, Timestamp};
use packhorse_core::id::AccountId;
use packhorse_core::secret::Secret;
use packhorse_store::Seal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A session ends so long after its last page: long enough to look for a serial number in the cellar.
const IDLE: SignedDuration = SignedDuration::from_hours(2);
/// And so long after it began: a shift.
const WHOLE: SignedDuration = SignedDuration::from_hours(12);
/// A token is replaced when it is this old, so that most answers need no cookie.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Longest token worth opening; ours have some 400 characters.
const TOKEN_BYTES_MAX: usize = 2048;
/// The name of the cookie.
const COOKIE_NAME: &str = "packhorse";
/// What tokens are bound to, so that nothing else that was sealed passes for one.
const PLACE: &str = "session";

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    /// Drawn anew at every sign-in, so that nobody can be given one in advance.
    pub(super) id: [u8; 16],
    /// Whose it is.
    pub(super) who: Who,
    /// Seconds since 1970.
    began: i64,
    /// The same, of this token.
    renewed: i64,
}

/// Whose a session is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Who {
    /// Somebody who has not signed in.
    Visitor,
    /// A customer with an access key.
    Customer {
        /// The key's public half.
        access_key_id: String,
        /// Whose it is.
        account: AccountId,
    },
    /// An operator at the dock, vouched for by a station's key.
    Operator {
        /// What the operator is called in the log of a job.
        name: String,
        /// The station's key, to be looked up again.
        key: Secret,
    },
}

/// No random bytes are to be had.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoRandomness;

impl Session {
    /// A new session, with an id that nobody knew before.
    pub(super) fn begin(who: Who, now: Timestamp) -> Result<Self, NoRandomness> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| NoRandomness)?;
        let now = now.as_second();
        Ok(Self {
            id,
            who,
            began: now,
            renewed: now,
        })
    }

    /// The session of a request, if it holds at `now`.
    pub(super) fn of(headers: &HeaderMap, seal: &Seal, now: Timestamp) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).iter();
        let pairs = cookies.filter_map(|line| line.to_str().ok());
        let pairs = pairs.flat_map(|line| line.split(';'));
        let named = pairs.filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = named.into_iter().find(|(name, _)| *name == COOKIE_NAME)?;
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let text = seal.open(PLACE, &URL_SAFE_NO_PAD.decode(token).ok()?);
        let session: Self = serde_json::from_str(&text.ok()?).ok()?;
        (now < session.ends()).then_some(session)
    }

    /// When this token ends by itself.
    pub(super) fn ends(&self) -> Timestamp {
        let idle = self.renewed.saturating_add(IDLE.as_secs());
        let whole = self.began.saturating_add(WHOLE.as_secs());
        Timestamp::from_second(idle.min(whole)).unwrap_or(Timestamp::MIN)
    }

    /// The latest that any token of this session can end.
    pub(super) fn ends_for_good(&self) -> Timestamp {
        let whole = self.began.saturating_add(WHOLE.as_secs());
        Timestamp::from_second(whole).unwrap_or(Timestamp::MAX)
    }

    /// The same session with a new token, if this one is old enough.
    pub(super) fn renewal(&self, now: Timestamp) -> Option<Self> {
        let now = now.as_second();
        let is_due = now.saturating_sub(self.renewed) >= RENEWED_AFTER.as_secs();
        is_due.then(|| Self {
            renewed: now,
            ..self.clone()
        })
    }

    /// What forms of this session carry, so that no other page can send one. It follows from the id
    /// and does not give it away.
    pub(super) fn form_token(&self) -> String {
        let digest = Sha256::new_with_prefix("packhorse form").chain_update(self.id);
        URL_SAFE_NO_PAD.encode(digest.finalize())
    }

    /// Whether a form carried it.
    pub(super) fn is_form_token(&self, text: &str) -> bool {
        Secret::new(self.form_token()).matches(text)
    }

    /// The value of `Set-Cookie`. A browser sends it only to us, only from our own pages, and shows
    /// it to no script.
    pub(super) fn cookie(&self, seal: &Seal, is_secure: bool) -> Result<String, NoRandomness> {
        let text = serde_json::to_string(self).expect("a session is always JSON");
        let sealed = seal.seal(PLACE, &text).map_err(|_| NoRandomness)?;
        Ok(cookie(&URL_SAFE_NO_PAD.encode(sealed), "", is_secure))
    }
}

/// The value of `Set-Cookie` that takes the cookie away.
pub(super) fn no_cookie(is_secure: bool) -> String {
    cookie("", "; Max-Age=0", is_secure)
}

fn cookie(value: &str, more: &str, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path=/console; HttpOnly; SameSite=Strict{secure}{more}")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use packhorse_store::MasterKey;

    use super::*;

    fn seal(digits: &str) -> Seal {
        MasterKey::from_hex(&digits.repeat(32))
            .unwrap()
            .console_seal()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn sent(cookie: &str) -> HeaderMap {
        let pair = cookie.split(';').next().unwrap();
        let line = format!("other=1; {pair}");
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&line).unwrap())])
    }

    #[test]
    fn holds_for_a_while_after_each_page_and_no_longer_than_a_shift() {
        let seal = seal("01");
        let mut session = Session::begin(Who::Visitor, at(0)).unwrap();
        let read = |session: &Session, now| {
            let cookie = session.cookie(&seal, false).unwrap();
            Session::of(&sent(&cookie), &seal, at(now)).is_some()
        };
        assert!(read(&session, 7199) && !read(&session, 7200));
        assert!(session.renewal(at(299)).is_none());
        let mut now = 0;
        while let Some(next) = session
            .renewal(at(now + 7000))
            .filter(|_| read(&session, now + 7000))
        {
            (session, now) = (next, now + 7000);
        }
        assert!(now < 12 * 3600 && now > 10 * 3600, "{now}");
        assert_eq!(session.ends_for_good(), at(12 * 3600));
    }

    #[test]
    fn a_changed_letter_or_another_key_is_enough() {
        let session = Session::begin(Who::Visitor, at(0)).unwrap();
        let cookie = session.cookie(&seal("01"), true).unwrap();
        assert!(cookie.ends_with("; Path=/console; HttpOnly; SameSite=Strict; Secure"));
        assert!(Session::of(&sent(&cookie), &seal("01"), at(1)).is_some());
        assert!(Session::of(&sent(&cookie), &seal("02"), at(1)).is_none());
        for index in [10, 40, 100] {
            let mut forged = cookie.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(Session::of(&sent(&forged), &seal("01"), at(1)).is_none());
        }
    }

    #[test]
    fn a_form_belongs_to_one_session() {
        let one = Session::begin(Who::Visitor, at(0)).unwrap();
        let other = Session::begin(Who::Visitor, at(0)).unwrap();
        assert!(one.is_form_token(&one.form_token()));
        assert!(!one.is_form_token(&other.form_token()) && !one.is_form_token(""));
    }
}
