//! Nobody reaches over the wall: foreign ids are answered as missing, and nothing changes.

use domain::ActivationState;
use program::{
    Actor, ErrorKind, ImportPartners, LaunchFor, Preview, PreviewFor, PreviewOf, PublishAs, ReadAs,
};

use crate::world::{OPS, PARTNER_COLUMNS, World, partner_row};

/// Asserts that an answer is "there is none", with no name of another tenant in it.
macro_rules! not_found {
    ($asked:expr) => {{
        let error = $asked.await.expect_err(stringify!($asked));
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}: {error}", stringify!($asked));
        assert!(!error.to_string().contains("did you mean"), "{error}");
    }};
}

#[tokio::test]
async fn a_company_finds_nothing_of_another() {
    let world = World::new().await;
    let (partner, company, activation) = world.launched("acme").await;
    let (own_partner, own_company) = world.partner("acma", "Gold").await;
    let stranger = Actor::Company(own_company.clone());
    let program = &world.program;
    let vendor = Some(&world.vendor);

    not_found!(program.pause(&stranger, activation));
    not_found!(program.resume(&stranger, activation));
    not_found!(program.cancel(&stranger, activation));
    not_found!(program.status(&stranger, Some(activation)));
    not_found!(program.events(&stranger, Some(activation), None, 10));
    not_found!(program.find_company(&stranger, None, company.as_str()));
    not_found!(program.find_company(&stranger, None, "Firm acme"));
    not_found!(program.launch(&stranger, &world.launch_for(LaunchFor::Partner(partner.clone()))));
    let import = world.contacts(&company, "email\nmallory@example.com\n");
    not_found!(program.import_contacts(&stranger, &import, &mut |_| {}));
    let file =
        world.file("p.csv", format!("{PARTNER_COLUMNS}\n{}\n", partner_row("acme", "Silver")));
    let read_as = ReadAs::default();
    let import = ImportPartners { vendor: world.vendor.clone(), file, read_as, dry_run: false };
    not_found!(program.import_partners(&stranger, &import, &mut |_| {}));
    not_found!(program.add_vendor(&stranger, "Mine"));
    let preview = Preview {
        vendor: world.vendor.clone(),
        package: PreviewOf::Published("product-launch".to_owned()),
        partner: Some(partner.clone()),
        step: None,
        slots: Default::default(),
        language: None,
        person: PreviewFor::Sample(Default::default()),
    };
    let error = program.preview(&stranger, &preview).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = program.find_partner(&stranger, vendor, "acme").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no partner \"acme\"; did you mean \"acma\"?",
        "only its own is named"
    );
    assert!(program.find_partner(&stranger, vendor, partner.as_str()).await.is_err());

    assert!(program.status(&stranger, None).await.unwrap().activations.is_empty());
    let all = program.launch(&stranger, &world.launch_for(LaunchFor::AllEligible)).await.unwrap();
    assert!(all.activations.is_empty());
    assert_eq!(all.refused.iter().map(|row| &row.partner).collect::<Vec<_>>(), [&own_partner]);

    let row = world.store.activation(activation).await.unwrap().unwrap();
    assert_eq!(row.state, ActivationState::Scheduled);
    assert_eq!(world.store.lists(&company).await.unwrap()[0].contacts, 2);
    assert_eq!(world.store.partner(&partner).await.unwrap().unwrap().tier, "Gold");
    assert_eq!(world.store.vendors().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_vendor_finds_nothing_of_another() {
    let world = World::new().await;
    let (partner, company, activation) = world.launched("acme").await;
    let other = world.program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    let stranger = Actor::Vendor(other.clone());
    let program = &world.program;

    not_found!(program.pause(&stranger, activation));
    not_found!(program.cancel(&stranger, activation));
    not_found!(program.status(&stranger, Some(activation)));
    not_found!(program.events(&stranger, Some(activation), None, 10));
    not_found!(program.find_vendor(&stranger, Some("Northwind Secure")));
    not_found!(program.find_partner(&stranger, Some(&world.vendor), "acme"));
    not_found!(program.find_partner(&stranger, Some(&other), partner.as_str()));
    not_found!(program.launch(&stranger, &world.launch_for(LaunchFor::AllEligible)));
    let folder = world.file("package/package.toml", "name = 'x'");
    let error = program
        .publish_package(&stranger, &world.vendor, folder.parent().unwrap(), PublishAs::Published)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let mut theirs = world.launch_for(LaunchFor::Partner(partner));
    theirs.vendor = other;
    not_found!(program.launch(&stranger, &theirs));
    let import = world.contacts(&company, "email\nmallory@example.com\n");
    not_found!(program.import_contacts(&stranger, &import, &mut |_| {}));
    let own = Actor::Vendor(world.vendor.clone());
    not_found!(program.import_contacts(&own, &import, &mut |_| {}));

    assert_eq!(world.store.lists(&company).await.unwrap()[0].contacts, 2);
    assert_eq!(world.store.activation_summaries(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_tenant_may_do_what_is_its_own() {
    let world = World::new().await;
    let (partner, company, activation) = world.launched("acme").await;
    let sends = world.expand(activation).await;
    let token = world.link_key.seal(domain::token::Purpose::Unsubscribe, sends[0].1);
    world.program.unsubscribe(&token).await.unwrap();
    for actor in [Actor::Company(company.clone()), Actor::Vendor(world.vendor.clone())] {
        world.program.pause(&actor, activation).await.unwrap();
        world.program.resume(&actor, activation).await.unwrap();
        assert_eq!(world.program.status(&actor, None).await.unwrap().activations.len(), 1);
        assert_eq!(world.program.events(&actor, None, None, 10).await.unwrap().events.len(), 1);
        let again = world.launch_for(LaunchFor::Partner(partner.clone()));
        assert_eq!(world.program.launch(&actor, &again).await.unwrap().activations.len(), 1);
    }
    let import = world.contacts(&company, "email\nnew@example.com\n");
    let report = world
        .program
        .import_contacts(&Actor::Company(company), &import, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(report.created, 1);
}
