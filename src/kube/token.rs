//! Who we are to the API server, as the value of a header. Tokens in files are rotated: they are read again.

use super::config::{Credentials, read_bounded};
use crate::base::clock::Monotonic;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No token is longer: it has to fit into the head of a request.
pub const TOKEN_BYTES: usize = 8 * 1024;

/// A file is read no more often than this, unless its token was refused.
const REREAD: Duration = Duration::from_secs(60);

/// The value of the `Authorization` header.
pub struct Token {
    /// With its scheme; empty when there is none.
    header: String,
    file: Option<PathBuf>,
    /// When the file was read last, with or without success. `None` asks for it to be read now.
    read_at: Option<Monotonic>,
    failures: u64,
}

impl Token {
    /// Reads nothing yet.
    pub fn new(credentials: &Credentials) -> Self {
        let (header, file) = match credentials {
            Credentials::None => (String::new(), None),
            Credentials::Token(token) => (format!("Bearer {token}"), None),
            Credentials::TokenFile(path) => (String::new(), Some(path.clone())),
            Credentials::Basic { user, password } => {
                (format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))), None)
            }
        };
        Token { header, file, read_at: None, failures: 0 }
    }

    /// The value of the header, if there is to be one. A file that cannot be read leaves the last token in use.
    pub fn authorization(&mut self, now: Monotonic) -> Option<&str> {
        let due = self.read_at.is_none_or(|read_at| now.since(read_at) >= REREAD);
        if let Some(path) = &self.file
            && due
        {
            self.read_at = Some(now);
            match read_token(path) {
                Ok(token) => self.header = format!("Bearer {token}"),
                Err(_) => self.failures += 1,
            }
        }
        (!self.header.is_empty()).then_some(&self.header)
    }

    /// The server has refused the token: the file is read again before the next request.
    pub const fn expire(&mut self) {
        self.read_at = None;
    }

    /// How often the file could not be read, or held no token.
    pub const fn failures_total(&self) -> u64 {
        self.failures
    }
}

/// The token of a file, or what is wrong with it; the text says nothing of what the token is.
pub(super) fn read_token(path: &Path) -> Result<String, String> {
    let bytes = read_bounded(path, TOKEN_BYTES)?;
    let token = String::from_utf8(bytes).unwrap_or_default();
    let token = token.trim_ascii();
    if is_token(token) {
        Ok(token.to_owned())
    } else {
        Err(format!("{} holds no token: one line of visible ASCII is allowed", path.display()))
    }
}

/// May the text stand in a header?
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn fixed_credentials() {
        let header = |credentials| Token::new(&credentials).authorization(Monotonic(0)).map(str::to_owned);
        assert_eq!(header(Credentials::None), None);
        assert_eq!(header(Credentials::Token("abc".into())).as_deref(), Some("Bearer abc"));
        let basic = Credentials::Basic { user: "Aladdin".into(), password: "open sesame".into() };
        assert_eq!(header(basic).as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    }

    #[test]
    fn a_file_is_read_again_after_a_minute_or_a_refusal() {
        let folder = super::super::config::testing::Folder::new("token");
        let path = folder.write("token", "one\n");
        let mut token = Token::new(&Credentials::TokenFile(path));
        let at = |seconds: u64| Monotonic(seconds * SECOND);
        assert_eq!(token.authorization(at(10)), Some("Bearer one"));
        folder.write("token", "two");
        assert_eq!(token.authorization(at(69)), Some("Bearer one"));
        assert_eq!(token.authorization(at(70)), Some("Bearer two"));
        folder.write("token", "three");
        token.expire();
        assert_eq!(token.authorization(at(71)), Some("Bearer three"));
        assert_eq!(token.failures_total(), 0);
    }

    #[test]
    fn the_last_good_token_is_kept() {
        let folder = super::super::config::testing::Folder::new("kept");
        let path = folder.write("token", "good");
        let mut token = Token::new(&Credentials::TokenFile(path.clone()));
        assert_eq!(token.authorization(Monotonic(0)), Some("Bearer good"));
        for (count, bad) in ["", " \n", "two words", "two\nlines", "Gr\u{fc}n", &"x".repeat(TOKEN_BYTES + 1)]
            .into_iter()
            .enumerate()
        {
            folder.write("token", bad);
            token.expire();
            assert_eq!(token.authorization(Monotonic(0)), Some("Bearer good"));
            assert_eq!(token.failures_total(), count as u64 + 1);
        }
        folder.remove("token");
        token.expire();
        assert_eq!(token.authorization(Monotonic(0)), Some("Bearer good"));
        assert_eq!(token.failures_total(), 7);
        folder.write("token", &"x".repeat(TOKEN_BYTES));
        token.expire();
        assert_eq!(token.authorization(Monotonic(0)).map(str::len), Some(TOKEN_BYTES + 7));
    }

    #[test]
    fn without_a_file_there_is_no_token() {
        let mut token = Token::new(&Credentials::TokenFile("/nowhere/token".into()));
        assert_eq!(token.authorization(Monotonic(0)), None);
        assert_eq!(token.failures_total(), 1);
    }
}
