//! `pause`, `resume` and `cancel` above a single activation, on both engines.

use domain::{ActivationId, CompanyId, PartnerId, Scope, activation::ActivationCommand::*};
use program::{Actor, BeltTold, ControlOf, ErrorKind};
use testkit::TestDatabase;

use crate::world::{OPS, World};

struct Stage {
    world: World,
    partner: PartnerId,
    company: CompanyId,
    activation: ActivationId,
    scopes: [Scope; 5],
}

impl Stage {
    async fn on(database: TestDatabase) -> Self {
        let world = World::on(database).await;
        let (partner, company, activation) = world.launched("acme").await;
        let row = world.store.activation(activation).await.unwrap().unwrap();
        let scopes = [
            Scope::Partner(partner.clone()),
            Scope::Package(row.package_id),
            Scope::Version(row.version_id),
            Scope::Vendor(world.vendor.clone()),
            Scope::All,
        ];
        Self { world, partner, company, activation, scopes }
    }

    /// Every stop of the belt: key and kind.
    async fn stops(&self) -> Vec<(String, belt::Stop)> {
        let belt =
            belt::Belt::connect(belt::BeltConfig::new(self.world.redis.url())).await.unwrap();
        let mut stops: Vec<_> = belt.stops().await.unwrap().into_iter().collect();
        stops.sort_by(|a, b| a.0.cmp(&b.0));
        stops
    }

    /// The belt's key of a scope: it knows versions, not packages.
    fn key(&self, scope: &Scope) -> String {
        match scope {
            Scope::Package(_) => self.scopes[2].to_string(),
            scope => scope.to_string(),
        }
    }
}

on_both!(
    at_every_level_the_belt_knows_before_the_answer,
    pauses_add_up_over_levels_and_holders,
    a_cancel_ends_what_is_live_under_it,
    a_resumed_version_that_was_recalled_stays_stopped,
    without_redis_the_book_has_it_and_the_answer_says_so,
    who_may_control_what,
    status_says_what_is_paused_and_by_whom,
    what_people_name_is_found,
);

async fn at_every_level_the_belt_knows_before_the_answer(stage: Stage) {
    let program = &stage.world.program;
    for scope in &stage.scopes {
        let paused = program.control(&OPS, scope, Pause).await.unwrap();
        assert_eq!((paused.changed, paused.belt), (true, BeltTold::Told), "{scope}");
        assert_eq!((paused.level, paused.activations), (scope.level(), 1), "{scope}");
        assert_eq!(stage.stops().await, [(stage.key(scope), belt::Stop::Pause)], "{scope}");
        let again = program.control(&OPS, scope, Pause).await.unwrap();
        assert!(!again.changed, "{scope}");
        let resumed = program.control(&OPS, scope, Resume).await.unwrap();
        assert_eq!((resumed.changed, resumed.belt), (true, BeltTold::Told), "{scope}");
        assert!(resumed.paused_by.is_empty());
        assert_eq!(stage.stops().await, [], "{scope}");
        assert!(!program.control(&OPS, scope, Resume).await.unwrap().changed, "{scope}");
    }
}

