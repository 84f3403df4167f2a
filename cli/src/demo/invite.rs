//! For whoever stays and looks around: invitations in the demo's inbox, behind each a page with one button.
//!
//! They come after the figures and are no part of them.

use std::time::Duration;

use anyhow::Context;
use domain::{VendorId, VendorSender};
use program::{Actor, Invite, LaunchFor, PublishAs};

use super::fleet::Fleet;

/// Not the package that the demo has launched: each partner may launch that one once.
const PACKAGE: &str = "evergreen-newsletter";
/// So many partners are invited at most.
const MOST: usize = 3;
const EXPIRES_IN: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Invites the first partners; how many.
pub async fn invite(fleet: &Fleet, vendor: &VendorId) -> anyhow::Result<usize> {
    let program = &fleet.program;
    let sender = VendorSender {
        from_name: String::new(),
        from_email: "partners@northwind.example".to_owned(),
        reply_to: String::new(),
        postal_address: vec!["1 Harbour Plaza".to_owned(), "Dublin 1".to_owned()],
        web_site: "https://www.northwind.example".to_owned(),
    };
    program.set_vendor_sender(&Actor::Ops, vendor, sender).await?;
    let package = render::SamplePackage::named(PACKAGE)
        .with_context(|| format!("no package {PACKAGE} comes with this program"))?;
    program.publish_files(&Actor::Ops, vendor, package.files(), PublishAs::Published).await?;
    let partners = fleet.store.partners(vendor).await.context("can't read the partners")?;
    let invite = Invite {
        vendor: vendor.clone(),
        package: PACKAGE.to_owned(),
        who: LaunchFor::Partners(partners.into_iter().take(MOST).map(|it| it.id).collect()),
        expires_in: EXPIRES_IN,
    };
    Ok(program.invite(&Actor::Ops, &invite).await?.invitations.len())
}
