//! The page, its files and the documentation, which are part of the binary.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::cache_control::Cache;
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::reply::{self, Meta};

/// Content-Security-Policy without the sites that may frame a page. Scripts, styles and pictures are of this
/// server only. Players need blob URLs, and may request manifests and media from any origin, because the user may paste a URL.
const POLICY: &str = "default-src 'self'; connect-src 'self' http: https:; media-src 'self' blob: http: https:; \
    worker-src 'self' blob:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors";
/// The pages that change streams cannot be framed.
const NOBODY: &str = "'none'";
/// The embedded player may be framed, because it cannot change streams.
const EVERYBODY: &str = "*";

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

#[derive(RustEmbed)]
#[folder = "docs/"]
struct Docs;

/// `/`
pub(super) async fn index(request: HeaderMap) -> Result<Response, ApiError> {
    file("index.html", NOBODY, &request)
}

/// `/wall`: all streams at the same time, for a screen in a control room
pub(super) async fn wall(request: HeaderMap) -> Result<Response, ApiError> {
    file("wall.html", NOBODY, &request)
}

/// `/embed/{stream}`: one player, for frames in pages of other origins. The script of the page reads the path.
pub(super) async fn embed(PathParameters(_): PathParameters<String>, request: HeaderMap) -> Result<Response, ApiError> {
    file("embed.html", EVERYBODY, &request)
}

/// `/docs/{file}`: a file of the documentation, such as `check.md`, or the page that shows such a text, such as `check`
pub(super) async fn docs(
    PathParameters(name): PathParameters<String>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    match Docs::get(&name) {
        Some(file) => answer(file, content_type(&name), NOBODY, &request),
        None if Docs::get(&format!("{name}.md")).is_some() => file("docs.html", NOBODY, &request),
        None => Err(ApiError::UnknownPath(format!("/docs/{name}"))),
    }
}

/// `/static/{path}`
pub(super) async fn asset(
    PathParameters(path): PathParameters<String>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    file(&path, NOBODY, &request)
}

/// `ancestors`: pages that may frame the file
fn file(path: &str, ancestors: &str, request: &HeaderMap) -> Result<Response, ApiError> {
    let file = Static::get(path).ok_or_else(|| ApiError::UnknownPath(format!("/static/{path}")))?;
    answer(file, content_type(path), ancestors, request)
}

fn answer(
    file: EmbeddedFile,
    content_type: &'static str,
    ancestors: &str,
    request: &HeaderMap,
) -> Result<Response, ApiError> {
    let etag: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{etag}\"");
    let meta = Meta { content_type, cache: Cache::Revalidate, etag: &etag, modified: None };
    let mut response = reply::bytes(request, bytes(file), &meta);
    let headers = response.headers_mut();
    let policy = HeaderValue::try_from(format!("{POLICY} {ancestors}")).expect("both are visible ASCII characters");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
        std::borrow::Cow::Owned(data) => data.into(),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "ttf" => "font/ttf",
        _ => "application/octet-stream",
    }
}