async fn pauses_add_up_over_levels_and_holders(stage: Stage) {
    let program = &stage.world.program;
    let [partner, package, version, vendor, _] = &stage.scopes;
    let its_vendor = Actor::Vendor(stage.world.vendor.clone());
    let itself = Actor::Company(stage.company.clone());
    program.control(&itself, partner, Pause).await.unwrap();
    program.control(&its_vendor, partner, Pause).await.unwrap();
    program.control(&its_vendor, vendor, Pause).await.unwrap();
    program.control(&its_vendor, package, Pause).await.unwrap();
    program.control(&its_vendor, version, Pause).await.unwrap();
    program.pause(&itself, stage.activation).await.unwrap();
    assert_eq!(stage.stops().await.len(), 4, "a package's pause is its versions'");

    program.control(&its_vendor, vendor, Resume).await.unwrap();
    let done = program.control(&its_vendor, package, Resume).await.unwrap();
    assert_eq!(done.belt, BeltTold::Told);
    let keys: Vec<_> = stage.stops().await.into_iter().map(|(key, _)| key).collect();
    assert!(keys.contains(&version.to_string()), "paused by itself: {keys:?}");
    program.control(&its_vendor, version, Resume).await.unwrap();

    let resumed = program.control(&its_vendor, partner, Resume).await.unwrap();
    assert_eq!((resumed.changed, resumed.paused_by.len()), (true, 1), "the company's stands");
    let refused = program.control(&its_vendor, partner, Resume).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains(stage.company.as_str()), "{refused}");
    assert!(stage.stops().await.iter().any(|(key, _)| *key == partner.to_string()));

    let resumed = program.resume(&itself, stage.activation).await.unwrap();
    assert_eq!(resumed.paused_by.len(), 1, "it says what keeps it back still");
    program.control(&OPS, partner, Resume).await.unwrap();
    assert_eq!(stage.stops().await, []);
}

async fn a_cancel_ends_what_is_live_under_it(stage: Stage) {
    let Stage { world, activation, scopes, .. } = &stage;
    world.expand(*activation).await;
    let (_, other_company) = world.partner("beta", "Gold").await;
    world.import_contacts(&other_company, "email\ncarl@example.com\n").await;
    let beta = world.program.find_partner(&OPS, Some(&world.vendor), "beta").await.unwrap();
    let other = world.launch(program::LaunchFor::Partner(beta.partner)).await;
    let other = other.activations[0].activation;
    let done = world.program.control(&OPS, &scopes[0], Cancel).await.unwrap();
    assert_eq!((done.changed, done.activations, done.sends_cancelled), (true, 1, 2));
    assert_eq!(done.belt, BeltTold::Told);
    assert_eq!(stage.stops().await, [(activation.to_string(), belt::Stop::Cancel)]);
    let again = world.program.control(&OPS, &scopes[0], Cancel).await.unwrap();
    assert_eq!((again.changed, again.sends_cancelled), (false, 0));
    let done = world.program.control(&OPS, &Scope::All, Cancel).await.unwrap();
    assert_eq!(done.activations, 1);
    let state = world.store.activation(other).await.unwrap().unwrap().state;
    assert_eq!(state, domain::ActivationState::Cancelled);
    // What is launched later goes.
    let again = program::Launch {
        again: true,
        ..world.launch_for(program::LaunchFor::Partner(stage.partner.clone()))
    };
    let launched = world.program.launch(&OPS, &again).await.unwrap();
    let keys = stage.stops().await;
    let new = launched.activations[0].activation.to_string();
    assert!(keys.iter().all(|(key, _)| *key != new && !key.starts_with("par_")), "{keys:?}");
}

async fn a_resumed_version_that_was_recalled_stays_stopped(stage: Stage) {
    let program = &stage.world.program;
    let version = &stage.scopes[2];
    program.control(&OPS, version, Pause).await.unwrap();
    program.recall_version(&OPS, &stage.world.vendor, version.as_str()).await.unwrap();
    program.control(&OPS, version, Resume).await.unwrap();
    assert_eq!(stage.stops().await, [(version.to_string(), belt::Stop::Cancel)]);
}

async fn without_redis_the_book_has_it_and_the_answer_says_so(mut stage: Stage) {
    stage.world.redis.stop();
    let program = &stage.world.program;
    for scope in &stage.scopes[..2] {
        let paused = program.control(&OPS, scope, Pause).await.unwrap();
        assert_eq!((paused.changed, paused.belt), (true, BeltTold::BeforeAnythingIsSent));
        assert!(stage.world.store.is_paused(scope).await.unwrap());
    }
    let cancelled = program.control(&OPS, &Scope::All, Cancel).await.unwrap();
    assert_eq!((cancelled.activations, cancelled.belt), (1, BeltTold::BeforeAnythingIsSent));
}

