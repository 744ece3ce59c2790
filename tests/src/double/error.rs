//! Discord's error bodies: a JSON code with a nested tree of what is wrong where.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// One refused request as Discord words it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// Discord's JSON error code (opcodes-and-status-codes.mdx); 0 where it has none.
    pub code: u32,
    /// The sentence.
    pub message: String,
    /// The `errors` tree of code 50035.
    pub errors: Option<Value>,
}

impl ApiError {
    /// An error without a tree.
    pub fn new(status: StatusCode, code: u32, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
            errors: None,
        }
    }

    /// 400 with a code of Discord's.
    pub fn bad(code: u32, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 50035 with one error at one path.
    pub fn form(path: &[&str], code: &str, message: &str) -> Self {
        let mut tree = ErrorTree::default();
        tree.push(
            path.iter().map(ToString::to_string).collect(),
            code,
            message,
        );
        tree.into_error()
    }

    /// A webhook that is not there, or no more.
    pub fn unknown_webhook() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10015, "Unknown Webhook")
    }

    /// A channel that is not there.
    pub fn unknown_channel() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10003, "Unknown Channel")
    }

    /// A message that is not there, or not in the place asked.
    pub fn unknown_message() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10008, "Unknown Message")
    }

    /// A guild that is not there, or without the bot.
    pub fn unknown_guild() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10004, "Unknown Guild")
    }

    /// A user who is not in the guild.
    pub fn unknown_member() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10007, "Unknown Member")
    }

    /// No bot token, or a wrong one.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized")
    }

    /// What the bot cannot see.
    pub fn missing_access() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50001, "Missing Access")
    }

    /// What the bot may not do.
    pub fn missing_permissions() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50013, "Missing Permissions")
    }

    /// A channel of a type that cannot do this.
    pub fn wrong_channel_type() -> Self {
        Self::bad(50024, "Cannot execute action on this channel type")
    }

    /// A webhook's token that does not fit its id.
    pub fn bad_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 50027, "Invalid Webhook Token")
    }

    /// A message with nothing in it.
    pub fn empty_message() -> Self {
        Self::bad(50006, "Cannot send an empty message")
    }

    /// A file or a request over the size allowed.
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            40005,
            "Request entity too large",
        )
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let (Some(errors), Some(map)) = (&self.errors, body.as_object_mut()) {
            map.insert("errors".to_owned(), errors.clone());
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.body())).into_response()
    }
}

/// Collects form errors by the path of the field they belong to.
#[derive(Debug, Default)]
pub struct ErrorTree {
    root: Map<String, Value>,
}

impl ErrorTree {
    /// Adds one error under `path` (`["embeds", "0", "title"]`).
    pub fn push(&mut self, path: Vec<String>, code: &str, message: &str) {
        let mut node = &mut self.root;
        for part in path {
            let child = node.entry(part).or_insert_with(|| json!({}));
            let Value::Object(map) = child else { return };
            node = map;
        }
        let list = node.entry("_errors").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!({"code": code, "message": message}));
        }
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// The whole as error 50035.
    pub fn into_error(self) -> ApiError {
        ApiError {
            errors: Some(Value::Object(self.root)),
            ..ApiError::bad(50035, "Invalid Form Body")
        }
    }
}
