//! Paths of our own, to go on to or to link to. A text counts as a browser would read it: one drops tabs and line ends,
//! and takes a backslash for a slash.

use std::sync::LazyLock;

use url::{Position, Url};

/// Any host that is nobody's: what leads away from it is not ours.
static OWN: LazyLock<Url> = LazyLock::new(|| Url::parse("http://own.invalid/").expect("a URL"));

/// Path and query, as a browser would ask for them; none where the text leads elsewhere.
pub fn own_path(wanted: &str) -> Option<String> {
    if !wanted.starts_with('/') {
        return None;
    }
    let url = OWN.join(wanted).ok()?;
    let is_own = url.origin() == OWN.origin() && url.username().is_empty() && url.password().is_none();
    let path = &url[Position::BeforePath..Position::AfterQuery];
    // Once more at the head of a redirect, two slashes would begin a host.
    (is_own && !path.starts_with("//")).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_pages_stay() {
        for own in [
            "/",
            "/areas/492@2024-06-15?as_of=2024-06-15&x=%2F%2Fy",
            "/households?q=H%E1%BB%99",
        ] {
            assert_eq!(own_path(own).as_deref(), Some(own));
        }
        assert_eq!(
            own_path("/households?q=Hộ").as_deref(),
            Some("/households?q=H%E1%BB%99")
        );
        assert_eq!(own_path("/a/../b#c").as_deref(), Some("/b"));
    }

    #[test]
    fn whatever_a_browser_would_take_elsewhere_is_nobodys() {
        for foreign in [
            "",
            "x",
            "https://example.org/",
            "javascript:alert(1)",
            "//example.org",
            "///example.org",
            "/\\example.org",
            "/\texample.org\\..",
            "/\t/example.org/",
            "/\n/example.org/",
            "/\r\n/example.org/",
            "\t//example.org/",
            "/.//example.org/",
            "/a/..//example.org/",
            "/%2e//example.org/",
            "/\t\\example.org/",
            "//user:word@own.invalid/",
            "//own.invalid:81/",
        ] {
            let found = own_path(foreign);
            let leads_away = found.as_deref().is_some_and(|path| {
                let base = Url::parse("http://here.invalid/").expect("a URL");
                base.join(path).expect("a URL").host_str() != Some("here.invalid") || path.starts_with("//")
            });
            assert!(!leads_away, "{foreign:?}: {found:?}");
        }
        for foreign in [
            "/\t/example.org/",
            "/.//example.org/",
            "//example.org",
            "/\\example.org",
        ] {
            assert_eq!(own_path(foreign), None, "{foreign:?}");
        }
    }
}
