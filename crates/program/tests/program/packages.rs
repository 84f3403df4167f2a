//! `package check`, `package publish` and `render`.

use domain::{
    Outcome, Scope, VersionState, activation::ActivationCommand, outcome::PermanentReason,
    package_version::VersionCommand,
};
use program::{
    Actor, BeltTold, ErrorKind, LaunchFor, Preview, PreviewFor, PreviewOf, PublishAs, SlotPicture,
    StepMap, check_package,
};
use render::{SamplePackage, SharedTemplates};

use crate::world::{OPS, World};

fn sample_folder(world: &World) -> std::path::PathBuf {
    let sample = SamplePackage::named("product-launch").unwrap();
    for (path, bytes) in sample.files().iter() {
        world.file(&format!("package/{path}"), bytes);
    }
    world
        .file("package/package.toml", sample.files().get("package.toml").unwrap())
        .parent()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_same_content_is_the_same_version() {
    let world = World::new().await;
    let folder = sample_folder(&world);
    assert!(check_package(&SharedTemplates::embedded(), &folder).unwrap().is_good);
    let first = world
        .program
        .publish_package(&OPS, &world.vendor, &folder, PublishAs::Published)
        .await
        .unwrap();
    assert!(first.is_new && first.number == 1);
    let again = world
        .program
        .publish_package(&OPS, &world.vendor, &folder, PublishAs::Published)
        .await
        .unwrap();
    assert!(!again.is_new && again.version == first.version);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place_and_nothing_is_published() {
    let world = World::new().await;
    let folder = sample_folder(&world);
    world.file("package/en/announce/subject.txt.hbs", "Hello {{person.frist_name}}\n");
    let checked = check_package(&SharedTemplates::embedded(), &folder).unwrap();
    assert!(!checked.is_good);
    let error = world
        .program
        .publish_package(&OPS, &world.vendor, &folder, PublishAs::Published)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.to_string().contains("en/announce/subject.txt.hbs:1:"), "{error}");
    assert!(world.store.packages(&world.vendor).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_preview_is_what_the_partner_s_contacts_would_get() {
    let world = World::new().await;
    let (partner, _) = world.partner("acme", "Gold").await;
    world.publish(|_| {}).await;
    let preview = Preview {
        vendor: world.vendor.clone(),
        package: PreviewOf::Published("product-launch".to_owned()),
        partner: Some(partner),
        step: Some("announce".to_owned()),
        slots: Default::default(),
        language: None,
        person: PreviewFor::Sample(
            [
                ("first_name".to_owned(), "Zoë".to_owned()),
                ("email".to_owned(), "zoe@example.com".to_owned()),
            ]
            .into(),
        ),
    };
    let shown = world.program.preview(&OPS, &preview).await.unwrap().messages;
    assert_eq!(shown.len(), 1);
    assert!(
        shown[0].text.contains("Zoë") && shown[0].text.contains("Main Street 1"),
        "{}",
        shown[0].text
    );
    let eml = String::from_utf8(shown[0].eml.clone()).unwrap();
    for header in [
        "From: ",
        "To: ",
        "List-Unsubscribe: <https://mail.example/u/preview>",
        "List-Unsubscribe-Post: ",
    ] {
        assert!(eml.contains(header), "{header}\n{eml}");
    }
    let mut every = preview.clone();
    every.step = None;
    assert_eq!(world.program.preview(&OPS, &every).await.unwrap().messages.len(), 3);
    every.step = Some("anounce".to_owned());
    let error = world.program.preview(&OPS, &every).await.unwrap_err();
    assert!(error.to_string().contains("did you mean \"announce\""), "{error}");

    let folder =
        Preview { package: PreviewOf::Folder(sample_folder(&world)), partner: None, ..preview };
    assert_eq!(world.program.preview(&OPS, &folder).await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn a_contact_s_preview_is_for_its_own_company_only() {
    let world = World::new().await;
    let (partner, company) = world.partner("acme", "Gold").await;
    world.publish(|_| {}).await;
    let csv = "email,first_name,last_name,company\nzoe@example.com,Zoë,Novák,Sample & Sons\n";
    world.try_import_contacts(&company, csv).await.unwrap();
    let of = |address: &str, list: Option<&str>| Preview {
        vendor: world.vendor.clone(),
        package: PreviewOf::Published("product-launch".to_owned()),
        partner: Some(partner.clone()),
        step: Some("announce".to_owned()),
        slots: Default::default(),
        language: None,
        person: PreviewFor::Contact { address: address.to_owned(), list: list.map(str::to_owned) },
    };
    let shown = world.program.preview(&OPS, &of("Zoe@Example.com", None)).await.unwrap().messages;
    let eml = String::from_utf8(shown[0].eml.clone()).unwrap();
    assert!(shown[0].text.contains("Zoë"), "{}", shown[0].text);
    assert!(eml.contains("<zoe@example.com>"), "{eml}");

    let refused = async |actor: &Actor, preview: Preview| {
        let error = world.program.preview(actor, &preview).await.unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, _) = refused(&OPS, of("nobody@example.com", None)).await;
    assert_eq!(kind, ErrorKind::NotFound);
    let (kind, _) = refused(&OPS, of("nobody", None)).await;
    assert_eq!(kind, ErrorKind::BadInput);
    let (_, text) = refused(&OPS, of("zoe@example.com", Some("prospects"))).await;
    assert!(text.contains("it has customers"), "{text}");
    // The contacts are the company's: a vendor previews with somebody made up.
    let (kind, _) =
        refused(&Actor::Vendor(world.vendor.clone()), of("zoe@example.com", None)).await;
    assert_eq!(kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_draft_is_launched_by_nobody_before_it_is_approved() {
    let world = World::new().await;
    let folder = sample_folder(&world);
    let publish = async |publish_as| {
        world.program.publish_package(&OPS, &world.vendor, &folder, publish_as).await.unwrap()
    };
    let kept = publish(PublishAs::Draft).await;
    assert_eq!((kept.is_new, kept.state), (true, VersionState::Draft));
    let (partner, company) = world.partner("acme", "Gold").await;
    world.import_contacts(&company, "email\nzoe@example.com\n").await;
    let launch = world.launch_for(LaunchFor::Partner(partner));
    let error = world.program.launch(&OPS, &launch).await.unwrap_err();
    assert!(error.to_string().contains("no published version"), "{error}");

    let change = async |actor: &Actor, command| {
        world.program.change_version(actor, &world.vendor, "product-launch@1", command).await
    };
    let submitted = change(&OPS, VersionCommand::Submit).await.unwrap();
    assert_eq!(submitted.version.state, VersionState::InReview);
    // A partner's company neither sees nor approves what is not published.
    let firm = Actor::Company(company);
    assert!(world.program.versions(&firm, &world.vendor, None).await.unwrap().is_empty());
    assert_eq!(
        change(&firm, VersionCommand::Publish).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let approved = change(&Actor::Vendor(world.vendor.clone()), VersionCommand::Publish).await;
    let approved = approved.unwrap().version;
    assert_eq!(approved.state_by, world.vendor.to_string(), "who did it");
    assert!(world.program.launch(&OPS, &launch).await.unwrap().activations[0].is_new);
    assert!(!publish(PublishAs::Published).await.is_new);
    let error = world
        .program
        .change_version(&OPS, &world.vendor, "product-lunch@1", VersionCommand::Retire)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("did you mean \"product-launch@1\""), "{error}");
}

#[tokio::test]
async fn publishing_a_draft_s_content_publishes_it() {
    let world = World::new().await;
    let folder = sample_folder(&world);
    let publish = async |publish_as| {
        world.program.publish_package(&OPS, &world.vendor, &folder, publish_as).await.unwrap()
    };
    let draft = publish(PublishAs::Draft).await;
    let published = publish(PublishAs::Published).await;
    assert_eq!((published.version, published.state), (draft.version, VersionState::Published));
}

#[tokio::test]
async fn a_recall_says_what_it_stopped_and_what_it_came_too_late_for() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let (_, send) = world.expand(activation).await.remove(0);
    world.accepted(activation, send).await;

    let recalled =
        world.program.recall_version(&OPS, &world.vendor, "product-launch@1").await.unwrap();
    assert_eq!(recalled.belt, BeltTold::Told);
    assert_eq!((recalled.activations, recalled.already_out), (1, 1));
    assert_eq!(recalled.stopped, 1);
    let again =
        world.program.recall_version(&OPS, &world.vendor, "product-launch@1").await.unwrap();
    assert_eq!((again.stopped, again.change.changed), (0, false));
    let status = world.program.status(&OPS, Some(activation)).await.unwrap();
    assert_eq!(status.activations[0].state, domain::ActivationState::Recalled);
}

/// The belt hears of a recall before the book's rows are rewritten: the recorder may end some first.
#[tokio::test]
async fn what_the_belt_stopped_first_counts_as_stopped() {
    let stopped = Outcome::permanent(PermanentReason::Stopped);
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let (_, send) = world.expand(activation).await.remove(0);
    world.ended(activation, send, stopped.clone()).await;
    let recalled =
        world.program.recall_version(&OPS, &world.vendor, "product-launch@1").await.unwrap();
    assert_eq!((recalled.stopped, recalled.already_out), (2, 0));

    for by_scope in [false, true] {
        let world = World::new().await;
        let (_, _, activation) = world.launched("acme").await;
        let (_, send) = world.expand(activation).await.remove(0);
        world.ended(activation, send, stopped.clone()).await;
        let cancelled = if by_scope {
            let done = world.program.control(&OPS, &Scope::All, ActivationCommand::Cancel).await;
            done.unwrap().sends_cancelled
        } else {
            world.program.cancel(&OPS, activation).await.unwrap().sends_cancelled
        };
        assert_eq!(cancelled, 2, "by scope: {by_scope}");
    }
}

#[tokio::test]
async fn a_migration_gives_nobody_a_step_twice() {
    let world = World::new().await;
    let (_, _, activation) = world.launched("acme").await;
    let sends = world.expand(activation).await;
    world.accepted(activation, sends[0].1).await;
    // The announcement has another name in the new version, and there is one mail more.
    world
        .publish(|manifest| {
            *manifest = manifest.replacen("key = \"announce\"", "key = \"hello\"\ntemplate = \"announce\"", 1);
            manifest.push_str("\n[[steps]]\nkey = \"thanks\"\nkind = \"email\"\nafter = \"20d\"\ntemplate = \"announce\"\n");
        })
        .await;
    let migrate = async |actor: &Actor, map: &StepMap| {
        world
            .program
            .migrate_version(actor, &world.vendor, "product-launch@1", "product-launch@2", map)
            .await
    };
    let error = migrate(&OPS, &StepMap::default()).await.unwrap_err();
    assert!(error.to_string().contains("`--step announce=NEW` or `--drop announce`"), "{error}");
    let renamed = vec![("announce".to_owned(), "hello".to_owned())];
    let map = StepMap { renamed, dropped: Vec::new() };
    let stranger = Actor::Vendor("ven_01j00000000000000000000000".parse().unwrap());
    assert_eq!(migrate(&stranger, &map).await.unwrap_err().kind(), ErrorKind::NotFound);

    let migrated = migrate(&OPS, &map).await.unwrap();
    assert_eq!((migrated.moved.as_slice(), migrated.stay.len()), ([activation].as_slice(), 0));
    assert_eq!(migrated.belt, BeltTold::Told);
    for (_, send) in &sends {
        let detail = world.store.send(*send).await.unwrap().unwrap();
        assert_eq!(detail.step.as_str(), "hello", "the send is the same one");
    }
    let row = world.store.activation(activation).await.unwrap().unwrap();
    assert_eq!(row.version_id, migrated.to.version);
    assert_eq!((row.schedule_revision, row.state), (1, domain::ActivationState::Scheduled));
    // Deciding the audience again meets what is there.
    let again = world.sends_for(activation, "hello").await;
    world.expand_with(activation, &again).await;
    let status = world.program.status(&OPS, Some(activation)).await.unwrap();
    assert_eq!(status.totals.of(domain::SendState::Sent), 1);
    assert_eq!(status.totals.total, sends.len() as u64);
    assert!(migrate(&OPS, &map).await.unwrap().moved.is_empty(), "they have it already");
}

#[tokio::test]
async fn a_picture_for_a_slot_goes_into_the_book() {
    let world = World::new().await;
    world
        .publish(|manifest| {
            manifest.push_str(
                "\n[slots.team]\nkind = \"image\"\nlabel = \"Your team\"\nmin_width = 20\n",
            );
        })
        .await;
    let package = PreviewOf::Published("product-launch".to_owned());
    let take = async |slot: &str, bytes: &[u8]| {
        let picture = SlotPicture { slot, bytes, alt: "Three of us" };
        world.program.slot_picture(&OPS, &world.vendor, &package, picture).await
    };
    let drawing = b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><rect width='40' height='20' fill='#a30'/></svg>";
    let value = take("team", drawing).await.unwrap();
    assert!(value.ends_with(".png 80x40 Three of us"), "{value}");
    let hash = value.split('.').next().unwrap().parse().unwrap();
    assert_eq!(world.program.asset(&hash).await.unwrap().content_type, "image/png");
    for (slot, bytes, want) in [
        ("spotlight", drawing.as_slice(), "not a file"),
        ("teem", drawing.as_slice(), "did you mean \"team\""),
        ("team", b"%PDF-1.4".as_slice(), "no picture that is known"),
    ] {
        let error = take(slot, bytes).await.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
}
