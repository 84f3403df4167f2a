//! Links of a step have the same numbers in every message, whoever makes it, and lead where they led.

use std::collections::BTreeMap;

use render::{
    Compiled, MessageLinks, Sample, SamplePackage, SharedTemplates, Skeleton, TrackingLinks,
    publish,
};

const PORTAL: &str = "https://portal.example";
const CLICK: &str = "https://portal.example/c/TOKEN";
const LINKS: MessageLinks<'static> = MessageLinks::all_to("https://portal.example/u/TOKEN");

/// Every mail of the sample packages in every language, made anew.
fn skeletons() -> Vec<(String, Skeleton)> {
    let mut made = Vec::new();
    for package in SamplePackage::all() {
        let version = publish(package.files(), &SharedTemplates::embedded()).unwrap();
        let compiled = Compiled::from_blob(&version.blob).unwrap();
        let shelf = Sample::of(package.files()).unwrap().shelf();
        for step in compiled.package().email_steps() {
            for language in compiled.languages() {
                let skeleton = compiled.skeleton(&step.key, language, &shelf, PORTAL).unwrap();
                made.push((format!("{} {} {language}", package.name(), step.key), skeleton));
            }
        }
    }
    made
}

fn hrefs(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn two_who_make_a_skeleton_find_the_same_links() {
    let (one, other) = (skeletons(), skeletons());
    assert!(one.len() > 20);
    for ((name, one), (_, other)) in one.iter().zip(&other) {
        assert_eq!(one.targets().id(), other.targets().id(), "{name}");
        assert!(!one.targets().is_empty(), "{name}");
    }
}

#[test]
fn every_link_of_the_sample_packages_leads_through_the_portal_to_where_it_led() {
    let track = TrackingLinks {
        open_url: Some("https://portal.example/o/TOKEN.gif"),
        click_url: Some(CLICK),
        honeypot: true,
    };
    let mut followed = 0;
    for (name, skeleton) in skeletons() {
        for fields in
            [BTreeMap::new(), BTreeMap::from([("first_name".to_owned(), "Anna".to_owned())])]
        {
            let plain = skeleton.message(&fields, &LINKS).unwrap();
            let tracked = skeleton.tracked_message(&fields, &LINKS, &track).unwrap();
            assert_eq!((&plain.text, &plain.subject), (&tracked.text, &tracked.subject), "{name}");
            let hidden = format!("{CLICK}/0");
            let through: Vec<&str> =
                hrefs(&tracked.html).into_iter().filter(|href| *href != hidden).collect();
            assert_eq!(tracked.html.matches(&hidden).count(), 1, "{name}");
            assert_eq!(tracked.html.matches("/o/TOKEN.gif").count(), 1, "{name}");
            let before = hrefs(&plain.html);
            assert_eq!(before.len(), through.len(), "{name}");
            for (before, through) in before.into_iter().zip(through) {
                match through.strip_prefix("https://portal.example/c/TOKEN/") {
                    Some(number) => {
                        let led = skeleton.targets().get(number.parse().unwrap()).unwrap();
                        assert_eq!(
                            led,
                            before.replace("&amp;", "&").replace("&#x3D;", "="),
                            "{name}"
                        );
                        followed += 1;
                    }
                    None => {
                        assert_eq!(before, through, "{name}");
                        let stays = before.starts_with("mailto:")
                            || before.starts_with("tel:")
                            || before.starts_with("https://portal.example/u/");
                        assert!(stays, "{name}: {before} is not led through");
                    }
                }
            }
        }
    }
    assert!(followed > 50, "{followed}");
}
