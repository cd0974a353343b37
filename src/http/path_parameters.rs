//! Parameters of a path, and the kind of file that its end names.

use axum::extract::{FromRequestParts, Path};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// Path parameters. A path that is not UTF-8 gets 404.
pub(super) struct PathParameters<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(_) => Err(ApiError::UnknownPath(parts.uri.path().to_owned())),
        }
    }
}

/// The kind of file, of `all`, whose file name the path ends with.
///
/// # Errors
/// [`ApiError::UnknownPath`].
pub(super) fn kind_of_file<T: Copy>(uri: &Uri, all: &[T], file_name: fn(T) -> &'static str) -> Result<T, ApiError> {
    let kind = all.iter().copied().find(|kind| uri.path().ends_with(file_name(*kind)));
    kind.ok_or_else(|| ApiError::UnknownPath(uri.path().to_owned()))
}
