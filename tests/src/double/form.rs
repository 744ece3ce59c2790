//! The body of a request: JSON, or multipart with `payload_json` and `files[n]`.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::draft::{Listed, MESSAGE_FILES};
use super::error::ApiError;

/// Most bytes of one file (change-log.mdx, 2025-01-16).
pub const FILE_BYTES: usize = 10 * 1024 * 1024;
/// Most bytes of one request (resources/message.mdx).
pub const REQUEST_BYTES: usize = 25 * 1024 * 1024;

/// One uploaded file.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The n of `files[n]`.
    pub index: u32,
    /// Filename of the part.
    pub filename: String,
    /// Content type of the part.
    pub content_type: String,
    /// The file.
    pub bytes: Bytes,
}

impl Upload {
    /// Whether `attachments` names this file.
    pub fn has_listing(&self, listed: Option<&[Listed]>) -> bool {
        let index = self.index.to_string();
        listed.is_some_and(|listed| listed.iter().any(|item| item.id == index))
    }
}

/// A body taken apart.
#[derive(Clone, Debug)]
pub struct Form {
    /// The JSON object.
    pub json: Value,
    /// Uploaded files by their order.
    pub files: Vec<Upload>,
    /// What Discord would have let pass.
    pub violations: Vec<String>,
}

/// Reads a body by its content type.
pub async fn read(headers: &HeaderMap, body: Bytes) -> Result<Form, ApiError> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Form {
            json: parse(&body)?,
            files: Vec::new(),
            violations: Vec::new(),
        }),
        "multipart/form-data" => multipart(kind, body).await,
        _ => Err(ApiError::form(
            &[],
            "CONTENT_TYPE_INVALID",
            "Expected \"Content-Type\" header to be one of {'application/json', \
             'multipart/form-data'}.",
        )),
    }
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|_| ApiError::bad(50109, "The request body contains invalid JSON."))
}

async fn multipart(kind: &str, body: Bytes) -> Result<Form, ApiError> {
    let broken = |error: multer::Error| {
        ApiError::form(
            &[],
            "MULTIPART_INVALID",
            &format!("Not readable as multipart: {error}"),
        )
    };
    let boundary = multer::parse_boundary(kind).map_err(broken)?;
    let stream = futures_util::stream::once(async move { Ok::<_, std::io::Error>(body) });
    let mut parts = multer::Multipart::new(stream, boundary);
    let (mut json, mut files, mut violations) = (None, Vec::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let filename = part.file_name().map(ToOwned::to_owned);
        let content_type = part.content_type().map(ToString::to_string);
        let bytes = part.bytes().await.map_err(broken)?;
        if name == "payload_json" {
            if filename.is_some() {
                violations.push("payload_json: must not have a filename".to_owned());
            }
            if content_type
                .as_deref()
                .is_some_and(|kind| !kind.starts_with("application/json"))
            {
                violations.push("payload_json: content type is not application/json".to_owned());
            }
            if json.replace(parse(&bytes)?).is_some() {
                violations.push("payload_json: given twice".to_owned());
            }
            continue;
        }
        let Some(index) = file_index(&name) else {
            violations.push(format!(
                "form part {name:?}: only payload_json and files[n]"
            ));
            continue;
        };
        let Some(filename) = filename.filter(|name| !name.trim().is_empty()) else {
            return Err(ApiError::form(
                &[&name],
                "BASE_TYPE_REQUIRED",
                "A file needs a filename",
            ));
        };
        if bytes.len() > FILE_BYTES {
            return Err(ApiError::too_large());
        }
        if files.iter().any(|file: &Upload| file.index == index) {
            violations.push(format!("{name}: given twice"));
        }
        files.push(Upload {
            index,
            filename: clean_filename(&filename),
            content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            bytes,
        });
    }
    if files.len() > MESSAGE_FILES {
        return Err(ApiError::form(
            &["files"],
            "BASE_TYPE_MAX_LENGTH",
            &format!("Must be {MESSAGE_FILES} or fewer in length."),
        ));
    }
    if json.is_none() {
        violations.push("multipart without payload_json".to_owned());
    }
    Ok(Form {
        json: json.unwrap_or_else(|| serde_json::json!({})),
        files,
        violations,
    })
}

fn file_index(name: &str) -> Option<u32> {
    name.strip_prefix("files[")?.strip_suffix(']')?.parse().ok()
}

/// Discord keeps letters, digits, dots, dashes and underscores of a filename.
fn clean_filename(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}
