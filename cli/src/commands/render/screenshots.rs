//! Pictures of a message as people see it: telephone and desktop, light and dark, by the Chromium that is
//! installed.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::process::Command;

/// The programs that can do it, by the names distributions give them.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// How long one start of the browser may take.
const WITHIN: Duration = Duration::from_secs(60);
/// The tallest picture, in CSS pixels: a mail that is longer than ten screens is cut.
const TALLEST: u32 = 8_000;

/// How a message is looked at.
#[derive(Debug, Clone, Copy)]
struct View {
    name: &'static str,
    width: u32,
    dark: bool,
}

const VIEWS: [View; 4] = [
    View { name: "phone-light", width: 390, dark: false },
    View { name: "phone-dark", width: 390, dark: true },
    View { name: "desktop-light", width: 760, dark: false },
    View { name: "desktop-dark", width: 760, dark: true },
];

/// No browser is installed that could take pictures.
#[derive(Debug, thiserror::Error)]
#[error("pictures are taken by Chromium, and none is installed (apt-get install -y chromium)")]
pub struct NoBrowser;

/// A browser that takes pictures of files on this machine and reaches nothing else.
#[derive(Debug)]
pub struct Photographer {
    browser: PathBuf,
    profile: tempfile::TempDir,
    is_root: bool,
}

impl Photographer {
    /// Finds a browser.
    ///
    /// # Errors
    /// [`NoBrowser`].
    pub fn find() -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let browser = std::env::split_paths(&path)
            .flat_map(|folder| BROWSERS.map(|name| folder.join(name)))
            .find(|file| file.is_file())
            .ok_or(NoBrowser)?;
        let profile = tempfile::tempdir().context("can't make a temporary folder")?;
        // Chromium refuses to sandbox itself as root.
        let is_root = rustix::process::geteuid().is_root();
        Ok(Self { browser, profile, is_root })
    }

    /// Takes every view of the HTML in `html`; the files are `<name>.<view>.png` in `folder`.
    ///
    /// # Errors
    /// The browser fails.
    pub async fn take(
        &self,
        html: &str,
        folder: &Path,
        name: &str,
    ) -> anyhow::Result<Vec<PathBuf>> {
        // Kept beside the pictures' own folder, so that relative links of assets lead to them.
        let page = folder.join(format!(".{name}.page.html"));
        let script =
            "<script>document.title='height '+document.documentElement.scrollHeight</script>";
        fs::write(&page, format!("{html}{script}"))
            .with_context(|| format!("can't write {}", page.display()))?;
        let taken = self.take_page(&page, folder, name).await;
        fs::remove_file(&page).ok();
        taken
    }

    async fn take_page(
        &self,
        page: &Path,
        folder: &Path,
        name: &str,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let page = page.canonicalize().with_context(|| format!("can't find {}", page.display()))?;
        let mut pictures = Vec::with_capacity(VIEWS.len());
        for view in VIEWS {
            let height = self.height(&page, view).await?;
            let picture = folder.join(format!("{name}.{}.png", view.name));
            let mut shot = std::ffi::OsString::from("--screenshot=");
            shot.push(&picture);
            self.run(view, height, &[&shot], &page).await?;
            if !picture.exists() {
                bail!("{} took no picture of {}", self.browser.display(), page.display());
            }
            pictures.push(picture);
        }
        Ok(pictures)
    }

    /// How tall the page is at the width of a view.
    async fn height(&self, page: &Path, view: View) -> anyhow::Result<u32> {
        let dumped = self.run(view, 800, &[OsStr::new("--dump-dom")], page).await?;
        let height = dumped
            .split_once("<title>height ")
            .or_else(|| dumped.split_once("height "))
            .and_then(|(_, rest)| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.parse::<u32>().ok()
            });
        Ok(height.unwrap_or(2_000).clamp(200, TALLEST))
    }

    async fn run(
        &self,
        view: View,
        height: u32,
        what: &[&OsStr],
        page: &Path,
    ) -> anyhow::Result<String> {
        let mut profile = std::ffi::OsString::from("--user-data-dir=");
        profile.push(self.profile.path());
        let mut command = Command::new(&self.browser);
        command
            .args([
                "--headless",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                // A preview asks nobody for anything.
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ])
            .arg(profile)
            .arg(format!("--window-size={},{height}", view.width))
            .arg(format!("--blink-settings=preferredColorScheme={}", i32::from(!view.dark)))
            .args(what)
            .arg(page)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if self.is_root {
            command.arg("--no-sandbox");
        }
        let output = tokio::time::timeout(WITHIN, command.output())
            .await
            .with_context(|| format!("{} took too long", self.browser.display()))?
            .with_context(|| format!("{} can't be started", self.browser.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("it said nothing");
            bail!("{} ended with {}: {last}", self.browser.display(), output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
