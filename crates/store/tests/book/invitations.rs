use std::time::Duration;

use domain::{
    ActivationId, ClaimNumber, OnUnknown, Outcome, OutcomeRecord, PartnerId, SendId,
    outcome::{Answer, PermanentReason},
};
use store::{Invitation, InvitationMail, InvitationState, InviteRequest, StreamedOutcome};

use crate::builder::{Book, GIVE_UP, NOW, Program};

on_both_engines!(an_invitation_is_open_once, its_mail_is_tried_until_it_has_ended, it_ends_once);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn request(program: &Program, partners: Vec<PartnerId>) -> InviteRequest {
    InviteRequest {
        vendor: program.vendor.clone(),
        package: program.package.clone(),
        partners,
        expires_at: NOW.plus(DAY),
        who: "test".to_owned(),
        now: NOW,
    }
}

/// A program with two partners, one of them invited.
async fn invited(book: &Book) -> (Program, Vec<PartnerId>, Invitation) {
    let program = book.program().await;
    let lanes = book.lanes(&program.vendor, 2).await;
    let partners: Vec<PartnerId> = lanes.iter().map(|lane| lane.partner.clone()).collect();
    let made = book.store.invite(&request(&program, partners[..1].to_vec())).await.unwrap();
    assert!(made[0].is_new);
    (program, partners, made[0].invitation.clone())
}

/// What a worker reports of a mail.
async fn report(book: &Book, mail: SendId, partner: &PartnerId, counter: u64, outcome: Outcome) {
    let record = OutcomeRecord {
        v: 1,
        send: mail,
        activation: ActivationId::new(0),
        partner: partner.clone(),
        claim: ClaimNumber::new(1, counter),
        on_unknown: OnUnknown::Retry,
        outcome,
    };
    let batch = [StreamedOutcome { position: format!("{counter}-0"), record, at: NOW }];
    let recorded = book.store.record("outcomes", &batch, GIVE_UP).await.unwrap();
    assert_eq!((recorded.invitations, recorded.unknown, recorded.repeated), (1, 0, 0));
}

async fn an_invitation_is_open_once(book: Book) {
    let (program, partners, first) = invited(&book).await;
    let again = book.store.invite(&request(&program, partners.clone())).await.unwrap();
    assert_eq!((again[0].is_new, again[1].is_new), (false, true));
    assert_eq!(again[0].invitation, first);
    assert_eq!(book.store.invitation_by_mail(first.mail).await.unwrap().unwrap(), first);
    let all = book.store.invitations(&program.vendor, None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    let rest = book.store.invitations(&program.vendor, Some(&all[0].id), 10).await.unwrap();
    assert_eq!(rest, all[1..]);

    // One that has expired is mailed anew instead.
    let late = InviteRequest { now: NOW.plus(2 * DAY), ..request(&program, partners) };
    let anew = book.store.invite(&late).await.unwrap();
    assert_eq!((anew[0].is_new, &anew[0].invitation.id), (true, &first.id));
    assert_ne!(anew[0].invitation.mail, first.mail);
    assert_eq!(book.store.invitation_by_mail(first.mail).await.unwrap(), None);
}

async fn its_mail_is_tried_until_it_has_ended(book: Book) {
    let (_, partners, invitation) = invited(&book).await;
    let (mail, partner) = (invitation.mail, &partners[0]);
    let now = async || book.store.invitation(&invitation.id).await.unwrap().unwrap();
    let due = async |at| book.store.due_invitations(at, 10).await.unwrap().len();
    assert_eq!(due(NOW).await, 1);
    assert_eq!(book.store.queue_invitations(&[mail], NOW).await.unwrap(), [mail]);
    assert_eq!(due(NOW).await, 0);
    assert_eq!(book.store.queued_invitations(NOW, 10).await.unwrap().len(), 1);

    let wait = Duration::from_secs(30);
    report(&book, mail, partner, 1, Outcome::transient(wait, Answer::default())).await;
    assert_eq!((due(NOW).await, due(NOW.plus(wait)).await), (0, 1));
    assert_eq!((now().await.mail_state, now().await.mail_attempts), (InvitationMail::Due, 1));

    report(&book, mail, partner, 2, Outcome::Done(Answer::default())).await;
    assert_eq!(now().await.mail_state, InvitationMail::Sent);
    // Whatever is told later, it was sent.
    let bad = Outcome::permanent(PermanentReason::BadAddress);
    report(&book, mail, partner, 3, bad).await;
    assert_eq!(now().await.mail_state, InvitationMail::Sent);
    assert!(book.store.queue_invitations(&[mail], NOW).await.unwrap().is_empty());
}

async fn it_ends_once(book: Book) {
    let (_, _, invitation) = invited(&book).await;
    let end = async |to, activation| {
        book.store.end_invitation(&invitation.id, to, activation, "test", NOW).await.unwrap()
    };
    let activation = Some(ActivationId::new(7));
    assert!(end(InvitationState::Launched, activation).await);
    assert!(!end(InvitationState::Revoked, None).await);
    let kept = book.store.invitation(&invitation.id).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.activation), (InvitationState::Launched, activation));
    let again = book.store.mail_invitation_again(&invitation.id, NOW.plus(DAY), "test", NOW).await;
    assert!(again.is_err(), "what has ended is not mailed again");
    assert_eq!(book.store.due_invitations(NOW, 10).await.unwrap(), []);
}
