//! Every route there is.

use axum::http::Method;
use domain::activation::ActivationCommand;
use program::JobCommand;

use super::{
    activations, controls, invitations, jobs, launches, packages, partners, previews, results,
    route::{ANY, Answer, CSV, JSON, KeyKind, Param, Route, Success},
    shape::Shape,
    suppressions,
};

const LIMIT: Param = Param::new("limit", Shape::Limit, "The most items of a page.");
const VENDOR: Param = Param::new("vendor", Shape::Ulid("ven"), "Only this vendor's program.");
const TIER: Param = Param::new("tier", Shape::Line(40), "Only this tier, in any case.");
const INVITER: Param = Param::new("vendor", Shape::Ulid("ven"), "Whose invitations.").required();
const STEP: Param = Param::new("step", Shape::Step, "Only of this step.");
const KIND: Param = Param::new(
    "kind",
    Shape::Word(results::PERSON_KINDS),
    "Only those who did this, or to whose message it happened.",
);
const STATE: Param =
    Param::new("state", Shape::Word(activations::STATES), "Only those in this state.");
const SCOPE: Param =
    Param::new("scope", Shape::Scope, "Where: `everywhere`, a vendor's or a company's id.");

const JOB_STATE: Param = Param::new(
    "state",
    Shape::Word(jobs::STATES),
    "Only those in this state; `due` and `queued` are tried again though nobody knows whether they went.",
);
const JOB_REASON: Param = Param::new(
    "reason",
    Shape::Word(jobs::REASONS),
    "Only those stuck for this reason; without it, all but `rejected` and `bad_address`, which are a relay's word.",
);
const OF_PARTNER: Param = Param::new("partner", Shape::Ulid("par"), "Only of this partner.");
const OF_PACKAGE: Param = Param::new("package", Shape::Ulid("pkg"), "Only of this package.");
const OF_ACTIVATION: Param =
    Param::new("activation", Shape::Number("act"), "Only of this activation.");

const fn cursor(shape: Shape) -> Param {
    Param::new("cursor", shape, "The `next_cursor` of the page before.")
}

const PACKAGE: &[Param] = &[Param::new("package", Shape::Ulid("pkg"), "The package.")];
const VERSION: &[Param] = &[Param::new("version", Shape::Ulid("ver"), "The version.")];
const PARTNER: &[Param] = &[Param::new("partner", Shape::Ulid("par"), "The partner.")];
const ACTIVATION: &[Param] = &[Param::new("activation", Shape::Number("act"), "The activation.")];

const JOB: &[Param] = &[Param::new("job", Shape::Number("snd"), "The job: a send's id.")];
const OF_VENDOR: &[Param] = &[Param::new("vendor", Shape::Ulid("ven"), "The vendor.")];
const INVITATION: &[Param] = &[Param::new("invitation", Shape::Ulid("inv"), "The invitation.")];
/// Who may invite: a program's vendor.
const INVITERS: Option<&[KeyKind]> = Some(&[KeyKind::Ops, KeyKind::Vendor]);

macro_rules! success {
    ($status:literal, $about:literal, $schema:ty) => {
        Success {
            status: $status,
            about: $about,
            content_type: JSON,
            schema: Some(|schemas| schemas.of::<$schema>()),
        }
    };
}

/// A route that reads; what is different is said where it stands.
const READ: Route = Route {
    method: Method::GET,
    path: "",
    id: "",
    tag: "",
    summary: "",
    about: "",
    keys: Some(ANY),
    path_params: &[],
    query: &[],
    body: None,
    example: None,
    success: &[],
    may_conflict: false,
    is_write: false,
    handler: |_| unreachable_route(),
};

/// A route that changes something.
const WRITE: Route = Route { method: Method::POST, may_conflict: true, is_write: true, ..READ };

/// A route that pauses what stands in its path.
const PAUSE: Route = Route {
    tag: "control",
    about: "No send of it starts later than 2 s after the answer. Pauses add up: what is paused at several levels goes on once \
            every one of them is resumed.",
    success: &[success!(200, "It is paused.", controls::ControlledOut)],
    handler: |call| Box::pin(controls::control(call, ActivationCommand::Pause)),
    ..WRITE
};

