//! Metrics of a command that is no server otherwise.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;

/// Serves what `text` returns at `/metrics`, in the text format of Prometheus, until it is dropped.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, text: Arc<dyn Fn() -> String + Send + Sync>) -> io::Result<()> {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let metrics = move || std::future::ready((content_type, text()));
    axum::serve(listener, Router::new().route("/metrics", get(metrics))).await
}
