//! What the page's form sends.

use program::InvitedLaunch;

/// Which button was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Show the mails with what was filled in.
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
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub intent: Intent,
    pub launch: InvitedLaunch,
}

impl Given {
    /// Reads a body of `application/x-www-form-urlencoded`; fields it does not know are left.
    pub fn read(body: &[u8]) -> Self {
        let mut given = Self { intent: Intent::Preview, launch: InvitedLaunch::default() };
        for (name, value) in url::form_urlencoded::parse(body) {
            let value = value.into_owned();
            match name.split_once('.') {
                Some(("slot", slot)) => {
                    // As a browser writes the ends of lines.
                    given.launch.slots.insert(slot.to_owned(), value.replace("\r\n", "\n"));
                }
                Some(("profile", field)) => {
                    given.launch.profile.insert(field.to_owned(), value.replace("\r\n", "\n"));
                }
                _ => match &*name {
                    "intent" => given.intent = Intent::of(&value),
                    "list" => given.launch.list = value,
                    "start" => given.launch.start = value,
                    _ => {}
                },
            }
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_where_they_belong_and_nothing_unknown_acts() {
        let body =
            b"intent=launch&list=a%20b&start=&slot.offer=x%0D%0Ay&profile.web_site=z&other=1";
        let given = Given::read(body);
        assert_eq!(given.intent, Intent::Launch);
        assert_eq!(given.launch.list, "a b");
        assert_eq!(given.launch.slots["offer"], "x\ny");
        assert_eq!(given.launch.profile["web_site"], "z");
        for odd in [&b""[..], b"intent=LAUNCH", b"intent=launch ", b"\xff\xfe=1", b"slot.=x"] {
            assert_eq!(Given::read(odd).intent, Intent::Preview, "{odd:?}");
        }
    }
}