/// A route that resumes it.
const RESUME: Route = Route {
    tag: "control",
    about: "Lifts the pause of exactly this that was made for the key's owner; an ops key lifts everybody's. What is paused at \
            another level too stays paused.",
    success: &[success!(200, "That pause is lifted.", controls::ControlledOut)],
    handler: |call| Box::pin(controls::control(call, ActivationCommand::Resume)),
    ..WRITE
};

/// A route that cancels it.
const CANCEL: Route = Route {
    tag: "control",
    about: "Ends what is live now, for good: no send of it starts later than 2 s after the answer. What is launched later goes.",
    success: &[success!(200, "It is cancelled.", controls::ControlledOut)],
    handler: |call| Box::pin(controls::control(call, ActivationCommand::Cancel)),
    ..WRITE
};

/// Who may control a vendor's program, its packages and their versions.
const VENDORS: Option<&[KeyKind]> = INVITERS;
const OPS: Option<&[KeyKind]> = Some(&[KeyKind::Ops]);

/// Stands in for the handler of what is no whole route; a test holds that every route has its own.
fn unreachable_route() -> super::route::Answered {
    Box::pin(async { Answer::ok(&()) })
}

/// All of them, in the order of the description.
pub(super) static ROUTES: &[Route] = &[
    Route {
        path: "/openapi.json",
        id: "getOpenApi",
        tag: "description",
        summary: "This description",
        about: "The description of this API: OpenAPI 3.1.",
        keys: None,
        success: &[Success {
            status: 200,
            about: "The description.",
            content_type: JSON,
            schema: Some(|_| serde_json::json!({ "type": "object" })),
        }],
        handler: |call| {
            Box::pin(async move {
                let body = call.api.document.text.clone().into_bytes();
                Ok(Answer { status: 200, content_type: JSON, body })
            })
        },
        ..READ
    },
    Route {
        path: "/packages",
        id: "listPackages",
        tag: "packages",
        summary: "List packages",
        about: "The activation packages of the programs that the key's owner sees.",
        query: &[VENDOR, LIMIT, cursor(Shape::Ulid("pkg"))],
        success: &[success!(200, "A page.", packages::PackagePage)],
        handler: |call| Box::pin(packages::list(call)),
        ..READ
    },
    Route {
        path: "/packages/{package}",
        id: "getPackage",
        tag: "packages",
        summary: "Get a package",
        about: "A package with the steps, slots and eligibility of its newest published version.",
        path_params: PACKAGE,
        success: &[success!(200, "The package.", packages::PackageDetailOut)],
        handler: |call| Box::pin(packages::get(call)),
        ..READ
    },
    Route {
        path: "/packages/{package}/versions",
        id: "listVersions",
        tag: "packages",
        summary: "List the versions of a package",
        about: "Newest first. Drafts are shown to the vendor alone.",
        path_params: PACKAGE,
        query: &[LIMIT, cursor(Shape::Count)],
        success: &[success!(200, "A page.", packages::VersionPage)],
        handler: |call| Box::pin(packages::versions(call)),
        ..READ
    },
    Route {
        path: "/versions/{version}",
        id: "getVersion",
        tag: "packages",
        summary: "Get a version",
        about: "One version of a package and where it stands.",
        path_params: VERSION,
        success: &[success!(200, "The version.", packages::VersionOut)],
        handler: |call| Box::pin(packages::version(call)),
        ..READ
    },
    Route {
        path: "/versions/{version}/recall",
        id: "recallVersion",
        tag: "packages",
        summary: "Recall a version",
        about: "Stops every send of a version for good: none starts later than 2 s after the answer.",
        keys: Some(&[KeyKind::Ops, KeyKind::Vendor]),
        path_params: VERSION,
        success: &[success!(200, "It is recalled.", packages::RecalledOut)],
        handler: |call| Box::pin(packages::recall(call)),
        ..WRITE
    },
    Route {
        path: "/partners",
        id: "listPartners",
        tag: "partners",
        summary: "List partners",
        about: "By when they joined. A company's key sees what the company is partner of.",
        query: &[VENDOR, TIER, LIMIT, cursor(Shape::Ulid("par"))],
        success: &[success!(200, "A page.", partners::PartnerPage)],
        handler: |call| Box::pin(partners::list(call)),
        ..READ
    },
    Route {
        path: "/partners/{partner}",
        id: "getPartner",
        tag: "partners",
        summary: "Get a partner",
        about: "A partner, its brand profile and its sender.",
        path_params: PARTNER,
        success: &[success!(200, "The partner.", partners::PartnerDetailOut)],
        handler: |call| Box::pin(partners::get(call)),
        ..READ
    },
    Route {
        path: "/partners/{partner}/lists",
        id: "listContactLists",
        tag: "partners",
        summary: "List the contact lists of a partner's company",
        about: "They are the company's: a vendor does not see them.",
        keys: Some(&[KeyKind::Ops, KeyKind::Company]),
        path_params: PARTNER,
        success: &[success!(200, "All of them.", partners::ContactLists)],
        handler: |call| Box::pin(partners::lists(call)),
        ..READ
    },
    Route {
        path: "/launches",
        id: "launch",
        tag: "launches",
        summary: "Launch a package",
        about: "For partners that are named, or for all that may. There is at most one live activation of a package a \
                partner: a second launch answers with the first. Partners that are refused are named with the reason.",
        body: Some(|schemas| schemas.of::<launches::LaunchIn>()),
        example: Some(launches::example),
        success: &[
            success!(200, "Nothing is new: these were there.", launches::LaunchedOut),
            success!(201, "Launched.", launches::LaunchedOut),
        ],
        handler: |call| Box::pin(launches::launch(call)),
        ..WRITE
    },
    Route {
        path: "/activations",
        id: "listActivations",
        tag: "activations",
        summary: "List activations",
        about: "Newest first, without counts.",
        query: &[VENDOR, STATE, LIMIT, cursor(Shape::Number("act"))],
        success: &[success!(200, "A page.", activations::ActivationPage)],
        handler: |call| Box::pin(activations::list(call)),
        ..READ
    },
    Route {
        path: "/activations/{activation}",
        id: "getActivation",
        tag: "activations",
        summary: "Get an activation",
        about: "Where it stands, in counts that add up to its audience.",
        path_params: ACTIVATION,
        success: &[success!(200, "The activation.", activations::ActivationDetailOut)],
        handler: |call| Box::pin(activations::get(call)),
        ..READ
    },
    Route {
        path: "/activations/{activation}/pause",
        id: "pauseActivation",
        tag: "activations",
        summary: "Pause an activation",
        about: "No send of it starts later than 2 s after the answer.",
        path_params: ACTIVATION,
        success: &[success!(200, "It is paused.", activations::CommandedOut)],
        handler: |call| Box::pin(activations::steer(call, ActivationCommand::Pause)),
        ..WRITE
    },
    Route {
        path: "/activations/{activation}/resume",
        id: "resumeActivation",
        tag: "activations",
        summary: "Resume an activation",
        about: "It goes on where it was paused.",
        path_params: ACTIVATION,
        success: &[success!(200, "It goes on.", activations::CommandedOut)],
        handler: |call| Box::pin(activations::steer(call, ActivationCommand::Resume)),
        ..WRITE
    },
    Route {
        path: "/activations/{activation}/cancel",
        id: "cancelActivation",
        tag: "activations",
        summary: "Cancel an activation",
        about: "For good: no send of it starts later than 2 s after the answer.",
        path_params: ACTIVATION,
        success: &[success!(200, "It is cancelled.", activations::CommandedOut)],
        handler: |call| Box::pin(activations::steer(call, ActivationCommand::Cancel)),
        ..WRITE
    },
    Route {
        path: "/pauses",
        id: "listPauses",
        tag: "control",
        summary: "List what is paused",
        about: "And by whom: all of it for an ops key, of its program for a vendor's, what keeps its own mail back for a company's.",
        success: &[success!(200, "All of it.", controls::Pauses)],
        handler: |call| Box::pin(controls::list(call)),
        ..READ
    },
    Route {
        path: "/partners/{partner}/pause",
        id: "pausePartner",
        summary: "Pause a partner",
        path_params: PARTNER,
        ..PAUSE
    },
    Route {
        path: "/partners/{partner}/resume",
        id: "resumePartner",
        summary: "Resume a partner",
        path_params: PARTNER,
        ..RESUME
    },
    Route {
        path: "/partners/{partner}/cancel",
        id: "cancelPartner",
        summary: "Cancel a partner",
        path_params: PARTNER,
        ..CANCEL
    },
    Route {
        path: "/versions/{version}/pause",
        id: "pauseVersion",
        summary: "Pause a version",
        keys: VENDORS,
        path_params: VERSION,
        ..PAUSE
    },
    Route {
        path: "/versions/{version}/resume",
        id: "resumeVersion",
        summary: "Resume a version",
        keys: VENDORS,
        path_params: VERSION,
        ..RESUME
    },
    Route {
        path: "/versions/{version}/cancel",
        id: "cancelVersion",
        summary: "Cancel a version",
        keys: VENDORS,
        path_params: VERSION,
        ..CANCEL
    },
    Route {
        path: "/packages/{package}/pause",
        id: "pausePackage",
        summary: "Pause a package",
        keys: VENDORS,
        path_params: PACKAGE,
        ..PAUSE
    },
    Route {
        path: "/packages/{package}/resume",
        id: "resumePackage",
        summary: "Resume a package",
        keys: VENDORS,
        path_params: PACKAGE,
        ..RESUME
    },
    Route {
        path: "/packages/{package}/cancel",
        id: "cancelPackage",
        summary: "Cancel a package",
        keys: VENDORS,
        path_params: PACKAGE,
        ..CANCEL
    },
    Route {
        path: "/vendors/{vendor}/pause",
        id: "pauseVendor",
        summary: "Pause a vendor's program",
        keys: VENDORS,
        path_params: OF_VENDOR,
        ..PAUSE
    },
    Route {
        path: "/vendors/{vendor}/resume",
        id: "resumeVendor",
        summary: "Resume a vendor's program",
        keys: VENDORS,
        path_params: OF_VENDOR,
        ..RESUME
    },
    Route {
        path: "/vendors/{vendor}/cancel",
        id: "cancelVendor",
        summary: "Cancel a vendor's program",
        keys: VENDORS,
        path_params: OF_VENDOR,
        ..CANCEL
    },
    Route { path: "/all/pause", id: "pauseAll", summary: "Pause everything", keys: OPS, ..PAUSE },
    Route {
        path: "/all/resume",
        id: "resumeAll",
        summary: "Resume everything",
        keys: OPS,
        ..RESUME
    },
    Route {
        path: "/all/cancel",
        id: "cancelAll",
        summary: "Cancel everything",
        keys: OPS,
        ..CANCEL
    },
    Route {
        path: "/activations/{activation}/events",
        id: "listEvents",
        tag: "activations",
        summary: "List the events of an activation",
        about: "What happened to its sends, oldest first. Who reads on with the last `event` as `cursor` misses none.",
        path_params: ACTIVATION,
        query: &[LIMIT, cursor(Shape::Number("evt"))],
        success: &[success!(200, "A page.", activations::EventsPage)],
        handler: |call| Box::pin(activations::events(call)),
        ..READ
    },
    Route {
        path: "/activations/{activation}/results",
        id: "getResults",
        tag: "results",
        summary: "Get the results of an activation",
        about: "What came back, per step, per link and over time, people's and machines' apart. Counts only.",
        path_params: ACTIVATION,
        success: &[success!(200, "What came back.", results::ResultsOut)],
        handler: |call| Box::pin(results::get(call)),
        ..READ
    },
    Route {
        path: "/activations/{activation}/results.csv",
        id: "getResultsTable",
        tag: "results",
        summary: "Get the results of an activation as a table",
        about: "One number a row: step, kind, who, bucket_start, events, messages. A row without a bucket_start is for \
                the whole time; bucket_start is by the partner's clocks. A message is counted in the bucket in which it \
                was first opened, so messages add up. A cell that a spreadsheet program would run has an apostrophe \
                before it.",
        path_params: ACTIVATION,
        success: &[Success {
            status: 200,
            about: "The table (RFC 4180), with a head.",
            content_type: CSV,
            schema: None,
        }],
        handler: |call| Box::pin(results::csv(call)),
        ..READ
    },
    Route {
        path: "/activations/{activation}/results/persons",
        id: "listResultPersons",
        tag: "results",
        summary: "List who answered",
        about: "Who clicked, opened, unsubscribed or could not be reached, in this order. They are the company's \
                contacts: to a vendor's key there is no such list.",
        path_params: ACTIVATION,
        query: &[STEP, KIND, LIMIT, cursor(Shape::PersonPlace)],
        success: &[success!(200, "A page.", results::PersonsPage)],
        handler: |call| Box::pin(results::persons(call)),
        ..READ
    },
    Route {
        path: "/jobs",
        id: "listJobs",
        tag: "jobs",
        summary: "List stuck jobs",
        about: "What is set aside, held, unknown, or failed by no relay's word, by number.",
        query: &[
            VENDOR,
            JOB_STATE,
            JOB_REASON,
            OF_PARTNER,
            OF_PACKAGE,
            OF_ACTIVATION,
            LIMIT,
            cursor(Shape::Number("snd")),
        ],
        success: &[success!(200, "A page.", jobs::JobsPage)],
        handler: |call| Box::pin(jobs::list(call)),
        ..READ
    },
    Route {
        path: "/jobs/{job}",
        id: "getJob",
        tag: "jobs",
        summary: "Get the story of a job",
        about: "Of any send: what happened to it, what people did to it, and where it is on the belt right now.",
        path_params: JOB,
        success: &[success!(200, "The job.", jobs::JobDetailOut)],
        handler: |call| Box::pin(jobs::get(call)),
        ..READ
    },
    Route {
        path: "/jobs/{job}/replay",
        id: "replayJob",
        tag: "jobs",
        summary: "Try a job again",
        about: "That is set aside, held or failed. It is due then; what happened before stays in its story. What is unknown is to \
                be resolved.",
        keys: VENDORS,
        path_params: JOB,
        body: Some(|schemas| schemas.of::<jobs::DecideJob>()),
        example: Some(jobs::example),
        success: &[success!(200, "It is due, or was.", jobs::JobDoneOut)],
        handler: |call| Box::pin(jobs::decide(call, JobCommand::Replay)),
        ..WRITE
    },
    Route {
        path: "/jobs/{job}/drop",
        id: "dropJob",
        tag: "jobs",
        summary: "End a job",
        about: "That is set aside, held, unknown or failed: as cancelled.",
        keys: VENDORS,
        path_params: JOB,
        body: Some(|schemas| schemas.of::<jobs::DecideJob>()),
        example: Some(jobs::example),
        success: &[success!(200, "It is cancelled.", jobs::JobDoneOut)],
        handler: |call| Box::pin(jobs::decide(call, JobCommand::Drop)),
        ..WRITE
    },
    Route {
        path: "/jobs/{job}/resolve",
        id: "resolveJob",
        tag: "jobs",
        summary: "Settle a job of which nobody knows whether it went",
        about: "As sent, which counts it as accepted, or by sending it again: who got it before then gets it twice.",
        keys: VENDORS,
        path_params: JOB,
        body: Some(|schemas| schemas.of::<jobs::ResolveJob>()),
        example: Some(jobs::example_of_resolving),
        success: &[success!(200, "It is settled.", jobs::JobDoneOut)],
        handler: |call| Box::pin(jobs::resolve(call)),
        ..WRITE
    },
    Route {
        path: "/invitations",
        id: "listInvitations",
        tag: "invitations",
        summary: "List invitations",
        about: "Those of one vendor, oldest first.",
        keys: INVITERS,
        query: &[INVITER, LIMIT, cursor(Shape::Ulid("inv"))],
        success: &[success!(200, "A page.", invitations::InvitationsPage)],
        handler: |call| Box::pin(invitations::list(call)),
        ..READ
    },
    Route {
        path: "/invitations",
        id: "invite",
        tag: "invitations",
        summary: "Invite partners to launch a package",
        about: "By a mail with a link that needs no account, to partners that are named or to all that may launch it. A \
                partner with an open invitation to the same is answered with that. Partners that are refused are named \
                with the reason.",
        keys: INVITERS,
        body: Some(|schemas| schemas.of::<invitations::InviteIn>()),
        example: Some(invitations::example),
        success: &[
            success!(200, "Nothing is new: these were there.", invitations::InvitedOut),
            success!(201, "Invited.", invitations::InvitedOut),
        ],
        handler: |call| Box::pin(invitations::invite(call)),
        ..WRITE
    },
    Route {
        path: "/invitations/{invitation}/resend",
        id: "resendInvitation",
        tag: "invitations",
        summary: "Mail an invitation once more",
        about: "With another link; the one before opens nothing any more.",
        keys: INVITERS,
        path_params: INVITATION,
        body: Some(|schemas| schemas.of::<invitations::ResendIn>()),
        example: Some(invitations::example_of_resending),
        success: &[success!(200, "It is mailed soon.", invitations::InvitationOut)],
        handler: |call| Box::pin(invitations::resend(call)),
        ..WRITE
    },
    Route {
        path: "/invitations/{invitation}/revoke",
        id: "revokeInvitation",
        tag: "invitations",
        summary: "Take an invitation back",
        about: "For good: its link launches nothing any more.",
        keys: INVITERS,
        path_params: INVITATION,
        success: &[success!(200, "It is taken back.", invitations::InvitationOut)],
        handler: |call| Box::pin(invitations::revoke(call)),
        ..WRITE
    },
    Route {
        method: Method::POST,
        path: "/previews",
        id: "preview",
        tag: "previews",
        summary: "Render what a recipient would get",
        about: "Sends nothing and changes nothing. The unsubscribe link in it belongs to no send.",
        body: Some(|schemas| schemas.of::<previews::PreviewIn>()),
        example: Some(previews::example),
        may_conflict: true,
        success: &[success!(200, "Step by step.", previews::Previews)],
        handler: |call| Box::pin(previews::preview(call)),
        ..READ
    },
    Route {
        path: "/suppressions",
        id: "listSuppressions",
        tag: "suppressions",
        summary: "List suppressions",
        about: "Those of one scope, by hash. Addresses are not kept.",
        query: &[SCOPE.required(), LIMIT, cursor(Shape::Hash)],
        success: &[success!(200, "A page.", suppressions::SuppressionPage)],
        handler: |call| Box::pin(suppressions::list(call)),
        ..READ
    },
    Route {
        path: "/suppressions",
        id: "suppress",
        tag: "suppressions",
        summary: "Suppress addresses",
        about: "Takes them off all mail of a scope, durably, before it answers; what is queued does not go.",
        body: Some(|schemas| schemas.of::<suppressions::Suppress>()),
        example: Some(suppressions::example),
        success: &[success!(200, "They are suppressed.", suppressions::SuppressedOut)],
        handler: |call| Box::pin(suppressions::add(call)),
        ..WRITE
    },
];

/// The paths, each once.
pub(super) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&'static str> = Vec::new();
    for route in ROUTES {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_whole_and_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for route in ROUTES {
            assert!(names.insert(route.id) && !route.id.is_empty(), "{}", route.id);
            assert!(route.path.starts_with('/') && !route.tag.is_empty(), "{}", route.id);
            assert!(!route.summary.is_empty() && route.about.ends_with('.'), "{}", route.id);
            assert!(!route.success.is_empty(), "{}", route.id);
            assert!(
                !std::ptr::fn_addr_eq(route.handler, READ.handler),
                "{} has no handler",
                route.id
            );
            assert!(route.method != Method::GET || (route.body.is_none() && !route.is_write));
            // The path's parameters are those of its text, in their order.
            let in_path: Vec<&str> = route
                .path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let described: Vec<&str> = route.path_params.iter().map(|param| param.name).collect();
            assert_eq!(in_path, described, "{}", route.id);
        }
    }
}
