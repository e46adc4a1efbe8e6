//! Style, script and icon: compiled in, named by their content, so browsers may keep them for ever.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};

use crate::access::sha256_hex;
use crate::web::Problem;

/// The style of pages; a report as a file carries it inside.
pub(super) const STYLE: &str = include_str!("../../../assets/choso.css");
const SCRIPT: &str = include_str!("../../../assets/choso.js");
/// The wall check, on its page alone.
const WALL: &str = include_str!("../../../assets/wall.js");
/// Handing in a statement, on its pages alone.
const STATEMENT: &str = include_str!("../../../assets/statement.js");
/// What answers for the service while a phone has no network.
pub(super) const WORKER: &str = include_str!("../../../assets/worker.js");
const ICON: &str = include_str!("../../../assets/choso.svg");

/// A file as pages name it.
struct Asset {
    name: String,
    content_type: &'static str,
    text: &'static str,
}

/// Where the assets are, for the head of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hrefs {
    pub style: &'static str,
    pub script: &'static str,
    pub icon: &'static str,
    /// The script of the wall check.
    pub wall: &'static str,
    /// The script of handing in a statement.
    pub statement: &'static str,
}

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    let asset = |end, content_type, text: &'static str| Asset {
        name: format!("/assets/choso-{}.{end}", &sha256_hex(text.as_bytes())[..12]),
        content_type,
        text,
    };
    [
        asset("css", "text/css; charset=utf-8", STYLE),
        asset("js", "text/javascript; charset=utf-8", SCRIPT),
        asset("svg", "image/svg+xml", ICON),
        asset("wall.js", "text/javascript; charset=utf-8", WALL),
        asset("statement.js", "text/javascript; charset=utf-8", STATEMENT),
    ]
});

/// The names under which the assets are served.
pub(super) fn hrefs() -> Hrefs {
    let [style, script, icon, wall, statement] = &*ASSETS;
    Hrefs {
        style: &style.name,
        script: &script.name,
        icon: &icon.name,
        wall: &wall.name,
        statement: &statement.name,
    }
}

/// One of the assets. An older name is gone: the page that named it names the new one when loaded again.
pub(super) async fn asset(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let wanted = ASSETS
        .iter()
        .find(|a| a.name.strip_prefix("/assets/") == Some(name.as_str()));
    let asset = wanted.ok_or_else(|| {
        Problem::missing((
            "Tệp này thuộc phiên bản khác. Hãy tải lại trang.",
            "This file belongs to another version. Load the page again.",
        ))
    })?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(asset.text))
}
