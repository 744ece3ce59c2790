//! The client, made again when the file of further certificate authorities changes.

use crate::files;
use discord::{Client, ClientOptions, SetupError};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Most bytes read from the file; Mozilla's whole set is a quarter of it.
const MAX_BYTES: u64 = 1024 * 1024;

/// A client and what it was made from.
#[derive(Debug)]
pub struct Connection {
    file: Option<PathBuf>,
    pem: Option<Vec<u8>>,
    client: Rc<Client>,
}

impl Connection {
    /// A connection that trusts what `file` adds, if it reads; what is wrong with it is logged, not fatal.
    pub fn open(file: Option<PathBuf>) -> Result<Self, SetupError> {
        let pem = file.as_deref().and_then(|file| read(file, true));
        let client = match make(pem.clone()) {
            Err(error @ SetupError::ExtraCa { .. }) => {
                tracing::warn!(%error, "only the compiled-in authorities are trusted");
                make(None)?
            }
            other => other?,
        };
        Ok(Self {
            file,
            pem,
            client: Rc::new(client),
        })
    }

    /// The client to use now.
    pub fn client(&self) -> Rc<Client> {
        Rc::clone(&self.client)
    }

    /// Looks at the file again; true when there is a new client.
    pub fn refresh(&mut self) -> bool {
        let Some(file) = self.file.as_deref() else {
            return false;
        };
        let pem = read(file, false);
        if pem.is_none() || pem == self.pem {
            return false;
        }
        self.pem.clone_from(&pem);
        match make(pem) {
            Ok(client) => {
                tracing::info!("the extra certificate authorities changed and are trusted now");
                self.client = Rc::new(client);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the changed certificate authorities are not taken");
                false
            }
        }
    }
}

fn make(extra_ca_pem: Option<Vec<u8>>) -> Result<Client, SetupError> {
    Client::new(&ClientOptions {
        extra_ca_pem,
        ..ClientOptions::default()
    })
}

fn read(path: &Path, say: bool) -> Option<Vec<u8>> {
    match files::read(path, MAX_BYTES) {
        Ok(pem) => Some(pem),
        Err(error) => {
            if say {
                tracing::warn!(path = %path.display(), %error, "EXTRA_CA_FILE cannot be read; it is looked at again");
            }
            None
        }
    }
}