async fn who_may_control_what(stage: Stage) {
    let Stage { world, company, scopes, activation, .. } = &stage;
    let program = &world.program;
    let (_, stranger) = world.partner("acma", "Gold").await;
    let other = program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    let actors = [
        Actor::Vendor(world.vendor.clone()),
        Actor::Company(company.clone()),
        Actor::Vendor(other.clone()),
        Actor::Company(stranger),
    ];
    // Partner, package, version, vendor, all.
    let may = [
        [true, true, true, true, false],
        [true, false, false, false, false],
        [false; 5],
        [false; 5],
    ];
    for (actor, may) in actors.iter().zip(may) {
        for (scope, may) in scopes.iter().zip(may) {
            for command in [Pause, Resume] {
                match program.control(actor, scope, command).await {
                    Ok(_) => assert!(may, "{actor} {scope} {command:?}"),
                    Err(error) => {
                        assert!(!may, "{actor} {scope} {command:?}: {error}");
                        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                        assert!(!error.to_string().contains("Firm"), "{error}");
                    }
                }
            }
            if !may {
                program.control(actor, scope, Cancel).await.unwrap_err();
            }
        }
    }
    assert!(world.store.pauses().await.unwrap().is_empty());
    let row = world.store.activation(*activation).await.unwrap().unwrap();
    assert!(row.state.is_live(), "nobody cancelled it");
    let nobody = Scope::Vendor("ven_01j00000000000000000000000".parse().unwrap());
    let error = program.control(&OPS, &nobody, Pause).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn status_says_what_is_paused_and_by_whom(stage: Stage) {
    let Stage { world, company, activation, scopes, .. } = &stage;
    let program = &world.program;
    let (_, stranger) = world.partner("acma", "Gold").await;
    let its_vendor = Actor::Vendor(world.vendor.clone());
    let itself = Actor::Company(company.clone());
    program.control(&its_vendor, &scopes[1], Pause).await.unwrap();
    program.control(&itself, &scopes[0], Pause).await.unwrap();
    program.pause(&itself, *activation).await.unwrap();
    let status = program.status(&OPS, Some(*activation)).await.unwrap();
    let said: Vec<_> = status.activations[0]
        .paused_by
        .iter()
        .map(|pause| (pause.level, pause.name.as_str(), pause.who.clone()))
        .collect();
    assert_eq!(
        said,
        [
            ("activation", "", company.to_string()),
            ("partner", "acme", company.to_string()),
            ("package", "product-launch", world.vendor.to_string()),
        ]
    );
    let of = async |actor: &Actor| {
        let paused = program.paused(actor).await.unwrap();
        paused.into_iter().map(|pause| pause.level).collect::<Vec<_>>()
    };
    assert_eq!(of(&OPS).await, ["partner", "package"]);
    assert_eq!(of(&its_vendor).await, ["partner", "package"]);
    assert_eq!(of(&itself).await, ["partner", "package"]);
    assert!(of(&Actor::Company(stranger.clone())).await.is_empty(), "it launched nothing of it");
    let other = program.add_vendor(&OPS, "Contoso").await.unwrap().vendor;
    assert!(of(&Actor::Vendor(other.clone())).await.is_empty());
    program.control(&OPS, &Scope::All, Pause).await.unwrap();
    for actor in [Actor::Vendor(other), Actor::Company(stranger)] {
        assert_eq!(of(&actor).await, ["all"]);
    }
}

async fn what_people_name_is_found(stage: Stage) {
    let program = &stage.world.program;
    let package = |version| ControlOf::Package {
        vendor: None,
        package: "product-launch".to_owned(),
        version,
    };
    let named = [
        ControlOf::Partner { vendor: None, partner: "acme".to_owned() },
        package(None),
        package(Some(1)),
        ControlOf::Vendor(Some("northwind secure".to_owned())),
        ControlOf::All,
    ];
    for (of, scope) in named.iter().zip(&stage.scopes) {
        assert_eq!(program.find_scope(&OPS, of).await.unwrap(), *scope);
    }
    let missing = program.find_scope(&OPS, &package(Some(7))).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}
