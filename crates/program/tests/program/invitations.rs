//! A link launches once, for one partner, while it may; and nobody else's link does.

use std::{collections::BTreeMap, time::Duration};

use domain::{VendorSender, activation::ActivationCommand, token::Purpose};
use program::{
    Actor, ErrorKind, InvitationStands, Invite, Invited, InvitedLaunch, LaunchFor, NoMail,
    NotInvited, ProfileField, PublishAs,
};
use render::SamplePackage;
use store::InvitationState;

use crate::world::{OPS, World};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl World {
    /// A vendor that may write, a package, and a partner with two contacts.
    async fn ready_to_invite(&self) {
        self.publish(|_| {}).await;
        let (_, company) = self.partner("acme", "Gold").await;
        self.import_contacts(&company, "email\nanna@example.com\nbert@example.com\n").await;
        let sender = VendorSender {
            from_name: String::new(),
            from_email: "partners@northwind.example".to_owned(),
            reply_to: String::new(),
            postal_address: vec!["1 Northwind Plaza".to_owned()],
            web_site: "https://www.northwind.example".to_owned(),
        };
        self.program.set_vendor_sender(&OPS, &self.vendor, sender).await.unwrap();
    }

    fn invite_for(&self, who: LaunchFor) -> Invite {
        let vendor = self.vendor.clone();
        Invite { vendor, package: "product-launch".to_owned(), who, expires_in: 14 * DAY }
    }

    async fn invite_all(&self) -> Invited {
        self.program.invite(&OPS, &self.invite_for(LaunchFor::AllEligible)).await.unwrap()
    }

    /// The link that is in the latest mail of an invitation.
    async fn link(&self, invited: &Invited, at: usize) -> String {
        let id = &invited.invitations[at].invitation;
        let mail = self.store.invitation(id).await.unwrap().unwrap().mail;
        self.link_key.seal(Purpose::Invitation, mail)
    }

    async fn activations(&self) -> usize {
        self.store.activation_summaries(None).await.unwrap().len()
    }

    async fn stands(&self, link: &str) -> InvitationStands {
        self.program.invitation_page(link).await.unwrap().stands
    }
}

#[tokio::test]
async fn a_link_launches_once_and_shows_what_it_launched() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let invited = world.invite_all().await;
    assert_eq!((invited.new, invited.invitations.len()), (1, 1));
    let link = world.link(&invited, 0).await;
    let page = world.program.invitation_page(&link).await.unwrap();
    assert_eq!(page.stands, InvitationStands::Open);
    assert_eq!(
        (page.partner_name.as_str(), page.vendor_name.as_str()),
        ("Firm acme", "Northwind Secure")
    );
    assert_eq!((page.lists[0].contacts, page.steps.len(), page.missing.len()), (2, 3, 0));
    let mail = world.program.invitation_preview(&link, "announce", &BTreeMap::new()).await.unwrap();
    assert!(mail.html.contains("Firm acme"), "{}", mail.html);
    assert_eq!(world.activations().await, 0, "looking launches nothing");

    // Many presses of one button.
    let presses = (0..8).map(|_| {
        let (program, link) = (world.program.clone(), link.clone());
        tokio::spawn(async move { program.launch_invited(&link, &InvitedLaunch::default()).await })
    });
    let mut new = 0;
    let mut made = Vec::new();
    for press in presses.collect::<Vec<_>>() {
        let launched = press.await.unwrap().unwrap();
        new += usize::from(launched.is_new);
        made.push(launched.activation);
    }
    made.dedup();
    assert_eq!((new, made.len(), world.activations().await), (1, 1, 1));

    // What has ended is not launched again by a link that was used.
    let stop = world.program.command_invited(&link, ActivationCommand::Cancel).await.unwrap();
    assert_eq!(stop.activation, made[0]);
    let again = world.program.launch_invited(&link, &InvitedLaunch::default()).await.unwrap();
    assert_eq!((again.activation, again.is_new), (made[0], false));
    assert_eq!(world.activations().await, 1);
    assert_eq!(world.program.invitation_progress(&link).await.unwrap().status.activation, made[0]);
    let audit = world.store.audit(20).await.unwrap();
    assert!(audit.iter().any(|row| row.action == "invitation launched"), "{audit:?}");
}

