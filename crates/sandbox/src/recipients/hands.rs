//! What recipients do, one request after another, over HTTP.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, LOCATION, USER_AGENT},
};

use super::{
    Answers, Requests,
    mail::{self, Link, Mail, Picture},
    population::{Follows, Gateway, Mood, Person, Pictures},
    within::{Address, Base},
};

/// How far a click is led on.
const MOST_REDIRECTS: usize = 3;
/// How long any request may take.
const WITHIN: Duration = Duration::from_secs(20);
/// What a mailbox provider says when it unsubscribes for its user.
const PROVIDER: &str = "Mozilla/5.0 (compatible; one-click unsubscribe)";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Person,
    Machine,
}

/// Something that somebody does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The mailbox provider posts to the address of List-Unsubscribe.
    OneClick(Address),
    /// A person opens the page to unsubscribe that their mail names, and presses its button.
    LeaveByPage { mail: u64, link: Address, browser: &'static str },
    /// A gateway follows every link.
    Scan { mail: u64, gateway: &'static Gateway },
    /// A program loads the pictures.
    Load { mail: u64, agent: &'static str, who: Who },
    /// A person looks.
    Look { mail: u64, person: Person, mood: Mood, unsubscribe: Option<Address> },
    /// A person clicks on the first of these, and later on the others.
    Click { links: Vec<Address>, browser: &'static str, pause: Duration },
}

/// What became of a step.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) answers: Answers,
    /// What follows from it, and after how long.
    pub(super) next: Vec<(Duration, Step)>,
}

/// Everybody's connection to the world.
#[derive(Debug)]
pub(super) struct Hands {
    http: reqwest::Client,
    sink_http: String,
    base: Base,
    /// Pictures that are the same for everybody are loaded once: programs and proxies keep them.
    pictures: Mutex<HashSet<Address>>,
}

impl Hands {
    pub(super) fn new(sink_http: &str, base: Base) -> Result<Self, reqwest::Error> {
        // A proxy would be somebody else; a redirect leads anywhere, and is looked at first.
        let http = reqwest::Client::builder()
            .timeout(WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let sink_http = sink_http.trim_end_matches('/').to_owned();
        Ok(Self { http, sink_http, base, pictures: Mutex::default() })
    }

    /// `text` as an address that may be called.
    pub(super) fn address(&self, text: &str) -> Option<Address> {
        self.base.address(text)
    }

    pub(super) async fn take(&self, step: Step) -> Taken {
        let mut taken = Taken::default();
        let answers = &mut taken.answers;
        match step {
            Step::OneClick(link) => self.one_click(&link, answers).await,
            Step::LeaveByPage { mail, link, browser } => {
                if let Some(mail) = self.mail(mail, answers).await {
                    self.leave_by_page(&mail, &link, browser, answers).await;
                }
            }
            Step::Scan { mail, gateway } => {
                if let Some(mail) = self.mail(mail, answers).await {
                    self.scan(&mail, gateway, answers).await;
                }
            }
            Step::Load { mail, agent, who } => {
                if let Some(mail) = self.mail(mail, answers).await {
                    self.load(&mail.pictures, agent, who, answers).await;
                }
            }
            Step::Look { mail: number, person, mood, unsubscribe } => {
                if let Some(mail) = self.mail(number, answers).await {
                    let program = person.program;
                    if let Pictures::Looked(agent) = program.pictures {
                        self.load(&mail.pictures, agent, Who::Person, answers).await;
                        if mood.opens_again {
                            let again = Step::Load { mail: number, agent, who: Who::Person };
                            taken.next.push((mood.reads_for * 2, again));
                        }
                    }
                    let links = self.links_to_click(&mail, mood, unsubscribe.as_ref());
                    if !links.is_empty() {
                        let (browser, pause) = (program.browser, mood.reads_for);
                        taken.next.push((pause, Step::Click { links, browser, pause }));
                    }
                }
            }
            Step::Click { mut links, browser, pause } => {
                if !links.is_empty() {
                    self.click(&links.remove(0), browser, answers).await;
                }
                if !links.is_empty() {
                    taken.next.push((pause, Step::Click { links, browser, pause }));
                }
            }
        }
        taken
    }

    /// The mail of this number, as the sink has it.
    async fn mail(&self, number: u64, answers: &mut Answers) -> Option<Mail> {
        let url = format!("{}/m/{number}.eml", self.sink_http);
        let answer = match self.http.get(url).send().await {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {
                answers.mails_not_kept += 1;
                return None;
            }
            other => other.and_then(Response::error_for_status),
        };
        let bytes = match answer {
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => {
                answers.mails_read += 1;
                Some(Mail::read(&bytes))
            }
            Err(error) => {
                failed(error, answers);
                None
            }
        }
    }

    async fn one_click(&self, link: &Address, answers: &mut Answers) {
        let form = vec![("List-Unsubscribe".to_owned(), "One-Click".to_owned())];
        if self.ask(Method::POST, link, PROVIDER, Some(&form), answers).await.is_some() {
            answers.one_click += 1;
        }
    }

    async fn leave_by_page(
        &self,
        mail: &Mail,
        link: &Address,
        browser: &'static str,
        answers: &mut Answers,
    ) {
        // The link to leave is one that stands in the mail; nobody clicks on a header.
        let mut seen = mail.links.iter().filter(|link| link.is_seen);
        if !seen.any(|seen| self.base.address(&seen.href).as_ref() == Some(link)) {
            return;
        }
        let Some(page) = self.ask(Method::GET, link, browser, None, answers).await else { return };
        answers.other += 1;
        let Ok(page) = page.text().await else { return };
        let Some((action, fields)) = mail::form(&page) else { return };
        let Some(action) = self.base.address_on(link, &action) else { return };
        if self.ask(Method::POST, &action, browser, Some(&fields), answers).await.is_some() {
            answers.by_page += 1;
        }
    }

    async fn scan(&self, mail: &Mail, gateway: &Gateway, answers: &mut Answers) {
        if gateway.pictures {
            self.load(&mail.pictures, gateway.agent, Who::Machine, answers).await;
        }
        let mut followed = HashSet::new();
        for Link { href, is_seen } in &mail.links {
            let Some(address) = self.base.address(href) else { continue };
            if !followed.insert(address.clone()) {
                continue;
            }
            let methods: &[Method] = match gateway.follows {
                Follows::Get => &[Method::GET],
                Follows::Head => &[Method::HEAD],
                Follows::HeadThenGet => &[Method::HEAD, Method::GET],
            };
            for method in methods {
                let answer = self.ask(method.clone(), &address, gateway.agent, None, answers).await;
                match answer {
                    Some(answer) if answer.status().is_redirection() => {
                        answers.machines.clicked += 1;
                        answers.hidden_links += u64::from(!is_seen);
                    }
                    Some(_) => answers.other += 1,
                    None => {}
                }
            }
        }
    }

    async fn load(
        &self,
        pictures: &[Picture],
        agent: &'static str,
        who: Who,
        answers: &mut Answers,
    ) {
        for Picture { src, is_pixel } in pictures {
            let Some(address) = self.base.address(src) else { continue };
            let known = || {
                let mut kept = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
                !kept.insert(address.clone())
            };
            if !is_pixel && known() {
                continue;
            }
            if self.ask(Method::GET, &address, agent, None, answers).await.is_some() {
                match is_pixel {
                    true => requests(answers, who).opened += 1,
                    false => answers.other += 1,
                }
            }
        }
    }

    /// Which links this person clicks on: of those that can be seen, and not the one to leave.
    fn links_to_click(
        &self,
        mail: &Mail,
        mood: Mood,
        unsubscribe: Option<&Address>,
    ) -> Vec<Address> {
        if !mood.clicks {
            return Vec::new();
        }
        let mut links: Vec<Address> = Vec::new();
        for link in mail.links.iter().filter(|link| link.is_seen) {
            let Some(address) = self.base.address(&link.href) else { continue };
            if Some(&address) != unsubscribe && !links.contains(&address) {
                links.push(address);
            }
        }
        if links.is_empty() {
            return links;
        }
        // Half of them press what comes first, the others anything.
        let first = match usize::try_from(mood.link_per_mille) {
            Ok(lot) if lot >= 500 => (lot - 500) * links.len() / 500,
            _ => 0,
        };
        links.rotate_left(first);
        links.truncate(if mood.clicks_another { 2 } else { 1 });
        links
    }

    async fn click(&self, link: &Address, browser: &'static str, answers: &mut Answers) {
        let mut here = link.clone();
        for redirects in 0..=MOST_REDIRECTS {
            let Some(answer) = self.ask(Method::GET, &here, browser, None, answers).await else {
                return;
            };
            if !answer.status().is_redirection() {
                answers.other += 1;
                return;
            }
            match redirects {
                0 => answers.people.clicked += 1,
                _ => answers.other += 1,
            }
            let location = answer.headers().get(LOCATION).and_then(|it| it.to_str().ok());
            match location.and_then(|it| self.base.address_on(&here, it)) {
                Some(on) => here = on,
                // To a partner's or vendor's own site, which is nobody's here.
                None => return answers.led_away += 1,
            }
        }
    }

    /// An answer that says that it was done or where to go; anything else is counted as failed.
    async fn ask(
        &self,
        method: Method,
        address: &Address,
        agent: &'static str,
        form: Option<&[(String, String)]>,
        answers: &mut Answers,
    ) -> Option<Response> {
        let mut request =
            self.http.request(method, address.url().clone()).header(USER_AGENT, agent);
        request = request.header(ACCEPT, "*/*");
        if let Some(fields) = form {
            request = request.form(fields);
        }
        match request.send().await.and_then(Response::error_for_status) {
            Ok(answer) => Some(answer),
            Err(error) => {
                failed(error, answers);
                None
            }
        }
    }
}

fn requests(answers: &mut Answers, who: Who) -> &mut Requests {
    match who {
        Who::Person => &mut answers.people,
        Who::Machine => &mut answers.machines,
    }
}

fn failed(error: reqwest::Error, answers: &mut Answers) {
    // The address holds a token, so it is not logged.
    tracing::warn!(error = %error.without_url(), "a recipient was not answered");
    answers.failed += 1;
}
