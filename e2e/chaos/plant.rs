//! Faults in the files themselves, to see that the judge finds them.

use std::path::Path;

use clap::ValueEnum;

/// What is done to the files of a run.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Plant {
    /// A message that was taken once is taken once more, and once more for every double that is allowed.
    Double,
    /// A message that was taken is not.
    Lose,
    /// A send is not in the book.
    Forget,
    /// A send has not ended.
    Leave,
}

impl Plant {
    /// Changes the files in `folder`.
    ///
    /// # Errors
    /// They can't be read or written.
    pub fn into_files(self, folder: &Path) -> anyhow::Result<()> {
        let (ledger, book) = (folder.join("ledger.ndjson"), folder.join("book.ndjson"));
        let file = match self {
            Self::Double | Self::Lose => &ledger,
            Self::Forget | Self::Leave => &book,
        };
        let text = std::fs::read_to_string(file)?;
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        let find = |lines: &[String], part: &str| {
            let found = lines.iter().position(|line| line.contains(part));
            found.ok_or_else(|| anyhow::anyhow!("no line of {} has {part}", file.display()))
        };
        match self {
            Self::Double => {
                let bound = crate::judge::Files::read(folder)?.judge().bound;
                let at = find(&lines, "\"accepted\":true")?;
                lines.extend(std::iter::repeat_n(lines[at].clone(), bound + 1));
            }
            Self::Lose => {
                // All copies of it, or it was only doubled less.
                let at = find(&lines, "\"accepted\":true")?;
                let rcpt =
                    lines[at].split("\"rcpt\":").nth(1).and_then(|rest| rest.split(',').next());
                let rcpt = rcpt.unwrap_or_default().to_owned();
                lines.retain(|line| !(line.contains("\"accepted\":true") && line.contains(&rcpt)));
            }
            Self::Forget => drop(lines.remove(0)),
            Self::Leave => {
                let at = find(&lines, "\"state\":\"sent\"")?;
                lines[at] = lines[at].replace("\"state\":\"sent\"", "\"state\":\"queued\"");
            }
        }
        std::fs::write(file, lines.join("\n") + "\n")?;
        Ok(())
    }
}
