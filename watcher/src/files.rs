//! Small files that others write: Secrets and certificate authorities.

use std::io::Read as _;
use std::path::Path;

/// At most `max` bytes of a regular file. Anything else is refused unopened: opening a FIFO would hang until somebody
/// writes.
pub(crate) fn read(path: &Path, max: u64) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(max)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
