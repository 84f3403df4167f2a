//! Reads a sink's ledger over HTTP, a part at a time.

use crate::{error::LedgerError, sink::LedgerLine};

/// A place in a sink's ledger.
#[derive(Debug)]
pub struct LedgerReader {
    http: reqwest::Client,
    url: String,
    next: u64,
    torn: Vec<u8>,
}

impl LedgerReader {
    /// At the beginning of the ledger of the sink whose pages are at `sink_http`.
    pub fn new(sink_http: &str) -> Self {
        let url = format!("{}/ledger", sink_http.trim_end_matches('/'));
        Self { http: reqwest::Client::new(), url, next: 0, torn: Vec::new() }
    }

    /// The lines that follow, at most some 10,000 of them; none when everything there is has been read.
    ///
    /// # Errors
    /// When the sink can't be reached; the place in the ledger stays, so the call may be repeated.
    pub async fn next(&mut self) -> Result<Vec<LedgerLine>, LedgerError> {
        let url = format!("{}?from={}", self.url, self.next);
        let answer = self.http.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let bytes =
            answer.map_err(LedgerError::Fetch)?.bytes().await.map_err(LedgerError::Fetch)?;
        self.next += bytes.len() as u64;
        self.torn.extend_from_slice(&bytes);
        let whole = self.torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut lines = Vec::new();
        for text in self.torn[..whole].split(|byte| *byte == b'\n').filter(|text| !text.is_empty())
        {
            let line = serde_json::from_slice(text).map_err(|source| LedgerError::Line {
                line: String::from_utf8_lossy(text).into_owned(),
                source,
            })?;
            lines.push(line);
        }
        self.torn.drain(..whole);
        Ok(lines)
    }
}
