//! What is wrong in `package.toml` is named with its place.

use crate::small::{HEAD, STEP, found, png, with, with_manifest};

/// Each mistake with the beginning of what is said about it: the key it belongs to, what is written,
/// what is found.
#[test]
fn each_mistake_is_named_with_its_place() {
    let cases: &[(&str, &str)] = &[
        ("[eligibility]\nregions = [\"UK\"]\n", "9:12: error: `UK` is no country; expected `GB`"),
        ("[eligibility]\nregions = [\"at\"]\n", "9:12: error: `at` is no country; expected `AT`"),
        (
            "[eligibility]\nregion = [\"AT\"]\n",
            "9:1: error: `[eligibility]` has no key `region`; expected perhaps `regions`",
        ),
        ("[eligibility]\npartner_types = [\"\"]\n", "9:18: error: `` is no kind of partner"),
        (
            "[motion]\nkind = \"evnet\"\n",
            "9:8: error: there is no kind `evnet`; expected perhaps `event`",
        ),
        ("[motion]\nkind = \"event\"\n", "8:1: error: the key `event_at` of `[motion]` is missing"),
        (
            "[motion]\nkind = \"event\"\nevent_at = \"day\"\n",
            "10:12: error: there is no slot `day`; expected a table `[slots.day]` with `kind = \"datetime\"`",
        ),
        (
            "[motion]\nkind = \"event\"\nevent_at = \"a\"\n[slots.a]\nkind = \"text\"\nlabel = \"A\"\n",
            "10:12: error: the slot `a` is of kind `text`; expected a slot of kind `datetime`",
        ),
        (
            "[motion]\nkind = \"event\"\nevent_at = \"a\"\n[slots.a]\nkind = \"datetime\"\nlabel = \"A\"\n",
            "10:12: error: the slot `a` may be left empty; expected `required = true`",
        ),
        (
            "[motion]\nkind = \"always-on\"\nperiod = \"1 month\"\n",
            "10:10: error: `1 month` is no `period`; expected a period like \"1w\"",
        ),
        (
            "[motion]\nkind = \"always-on\"\nperiod = \"1mo\"\nevent_at = \"x\"\n",
            "11:1: error: a motion of kind `always-on` has no `event_at`; expected `event_at` with kind `event` only",
        ),
        ("[[goals]]\nkey = \"A\"\ntitle = \"A\"\nkind = \"click\"\n", "9:7: error: `A` is no name"),
        (
            "[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"klick\"\n",
            "11:8: error: there is no kind `klick`; expected perhaps `click`",
        ),
        (
            "[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"click\"\ntarget = 5\n",
            "12:10: error: `target` is no share; expected a number from 0 to 1",
        ),
        (
            "[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"click\"\n[[goals]]\nkey = \"a\"\ntitle = \"A\"\nkind = \"form\"\n",
            "13:7: error: the goal `a` is here again",
        ),
        ("[landing_page]\n", "8:1: error: the key `template` of `[landing_page]` is missing"),
        (
            "[landing_page]\ntemplate = \"page\"\n",
            "8:2: error: the landing page has no file `en/page/page.html.hbs`",
        ),
        (
            "[assets.hero]\nfile = \"hero.png\"\nalt = \"\"\n",
            "9:8: error: `hero.png` is no picture of the package; expected a file like `assets/hero.png`",
        ),
        (
            "[assets.hero]\nfile = \"assets/../hero.png\"\nalt = \"\"\n",
            "9:8: error: `assets/../hero.png` is no picture of the package",
        ),
        (
            "[assets.hero]\nfile = \"assets/hero.gif\"\nalt = \"\"\n",
            "9:8: error: `assets/hero.gif` is no picture of the package",
        ),
        (
            "[assets.hero]\nfile = \"assets/hero.png\"\nalt = \"\"\n",
            "9:8: error: there is no file `assets/hero.png`; expected perhaps `assets/here.png`",
        ),
        (
            "[assets.hero]\nfile = \"assets/bad.png\"\nalt = \"\"\n",
            "9:8: error: `assets/bad.png`: the file is no picture that is known",
        ),
        (
            "[assets.hero]\nfile = \"assets/here.png\"\n",
            "8:9: error: the key `alt` of `[assets.hero]` is missing",
        ),
        (
            "[assets.hero]\nfile = \"assets/here.png\"\nalt = \"\"\nwidth = 0\n",
            "11:9: error: `width` is not possible; expected a number of CSS pixels from 1 to 1200",
        ),
        (
            "[assets.Hero]\nfile = \"assets/here.png\"\nalt = \"\"\n",
            "8:9: error: `Hero` is no name of an asset",
        ),
        (
            "[slots.a]\nkind = \"colour\"\nlabel = \"A\"\nmax_length = 3\n",
            "11:1: error: a slot of kind `colour` has no `max_length`; expected `max_length` with kind `text` or `rich_text` or `url` only",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = \"A\"\nhosts = [\"a.example\"]\n",
            "11:1: error: a slot of kind `text` has no `hosts`",
        ),
        (
            "[slots.a]\nkind = \"url\"\nlabel = \"A\"\nhosts = [\"https://a.example\"]\n",
            "11:10: error: `https://a.example` is no host",
        ),
        (
            "[slots.a]\nkind = \"url\"\nlabel = \"A\"\nhosts = [\"a.example\"]\ndefault = \"https://b.example/\"\n",
            "12:11: error: the default does not fit the slot: it leads to `b.example`; expected a link to `a.example`",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\n",
            "8:8: error: the key `choices` of `[slots.a]` is missing",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\nchoices = [{ value = \"x\", label = \"X\" }]\n",
            "11:12: error: there is only one choice; expected 2 to 20",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\nchoices = [{ value = \"x\", label = \"X\" }, { value = \"x\", label = \"Y\" }]\n",
            "11:52: error: the choice `x` is here again",
        ),
        (
            "[slots.a]\nkind = \"choice\"\nlabel = \"A\"\ndefault = \"z\"\nchoices = [{ value = \"x\", label = \"X\" }, { value = \"y\", label = \"Y\" }]\n",
            "11:11: error: the default does not fit the slot: `z` is none of the choices; expected",
        ),
        (
            "[slots.a]\nkind = \"image\"\nlabel = \"A\"\ndefault = \"x\"\n",
            "11:1: error: a slot of kind `image` has no `default`",
        ),
        (
            "[slots.a]\nkind = \"image\"\nlabel = \"A\"\nmin_width = 5000\n",
            "11:13: error: `min_width` is not possible; expected a number of pixels from 1 to 4096",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = \"A\"\nfill = \"partner.nmae\"\n",
            "11:8: error: there is no fill `partner.nmae`; expected perhaps `partner.name`",
        ),
        (
            "[slots.a]\nkind = \"colour\"\nlabel = \"A\"\nfill = \"partner.name\"\n",
            "11:8: error: `partner.name` does not fill a slot of kind `colour`; expected a slot of kind `text`",
        ),
        (
            "[slots.a]\nkind = \"datetime\"\nlabel = \"A\"\ndefault = \"2026-03-29T02:30[Europe/Vienna]\"\n",
            "11:11: error: the default does not fit the slot: 02:30:00 does not exist",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = { de = \"A\" }\n",
            "10:9: error: `label` has no text in `en`, the package's own language; expected `en = \"…\"` among its languages",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = { en = \"A\", german = \"B\" }\n",
            "10:21: error: `german` of `label` is no language",
        ),
        (
            "[slots.a]\nkind = \"text\"\nlabel = \"A\"\nmax_length = 3\ndefault = { en = \"abc\", de = \"abcd\" }\n",
            "12:30: error: the default does not fit the slot: it has 4 characters; expected at most 3",
        ),
        (
            "[slots.a]\nkind = \"colour\"\nlabel = \"A\"\n[slots.a_ink]\nkind = \"text\"\nlabel = \"B\"\n",
            "11:8: error: `a_ink` has a meaning already; expected another name: every colour has its `_ink`",
        ),
    ];
    for (written, expected) in cases {
        let mut files = with(written);
        files.insert("assets/here.png", png());
        files.insert("assets/bad.png", "nothing");
        let found = found(&files);
        let expected = format!("package.toml:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{written}\n{found:#?}\nwant {expected}"
        );
    }
}

#[test]
fn each_mistake_in_a_step_is_named_with_its_place() {
    let event = "[motion]\nkind = \"event\"\nevent_at = \"e\"\n[slots.e]\nkind = \"datetime\"\nlabel = \"E\"\nrequired = true\n";
    let on = "[motion]\nkind = \"always-on\"\nperiod = \"1w\"\n";
    let cases: &[(&str, &str, &str)] = &[
        (
            "",
            "after = \"3d 9:00\"",
            "11:9: error: `3d 9:00` is no `after`; expected an offset like",
        ),
        ("", "after = \"36h 09:00\"", "11:9: error: `36h 09:00` is no `after`"),
        ("", "after = \"T-3d\"", "11:9: error: `T-3d` is no `after`"),
        (
            "",
            "at = \"T-3d\"",
            "11:6: error: `at` stands in a package without an event; expected `after`, or a `[motion]`",
        ),
        (
            event,
            "at = \"3d\"",
            "18:6: error: `3d` is no `at`; expected a time before or after the event",
        ),
        (
            event,
            "at = \"T-3d\"\nafter = \"0\"",
            "18:6: error: a step has both `after` and `at`; expected one of them",
        ),
        (
            event,
            "",
            "15:1: error: the key `after` of `[[steps]]` is missing; expected `after = …`, an offset like \"0\", \"36h\", \"3d\" or \"3d 09:00\"; or `at = …`",
        ),
        (
            "",
            "after = \"0\"\neditions = [\"announce\"]",
            "12:12: error: `editions` stand in a package that does not go on",
        ),
        (
            on,
            "after = \"0\"\neditions = [\"announce\"]\ntemplate = \"announce\"",
            "16:1: error: a step has both `template` and `editions`",
        ),
        (
            on,
            "after = \"0\"\neditions = [\"announce\", \"next\"]",
            "12:7: error: the step `announce` has no file `en/next/subject.txt.hbs`",
        ),
        (
            on,
            "after = \"0\"\neditions = []",
            "15:12: error: there are 0 editions; expected 1 to 120",
        ),
        (
            "",
            "after = \"0\"\nnetworks = [\"linkedin\"]",
            "12:1: error: a step of kind `email` has no `networks`; expected `networks` with kind `social` only",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"",
            "12:1: error: the key `networks` of `[[steps]]` is missing",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = [\"facebook\"]",
            "16:13: error: there is no network `facebook`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = []",
            "16:12: error: there are no networks",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = [\"bluesky\"]\nimage = \"x\"",
            "17:9: error: there is no asset `x`; expected a table `[assets.x]`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"p\"\nkind = \"social\"\nafter = \"0\"\nnetworks = [\"bluesky\"]",
            "13:7: error: the step `p` has no file `en/p/post.txt.hbs`; expected the text of the post",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"w\"\nkind = \"wait\"",
            "12:1: error: the key `for` of `[[steps]]` is missing",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"w\"\nkind = \"wait\"\nfor = \"2 days\"",
            "15:7: error: `2 days` is no `for`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"w\"\nkind = \"wait\"\nfor = \"2d\"\nafter = \"0\"",
            "16:1: error: a step of kind `wait` has no `after`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"anounce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"announce\"",
            "15:6: error: there is no step `anounce`; expected an email: perhaps `announce`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"b\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"announce\"",
            "15:6: error: the step `b` is of kind `branch`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clikced\"\nwithin = \"2d\"\nthen = \"announce\"",
            "16:6: error: there is no on `clikced`; expected perhaps `clicked`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"",
            "12:1: error: the key `then` of `[[steps]]` is missing",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"b\"",
            "18:8: error: the branch leads to itself",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nelse = \"nowhere\"",
            "18:8: error: there is no step `nowhere`",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"announce\"\nelse = \"announce\"",
            "19:8: error: both ways of the branch are the same",
        ),
        (
            "",
            "after = \"0\"\n[[steps]]\nkey = \"b\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"c\"\n[[steps]]\nkey = \"c\"\nkind = \"branch\"\nof = \"announce\"\non = \"clicked\"\nwithin = \"2d\"\nthen = \"b\"",
            "13:7: error: the branch `b` leads back to itself",
        ),
        ("", "after = \"0\"\nsend = \"now\"", "12:1: error: `[[steps]]` has no key `send`"),
    ];
    for (before, written, expected) in cases {
        let step = STEP.replace("after = \"0\"", written);
        let found = found(&with_manifest(&format!("{HEAD}{before}{step}\n")));
        let expected = format!("package.toml:{expected}");
        assert!(
            found.iter().any(|line| line.starts_with(&expected)),
            "{before}{written}\n{found:#?}\nwant {expected}"
        );
    }
}
