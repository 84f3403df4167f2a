//! What the page's form sends.

use std::collections::BTreeMap;

use axum::body::Bytes;
use futures::stream;
use program::InvitedLaunch;

/// Which button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Intent {
    /// Show the mails with what was filled in.
    #[default]
    Preview,
    /// Launch.
    Launch,
    /// Say no.
    Decline,
    /// Ask for a fresh link.
    Renew,
    /// Stop for now.
    Pause,
    /// Go on.
    Resume,
    /// Stop for good.
    Stop,
}

impl Intent {
    /// What a button says; anything unknown shows and does nothing.
    fn of(text: &str) -> Self {
        match text {
            "launch" => Self::Launch,
            "decline" => Self::Decline,
            "renew" => Self::Renew,
            "pause" => Self::Pause,
            "resume" => Self::Resume,
            "stop" => Self::Stop,
            _ => Self::Preview,
        }
    }
}

/// A form that was sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub intent: Intent,
    pub launch: InvitedLaunch,
    /// Files that were chosen, by slot.
    pub files: BTreeMap<String, Bytes>,
    /// What they show, by slot.
    pub alts: BTreeMap<String, String>,
}

impl Given {
    /// Reads a body: that of a form with files where its type says so, and else one of
    /// `application/x-www-form-urlencoded`. Fields it does not know are left; what ends in mid-form does nothing.
    pub async fn read(content_type: &str, body: Bytes) -> Self {
        match multer::parse_boundary(content_type) {
            Ok(boundary) => Self::read_parts(boundary, body).await.unwrap_or_default(),
            Err(_) => Self::read_fields(&body),
        }
    }

    pub fn read_fields(body: &[u8]) -> Self {
        let mut given = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            given.take(&name, value.into_owned());
        }
        given
    }

    async fn read_parts(boundary: String, body: Bytes) -> Result<Self, multer::Error> {
        let mut given = Self::default();
        let body = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
        let mut parts = multer::Multipart::new(body, boundary);
        while let Some(part) = parts.next_field().await? {
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_none() {
                given.take(&name, part.text().await?);
                continue;
            }
            let bytes = part.bytes().await?;
            // A browser sends an empty file where none was chosen.
            if let Some(("file", slot)) = name.split_once('.')
                && !bytes.is_empty()
            {
                given.files.insert(slot.to_owned(), bytes);
            }
        }
        Ok(given)
    }

    fn take(&mut self, name: &str, value: String) {
        match name.split_once('.') {
            Some(("slot", slot)) => {
                // As a browser writes the ends of lines.
                self.launch.slots.insert(slot.to_owned(), value.replace("\r\n", "\n"));
            }
            Some(("profile", field)) => {
                self.launch.profile.insert(field.to_owned(), value.replace("\r\n", "\n"));
            }
            Some(("alt", slot)) => {
                self.alts.insert(slot.to_owned(), value);
            }
            _ => match name {
                "intent" => self.intent = Intent::of(&value),
                "list" => self.launch.list = value,
                "start" => self.launch.start = value,
                _ => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_where_they_belong_and_nothing_unknown_acts() {
        let body =
            b"intent=launch&list=a%20b&start=&slot.offer=x%0D%0Ay&profile.web_site=z&other=1";
        let given = Given::read_fields(body);
        assert_eq!(given.intent, Intent::Launch);
        assert_eq!(given.launch.list, "a b");
        assert_eq!(given.launch.slots["offer"], "x\ny");
        assert_eq!(given.launch.profile["web_site"], "z");
        for odd in [&b""[..], b"intent=LAUNCH", b"intent=launch ", b"\xff\xfe=1", b"slot.=x"] {
            assert_eq!(Given::read_fields(odd).intent, Intent::Preview, "{odd:?}");
        }
    }
    #[tokio::test]
    async fn a_form_with_files_is_read_whole_or_not_at_all() {
        let part = |head: &str, body: &str| {
            format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n{body}\r\n")
        };
        let file = "name=\"file.photo\"; filename=\"a.png\"\r\ncontent-type: image/png";
        let whole = [
            part("name=\"intent\"", "launch"),
            part("name=\"slot.offer\"", "x\r\ny"),
            part("name=\"alt.photo\"", "A <cat>"),
            part(file, "bytes"),
            part("name=\"file.empty\"; filename=\"\"", ""),
            part("name=\"other\"; filename=\"x\"", "x"),
            "--b--\r\n".to_owned(),
        ]
        .concat();
        let kind = "multipart/form-data; boundary=b";
        let given = Given::read(kind, whole.clone().into()).await;
        assert_eq!(given.intent, Intent::Launch);
        assert_eq!(given.launch.slots["offer"], "x\ny");
        assert_eq!(given.alts["photo"], "A <cat>");
        assert_eq!(given.files.keys().collect::<Vec<_>>(), ["photo"]);
        assert_eq!(given.files["photo"], "bytes");
        for cut in [0, 1, 60, whole.len() / 2, whole.len() - 8] {
            let given = Given::read(kind, whole[..cut].to_owned().into()).await;
            assert_eq!((given.intent, given.files.len()), (Intent::Preview, 0), "{cut}");
        }
    }
}
