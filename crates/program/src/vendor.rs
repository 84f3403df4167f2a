//! `vendor add`, and whom a vendor's own mail comes from.

use domain::{EmailAddress, VendorId, VendorSender};
use serde::Serialize;
use store::Change;

use crate::{
    actor::Actor,
    error::{Error, Problem, Result},
    import::web_site,
    program::Program,
};

/// A vendor that is in the book now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VendorAdded {
    /// Its id.
    pub vendor: VendorId,
    /// Its name, as it was first written.
    pub name: String,
    /// Whether it was not there before.
    pub is_new: bool,
}

impl Program {
    /// Adds a vendor, or finds the one of this name (compared without regard to case).
    ///
    /// # Errors
    /// A name that is empty, longer than 120 characters or has control characters; an actor other
    /// than [`Actor::Ops`] finds nothing to add to.
    pub async fn add_vendor(&self, actor: &Actor, name: &str) -> Result<VendorAdded> {
        let name = name.trim();
        if *actor != Actor::Ops {
            return Err(Error::not_found("installation", name));
        }
        if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
            return Err(Error::bad_input("the vendor's name", name, "1 to 120 characters"));
        }
        let added = self
            .store()
            .add_vendor(name, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("add the vendor"))?;
        Ok(VendorAdded {
            vendor: added.row.id,
            name: added.row.name,
            is_new: added.change == Change::New,
        })
    }

    /// Says whom a vendor's invitations come from; an empty name is the vendor's, an empty address for answers
    /// the one it comes from.
    ///
    /// # Errors
    /// The vendor is none of the actor's, or what is wrong with what was given.
    pub async fn set_vendor_sender(
        &self,
        actor: &Actor,
        vendor: &VendorId,
        mut sender: VendorSender,
    ) -> Result<VendorSender> {
        if !actor.runs(vendor) {
            return Err(Error::not_found("vendor", vendor));
        }
        let known =
            self.visible_vendors(actor).await?.into_iter().find(|known| known.id == *vendor);
        let known = known.ok_or_else(|| Error::not_found("vendor", vendor))?;
        if sender.from_name.trim().is_empty() {
            sender.from_name = known.name;
        }
        if sender.reply_to.is_empty() {
            sender.reply_to.clone_from(&sender.from_email);
        }
        let mut problems = Vec::new();
        let is_line =
            |text: &str, most| text.chars().count() <= most && !text.chars().any(char::is_control);
        if !is_line(&sender.from_name, 200) {
            let expected = "at most 200 characters on one line";
            problems.push(Problem::new("--from-name", &sender.from_name, expected));
        }
        for (place, address) in
            [("--from-email", &mut sender.from_email), ("--reply-to", &mut sender.reply_to)]
        {
            match address.parse::<EmailAddress>() {
                Ok(parsed) => parsed.as_str().clone_into(address),
                Err(error) => {
                    problems.push(Problem::new(place, address, &format!("an address ({error})")));
                }
            }
        }
        let lines = &sender.postal_address;
        if !(1..=6).contains(&lines.len())
            || lines.iter().any(|line| line.trim().is_empty() || !is_line(line, 100))
        {
            let expected = "1 to 6 lines of at most 100 characters, separated by \" | \"";
            problems.push(Problem::new("--postal-address", &lines.join(" | "), expected));
        }
        match web_site(&sender.web_site) {
            Some(site) => sender.web_site = site,
            None => problems.push(Problem::new(
                "--web-site",
                &sender.web_site,
                "a web address like https://www.example.com",
            )),
        }
        if !problems.is_empty() {
            return Err(Error::BadInput { problems });
        }
        self.store()
            .set_vendor_sender(vendor, &sender, &actor.to_string(), self.now())
            .await
            .map_err(Error::book("write the vendor's sender"))?;
        Ok(sender)
    }
}
