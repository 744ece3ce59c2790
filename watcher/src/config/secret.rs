//! A secret from a variable or a file.

use crate::files;
use secrecy::SecretString;
use std::path::PathBuf;

/// Most bytes of a secret.
const MAX_BYTES: u64 = 8 * 1024;

/// Where a secret comes from; the file wins while it holds one, and is read again each time.
#[derive(Debug, Clone, Default)]
pub struct SecretSource {
    /// The secret itself.
    pub value: Option<SecretString>,
    /// A file that may be made or changed at any time.
    pub file: Option<PathBuf>,
}

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Neither is set.
    #[error("not set")]
    Unset,
    /// The file does not read, or holds nothing.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// The system's words, or ours.
        reason: String,
    },
}

impl SecretSource {
    /// The secret as it stands now, without the blanks around it.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let from_file = self.file.as_deref().map(|path| {
            let fail = |reason: String| SecretError::File {
                path: path.display().to_string(),
                reason,
            };
            let bytes = files::read(path, MAX_BYTES).map_err(|error| fail(error.to_string()))?;
            // The bytes that do not decode may be the secret's: they are not shown.
            let text = String::from_utf8(bytes).map_err(|_| fail("not UTF-8 text".to_owned()))?;
            match text.trim() {
                "" => Err(fail("empty".to_owned())),
                text => Ok(SecretString::from(text)),
            }
        });
        match (from_file, &self.value) {
            (Some(Ok(secret)), _) => Ok(secret),
            (_, Some(value)) => Ok(value.clone()),
            (Some(error), None) => error,
            (None, None) => Err(SecretError::Unset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn the_file_wins_while_it_holds_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let source = SecretSource {
            value: Some("value".into()),
            file: Some(path.clone()),
        };
        assert_eq!(source.read().unwrap().expose_secret(), "value");
        std::fs::write(&path, "file\n").unwrap();
        assert_eq!(source.read().unwrap().expose_secret(), "file");
        std::fs::write(&path, " \n").unwrap();
        assert_eq!(source.read().unwrap().expose_secret(), "value");
    }

    #[test]
    fn what_is_wrong_is_named_without_the_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let source = SecretSource {
            value: None,
            file: Some(path.clone()),
        };
        let text = || source.read().unwrap_err().to_string();
        assert!(text().contains("token"));
        std::fs::write(&path, b"s3cr3t\xff").unwrap();
        assert!(text().contains("UTF-8") && !text().contains("s3cr3t"));
        assert_eq!(
            SecretSource::default().read().unwrap_err(),
            SecretError::Unset
        );
    }
}