#[tokio::test]
async fn what_a_crash_left_unnoted_is_not_launched_twice() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let invited = world.invite_all().await;
    let link = world.link(&invited, 0).await;
    // As if the process had died between the launch and the note: the invitation is still open.
    world.clock.advance(Duration::from_secs(1));
    let launched = world.launch(LaunchFor::AllEligible).await;
    let activation = launched.activations[0].activation;
    world.program.cancel(&OPS, activation).await.unwrap();
    assert_eq!(world.stands(&link).await, InvitationStands::Launched { activation });
    let again = world.program.launch_invited(&link, &InvitedLaunch::default()).await.unwrap();
    assert_eq!((again.activation, again.is_new), (activation, false));
    assert_eq!(world.activations().await, 1);
}

#[tokio::test]
async fn a_link_that_is_over_launches_nothing() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let invited = world.invite_all().await;
    let id = invited.invitations[0].invitation.clone();
    let first = world.link(&invited, 0).await;
    let refused = async |link: &str, kind| {
        let error =
            world.program.launch_invited(link, &InvitedLaunch::default()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(world.activations().await, 0);
    };

    world.clock.advance(15 * DAY);
    assert_eq!(world.stands(&first).await, InvitationStands::Expired);
    refused(&first, ErrorKind::Conflict).await;
    // Its holder asks for another, once; the earlier one is nobody's from then on.
    assert!(world.program.renew_invitation(&first).await.unwrap());
    refused(&first, ErrorKind::NotFound).await;
    let second = world.link(&invited, 0).await;
    assert_eq!(world.stands(&second).await, InvitationStands::Open);
    assert!(!world.program.renew_invitation(&second).await.unwrap(), "one was just mailed");

    world.program.decline_invitation(&second).await.unwrap();
    assert_eq!(world.stands(&second).await, InvitationStands::Declined);
    refused(&second, ErrorKind::Conflict).await;

    // Invited again, and taken back.
    let again = world.invite_all().await;
    assert_eq!(again.new, 1);
    assert_ne!(again.invitations[0].invitation, id);
    let third = world.link(&again, 0).await;
    world.program.revoke_invitation(&OPS, &again.invitations[0].invitation).await.unwrap();
    assert_eq!(world.stands(&third).await, InvitationStands::Revoked);
    refused(&third, ErrorKind::Conflict).await;
    let resend = world.program.resend_invitation(&OPS, &id, DAY).await.unwrap_err();
    assert_eq!(resend.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_link_that_is_over_shows_no_mail_and_steers_nothing() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let over = async |link: &str| {
        let mail = world.program.invitation_preview(link, "announce", &BTreeMap::new()).await;
        assert_eq!(mail.unwrap_err().kind(), ErrorKind::NotFound);
        for command in [ActivationCommand::Pause, ActivationCommand::Cancel] {
            let steered = world.program.command_invited(link, command).await;
            assert_eq!(steered.unwrap_err().kind(), ErrorKind::NotFound);
        }
    };
    let declined = world.link(&world.invite_all().await, 0).await;
    world.program.decline_invitation(&declined).await.unwrap();
    over(&declined).await;
    let invited = world.invite_all().await;
    let revoked = world.link(&invited, 0).await;
    world.program.revoke_invitation(&OPS, &invited.invitations[0].invitation).await.unwrap();
    let expired = world.link(&world.invite_all().await, 0).await;
    world.clock.advance(14 * DAY);
    over(&expired).await;
    // The vendor launches for the partner: that is not for the holder of an earlier link to stop.
    world.clock.advance(DAY);
    world.launch(LaunchFor::AllEligible).await;
    over(&declined).await;
    over(&revoked).await;
}

#[tokio::test]
async fn no_other_token_opens_an_invitation() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let invited = world.invite_all().await;
    let id = &invited.invitations[0].invitation;
    let mail = world.store.invitation(id).await.unwrap().unwrap().mail;
    for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Invitation) {
        let token = world.link_key.seal(purpose, mail);
        let error = world.program.invitation_page(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{purpose:?}");
        assert!(world.program.launch_invited(&token, &InvitedLaunch::default()).await.is_err());
    }
    for hours in [0, 90 * 24 + 1] {
        let expires_in = Duration::from_secs(hours * 60 * 60);
        let invite = Invite { expires_in, ..world.invite_for(LaunchFor::AllEligible) };
        let error = world.program.invite(&OPS, &invite).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{hours}: {error}");
    }
    let link = world.link(&invited, 0).await;
    for token in ["", "preview", &link[1..], &format!("{link}A")] {
        assert_eq!(
            world.program.invitation_page(token).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
    // The link unsubscribes nobody either.
    assert_eq!(world.program.unsubscribe(&link).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn only_the_vendor_invites_into_its_program() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let (own, company) = world.partner("other", "Gold").await;
    let invited = world.invite_all().await;
    let id = invited.invitations[0].invitation.clone();
    let stranger = world.program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    for actor in [Actor::Company(company), Actor::Vendor(stranger)] {
        let program = &world.program;
        let kinds = [
            program.invite(&actor, &world.invite_for(LaunchFor::Partner(own.clone()))).await.err(),
            program.invitations(&actor, &world.vendor, None, 10).await.err(),
            program.resend_invitation(&actor, &id, DAY).await.err(),
            program.revoke_invitation(&actor, &id).await.err(),
        ];
        for error in kinds {
            assert_eq!(error.expect("it is refused").kind(), ErrorKind::NotFound);
        }
    }
    let state = world.store.invitation(&id).await.unwrap().unwrap().state;
    assert_eq!(state, InvitationState::Open);
}

#[tokio::test]
async fn who_can_t_be_asked_is_named_with_the_reason() {
    let world = World::new().await;
    world.publish(|manifest| manifest.push_str("\n[eligibility]\ntiers = [\"Gold\"]\n")).await;
    let error =
        world.program.invite(&OPS, &world.invite_for(LaunchFor::AllEligible)).await.unwrap_err();
    assert!(error.to_string().contains("throughline vendor sender"), "{error}");
    world.ready_to_invite().await;
    let tiers = "\n[eligibility]\ntiers = [\"Gold\", \"Platinum\"]\n";
    world.publish(|manifest| manifest.push_str(tiers)).await;
    world.partner("silver", "Silver").await;
    world.partner("empty", "Gold").await;
    let (unwilling, company) = world.partner("unwilling", "Gold").await;
    world.import_contacts(&company, "email\nanna@example.com\n").await;
    let first = world.invite_all().await;
    let line = first.invitations.iter().find(|line| line.partner == unwilling).unwrap();
    let mail = world.store.invitation(&line.invitation).await.unwrap().unwrap().mail;
    let token = world.link_key.seal(Purpose::Unsubscribe, mail);
    let page = world.program.unsubscribe_page(&token).await.unwrap();
    assert_eq!(page.invitations_from.as_deref(), Some("Northwind Secure"));
    assert!(!world.program.unsubscribe(&token).await.unwrap().already);
    assert!(world.program.unsubscribe(&token).await.unwrap().already);

    let again = world.invite_all().await;
    assert_eq!((again.new, again.invitations.len()), (0, 1));
    let reasons: BTreeMap<&str, String> = again
        .refused
        .iter()
        .map(|refused| (refused.partner_key.as_str(), refused.reason.to_string()))
        .collect();
    assert!(reasons["silver"].contains("tier Silver"), "{reasons:?}");
    assert!(reasons["empty"].contains("no contact list"), "{reasons:?}");
    assert!(
        again.refused.iter().any(|it| it.reason == NotInvited::NoMail(NoMail::WantsNone)),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn what_the_profile_lacks_is_asked_for_and_no_file_takes_it_away() {
    let world = World::new().await;
    world.ready_to_invite().await;
    let row = "lean,Lean Ltd,Gold,,,,de-AT,Europe/Vienna,#aa3300,,,Eva,eva@lean.example,,";
    let report = world.import_partners(&[row.to_owned()]).await;
    assert_eq!((report.created, report.refused), (1, 0), "{:?}", report.problems);
    let lean = world.program.find_partner(&OPS, None, "lean").await.unwrap();
    world.import_contacts(&lean.company, "email\nanna@example.com\n").await;
    let invited = world
        .program
        .invite(&OPS, &world.invite_for(LaunchFor::Partner(lean.partner.clone())))
        .await
        .unwrap();
    let link = world.link(&invited, 0).await;
    let page = world.program.invitation_page(&link).await.unwrap();
    assert_eq!(page.missing, ProfileField::ALL);
    assert!(
        world.program.invitation_preview(&link, "announce", &BTreeMap::new()).await.is_ok(),
        "it is shown all the same"
    );
    let mut form = InvitedLaunch::default();
    let places = |error: program::Error| match error {
        program::Error::BadInput { problems } => {
            problems.into_iter().map(|problem| problem.place).collect::<Vec<_>>()
        }
        other => panic!("{other}"),
    };
    let error = world.program.launch_invited(&link, &form).await.unwrap_err();
    let all = ["profile postal_address", "profile web_site", "profile from_email"];
    assert_eq!(places(error), all);
    let given = [
        ("postal_address", "Ring 1\n1010 Wien"),
        ("web_site", "www.lean.example"),
        ("from_email", "ceo@northwind.example"),
    ];
    form.profile = given.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let error = world.program.launch_invited(&link, &form).await.unwrap_err();
    assert_eq!(places(error), ["profile from_email"], "nobody sends in another's name");
    form.profile.insert("from_email".to_owned(), "news@lean.example".to_owned());
    form.slots.insert("nonsense".to_owned(), "x".to_owned());
    let error = world.program.launch_invited(&link, &form).await.unwrap_err();
    assert_eq!(places(error), ["slot nonsense"]);
    form.slots.clear();
    assert!(world.program.launch_invited(&link, &form).await.unwrap().is_new);
    let (brand, sender) = world.store.partner_brand(&lean.partner).await.unwrap().unwrap();
    assert_eq!(brand.postal_address, ["Ring 1", "1010 Wien"]);
    assert_eq!(brand.web_site, "https://www.lean.example/");
    assert_eq!(
        (sender.from_email.as_str(), sender.reply_to.as_str()),
        ("news@lean.example", "news@lean.example")
    );

    // The vendor's file still has empty cells there.
    assert_eq!(world.import_partners(&[row.to_owned()]).await.refused, 0);
    assert_eq!(world.store.partner_brand(&lean.partner).await.unwrap().unwrap(), (brand, sender));
}

#[tokio::test]
async fn no_campaign_may_be_called_an_invitation() {
    let world = World::new().await;
    let mut files = SamplePackage::named("product-launch").unwrap().files().clone();
    let manifest = String::from_utf8(files.get("package.toml").unwrap().to_vec()).unwrap();
    let manifest = manifest.replace("name = \"product-launch\"", "name = \"invitation\"");
    files.insert("package.toml", manifest.into_bytes());
    let published =
        world.program.publish_files(&OPS, &world.vendor, &files, PublishAs::Published).await;
    let error = published.unwrap_err();
    assert!(error.to_string().contains("package.toml, name"), "{error}");
}
