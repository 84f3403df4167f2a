//! What people put into contact files by accident, by habit or on purpose, and what must become of it.
//!
//! A line of `want` is what must be there, and nothing else may be: `kept ADDRESS …` for a contact,
//! `row N FIELD refused ~ …` and `row N FIELD remark ~ …` for what is said of a row, `file ~ …` for an
//! error that refuses all of it. What stands behind `~` must be part of what is said.

use program::ReadAs;

use crate::world::World;

struct Case {
    what: &'static str,
    file: Vec<u8>,
    want: Vec<String>,
}

fn case(what: &'static str, file: impl Into<Vec<u8>>, want: &[&str]) -> Case {
    Case { what, file: file.into(), want: want.iter().map(|line| (*line).to_owned()).collect() }
}

/// A file with one address.
fn address(what: &'static str, cell: &str, want: &[&str]) -> Case {
    let cell = format!("\"{}\"", cell.replace('"', "\"\""));
    case(what, format!("email\n{cell}\n"), want)
}

/// A file with one name.
fn name(what: &'static str, cell: &str, want: &[&str]) -> Case {
    let cell = format!("\"{}\"", cell.replace('"', "\"\""));
    case(what, format!("email,first_name\na@x.example,{cell}\n"), want)
}

fn addresses() -> Vec<Case> {
    let tidied = "row 1 email remark ~ taken off";
    let anna = &["kept anna@x.example", tidied][..];
    let host = "row 1 email remark ~ no valid host name";
    let character = "row 1 email remark ~ misplaced dot";
    let shape = "row 1 email remark ~ one @";
    vec![
        address("plain", "anna@x.example", &["kept anna@x.example"]),
        address("capitals", "Anna@X.Example", &["kept Anna@X.Example as anna@x.example"]),
        address("white space around", " \t anna@x.example \n ", &["kept anna@x.example"]),
        address("no-break spaces", "\u{a0}anna@x.example\u{202f}", &["kept anna@x.example"]),
        address("a byte order mark", "\u{feff}anna@x.example", &["kept anna@x.example"]),
        address(
            "zero-width spaces around",
            "\u{200b}anna@x.example\u{200b}",
            &["kept anna@x.example"],
        ),
        address("a zero-width space inside", "an\u{200b}na@x.example", anna),
        address("a soft hyphen", "anna@x.exam\u{ad}ple", anna),
        address("marks of direction", "\u{200e}anna@x.example\u{200f}", anna),
        address("embedded direction", "\u{202a}anna@x.example\u{202c}", anna),
        address("display name", "Anna Meier <anna@x.example>", anna),
        address("display name in quotes", "\"Meier, Anna\" <anna@x.example>", anna),
        address("angle brackets", "<anna@x.example>", anna),
        address(
            "angle bracket that is not closed",
            "<anna@x.example",
            &["kept <anna@x.example", character],
        ),
        address("quotes", "\"anna@x.example\"", anna),
        address("typographic quotes", "“anna@x.example”", anna),
        address("an apostrophe", "'anna@x.example", anna),
        address("an apostrophe that belongs", "o'brien@x.example", &["kept o'brien@x.example"]),
        address("a link", "mailto:anna@x.example?subject=Hi", anna),
        address("a dot behind", "anna@x.example.", anna),
        address("a comma behind", "anna@x.example,", anna),
        address("a semicolon behind", "anna@x.example; ", anna),
        address("full-width letters", "ａｎｎａ＠ｘ．ｅｘａｍｐｌｅ", anna),
        address(
            "two of them",
            "anna@x.example, bert@x.example",
            &["kept anna@x.example, bert@x.example", shape],
        ),
        address(
            "two with names",
            "A <anna@x.example>, B <bert@x.example>",
            &["kept A <anna@x.example>, B <bert@x.example>", shape],
        ),
        address(
            "one inside another",
            "anna@x.example <bert@x.example>",
            &["kept anna@x.example <bert@x.example>", shape],
        ),
        address(
            "a header smuggled in",
            "anna@x.example\nBcc: all@x.example",
            &["kept anna@x.example\nBcc: all@x.example", shape],
        ),
        address("no address", "anna", &["kept anna", shape]),
        address("no name", "@x.example", &["kept @x.example", shape]),
        address("no domain", "anna@", &["kept anna@", shape]),
        address("two at signs", "anna@@x.example", &["kept anna@@x.example", shape]),
        address("at in words", "anna(at)x.example", &["kept anna(at)x.example", shape]),
        address("a space", "anna meier@x.example", &["kept anna meier@x.example", character]),
        address("a dot in front", ".anna@x.example", &["kept .anna@x.example", character]),
        address(
            "a dot before the at sign",
            "anna.@x.example",
            &["kept anna.@x.example", character],
        ),
        address("two dots", "an..na@x.example", &["kept an..na@x.example", character]),
        address("a quoted name", "\"an na\"@x.example", &["kept \"an na\"@x.example", character]),
        address("this machine", "root@localhost", &["kept root@localhost", host]),
        address("an IP address", "anna@127.0.0.1", &["kept anna@127.0.0.1", host]),
        address("an address literal", "anna@[127.0.0.1]", &["kept anna@[127.0.0.1]", host]),
        address("two dots in the domain", "anna@x..example", &["kept anna@x..example", host]),
        address(
            "an underscore in the domain",
            "anna@a_b.example",
            &["kept anna@a_b.example", host],
        ),
        address(
            "a domain of ours",
            "anna@bücher.example",
            &["kept anna@bücher.example as anna@xn--bcher-kva.example"],
        ),
        address(
            "a domain as it travels",
            "anna@xn--bcher-kva.example",
            &["kept anna@xn--bcher-kva.example"],
        ),
        address("a Japanese domain", "taro@例え.jp", &["kept taro@例え.jp as taro@xn--r8jz45g.jp"]),
        address(
            "a name for SMTPUTF8",
            "山田@例え.jp",
            &["kept 山田@例え.jp as 山田@xn--r8jz45g.jp"],
        ),
        address(
            "a name in Cyrillic",
            "Почта@x.example",
            &["kept Почта@x.example as почта@x.example"],
        ),
        address(
            "composed in two ways",
            "jose\u{301}@x.example",
            &["kept jose\u{301}@x.example as josé@x.example"],
        ),
        address(
            "turned around",
            "\u{202e}elpmaxe.x@anna",
            &["kept \u{202e}elpmaxe.x@anna", character],
        ),
        address("a tag", "anna+news@x.example", &["kept anna+news@x.example"]),
        address("a plus in front", "+anna@x.example", &["kept +anna@x.example"]),
        address("a formula", "=anna@x.example", &["kept =anna@x.example"]),
        address("a formula made harmless", "'=anna@x.example", &["kept =anna@x.example"]),
        address(
            "a long name",
            &format!("{}@x.example", "a".repeat(65)),
            &[&format!("kept {}@x.example", "a".repeat(65)), "row 1 email remark ~ longer than 64"],
        ),
        address(
            "a long address",
            &format!("a@{}.example", "b".repeat(320)),
            &["row 1 email refused ~ at most 320 characters"],
        ),
        case(
            "only white space",
            "email,first_name\n\"  \",A\n",
            &["row 1 email refused ~ an address"],
        ),
        case(
            "only what is not seen",
            "email,first_name\n\u{200b}\u{feff},A\n",
            &["row 1 email refused ~ an address"],
        ),
    ]
}

fn texts() -> Vec<Case> {
    let kept = "kept a@x.example first=";
    let with = |name: &str| format!("{kept}{name}");
    let lost = "row 1 first_name refused ~ U+FFFD";
    let control = |code: &str| format!("row 1 first_name refused ~ found U+{code}");
    vec![
        name(
            "a formula",
            "=HYPERLINK(\"http://evil.example\")",
            &[&with("=HYPERLINK(\"http://evil.example\")")],
        ),
        name("a formula with a sign", "-2+3+cmd|' /C calc'!A0", &[&with("-2+3+cmd|' /C calc'!A0")]),
        name("a mention", "@SUM(1+1)", &[&with("@SUM(1+1)")]),
        name("a tab in front", "\t=1+1", &[&with("=1+1")]),
        name("an apostrophe of a spreadsheet", "'+43 1 234", &[&with("+43 1 234")]),
        name("an apostrophe of a person", "'t Hooft", &[&with("'t Hooft")]),
        name("lines", "An\r\nna\n", &[&with("An na")]),
        name("a template", "{{person.last_name}}", &[&with("{{person.last_name}}")]),
        name("a script", "<script>alert(1)</script>", &[&with("<script>alert(1)</script>")]),
        name("a zero", "An\0na", &[&control("0000")]),
        name("a bell", "An\u{7}na", &[&control("0007")]),
        name("an escape sequence", "\u{1b}[31mAnna", &[&control("001B")]),
        name("a control character of Latin-1", "An\u{85}na", &[&control("0085")]),
        name("a letter that was lost", "Zo\u{fffd}", &[lost]),
        name("text turned around", "\u{202e}annA", &[&with("\u{202e}annA")]),
        name("a family", "👩\u{200d}👩\u{200d}👧", &[&with("👩\u{200d}👩\u{200d}👧")]),
        name("right to left", "عبد الرحمن", &[&with("عبد الرحمن")]),
        name(
            "one megabyte",
            &"x".repeat(1_000_000),
            &["row 1 first_name refused ~ at most 8192 bytes"],
        ),
        name(
            "more than a job holds",
            &"é".repeat(1_500),
            &["row 1 first_name refused ~ at most 2048 bytes"],
        ),
        case(
            "a language that is none",
            "email,language\na@x.example,klingon\n",
            &["kept a@x.example", "row 1 language remark ~ a language tag"],
        ),
        case(
            "a basis that is none",
            "email,consent_basis\na@x.example,because\n",
            &["row 1 consent_basis refused ~ legitimate_interest"],
        ),
        case(
            "yes and no as a basis",
            "email,consent\na@x.example,Yes\nb@x.example,No\n",
            &["kept a@x.example", "row 2 consent_basis refused ~ who said no is not mailed"],
        ),
        case(
            "a date that is none",
            "email,consent_at\na@x.example,31.02.2026\nb@x.example,2026-02-30\n",
            &["row 1 consent_at refused ~ a date", "row 2 consent_at refused ~ a date"],
        ),
        case(
            "neither in nor out",
            "email,Unsubscribed\na@x.example,maybe\nb@x.example,ja\nc@x.example,Nein\n",
            &["row 1 opted_out refused ~ yes or no", "kept b@x.example", "kept c@x.example"],
        ),
    ]
}

fn tables() -> Vec<Case> {
    let wide: String = (1..300).map(|n| format!(",c{n}")).collect();
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    vec![
        case("nothing", "", &["file ~ an empty file"]),
        case("blank lines", "\n\n\r\n", &["file ~ no line with anything in it"]),
        case("a header and no more", "email,first_name\n", &[]),
        case(
            "no header",
            "anna@x.example,Anna\nbert@x.example,Bert\n",
            &["file ~ looks like a row"],
        ),
        case("another table", "id,city\n1,Wien\n", &["file ~ a column `email`"]),
        case(
            "the address twice",
            "email,email\na@x.example,b@x.example\n",
            &["file ~ say which, like --map \"1=email\""],
        ),
        case(
            "two that may be it",
            "E-Mail,Mail\na@x.example,b@x.example\n",
            &["file ~ say which, like --map \"1=email\""],
        ),
        case(
            "out in two ways",
            "email,opted_out,Unsubscribed\na@x.example,no,yes\n",
            &["file ~ one column for opted_out"],
        ),
        case("a field twice", "email,n,N\na@x.example,1,2\n", &["kept a@x.example n=1"]),
        case(
            "ragged rows",
            "email,n\na@x.example\nb@x.example,1,2\nc@x.example,1,,\nd@x.example,1\n",
            &[
                "row 1 (row) refused ~ 2 cells",
                "row 2 (row) refused ~ 2 cells",
                "kept c@x.example n=1",
                "kept d@x.example n=1",
            ],
        ),
        case(
            "300 columns",
            format!(
                "email{wide}\na@x.example{}\nb@x.example{}\n",
                ",".repeat(299),
                ",x".repeat(299)
            ),
            &["kept a@x.example", "kept b@x.example ~ c299=x"],
        ),
        case(
            "300 columns in one row of it",
            format!("email,n\na@x.example{}\nb@x.example,1\n", ",x".repeat(299)),
            &["row 1 (row) refused ~ 2 cells", "kept b@x.example n=1"],
        ),
        case(
            "too many columns",
            format!("email{}\n", ",x".repeat(1_000)),
            &["file ~ at most 1000"],
        ),
        case(
            "a quote that is never closed",
            "email,n\na@x.example,\"1\nb@x.example,2\nc@x.example,\"3, 4\"\n",
            &[
                "row 1 (row) refused ~ never closed",
                "kept b@x.example n=2",
                "kept c@x.example n=3, 4",
            ],
        ),
        case(
            "a quote that is never closed, to the end",
            "email,n\na@x.example,1\nb@x.example,\"2\nc@x.example,3\n",
            &["kept a@x.example n=1", "row 2 (row) refused ~ never closed", "kept c@x.example n=3"],
        ),
        case(
            "a row in a cell",
            "email,n\na@x.example,\"1\nmallory@x.example,2\n3\"\n",
            &["kept a@x.example n=1\nmallory@x.example,2\n3"],
        ),
        case(
            "quotes inside",
            "email,n\na@x.example,5\" disk\nb@x.example,\"say \"\"hi\"\"\"\nc@x.example, \"x, y\" \n",
            &[
                "kept a@x.example n=5\" disk",
                "kept b@x.example n=say \"hi\"",
                "kept c@x.example n=x, y",
            ],
        ),
        case(
            "one address three times",
            "email,n\na@x.example,1\nA@X.example,2\n<a@x.example>,3\n",
            &["kept a@x.example n=3", "row 3 email remark ~ taken off"],
        ),
        case("UTF-16 without a mark", utf16("email\na@x.example\n"), &["kept a@x.example"]),
        case(
            "UTF-16 cut in the middle",
            {
                let mut file = utf16("\u{feff}email,n\na@x.example,12");
                file.pop();
                file
            },
            &["row 1 n refused ~ U+FFFD"],
        ),
        case("Latin-1", b"email,n\na@x.example,Zo\xEB\n".to_vec(), &["kept a@x.example n=Zoë"]),
        case(
            "one broken row in UTF-8",
            ["email,n\na@x.example,Zoë\nb@x.example,".as_bytes(), b"Zo\xEB\n"].concat(),
            &["kept a@x.example n=Zoë", "row 2 n refused ~ U+FFFD"],
        ),
        case("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec(), &["file ~ a PNG picture"]),
        case(
            "a workbook",
            b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml xl/".to_vec(),
            &["file ~ an Excel file (.xlsx)"],
        ),
        case("an archive", b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), &["file ~ a file packed with gzip"]),
        case("zeros", vec![0; 4096], &["file ~ no text"]),
        case("a JSON array", "[{\"email\": \"a@x.example\"}]", &["file ~ one JSON object a line"]),
        case(
            "JSON lines",
            "{\"email\": \"a@x.example\", \"n\": 1e400}\n{\"email\": \"b@x.example\", \"n\": {\"m\": [1]}}\n{\"email\": \"c@x.example\", \"n\": 1\n{\"email\": 5}\n",
            &[
                "kept a@x.example n=1e400",
                "row 2 n refused ~ not something nested",
                "row 3 (row) refused ~ one JSON object",
                "kept 5",
                "row 4 email remark ~ one @",
            ],
        ),
        case(
            "JSON nested without an end",
            format!(
                "{{\"email\": \"a@x.example\", \"n\": {}\n{{\"email\": \"b@x.example\"}}\n",
                "[".repeat(100_000)
            ),
            &["row 1 (row) refused ~ one JSON object", "kept b@x.example"],
        ),
    ]
}

/// Whether a line that is there is the one that was wanted.
fn fits(line: &str, want: &str) -> bool {
    match want.split_once(" ~ ") {
        Some((start, part)) => line
            .strip_prefix(start)
            .is_some_and(|rest| rest.starts_with(' ') && rest.contains(part)),
        None => line == want,
    }
}

#[tokio::test]
async fn each_becomes_what_it_must() {
    let world = World::new().await;
    let (_, company) = world.partner("acme", "Gold").await;
    let cases: Vec<Case> = [addresses(), texts(), tables()].into_iter().flatten().collect();
    assert!(cases.len() > 100, "{}", cases.len());
    let mut wrong = Vec::new();
    for (number, case) in cases.into_iter().enumerate() {
        let mut import = world.contacts_in(&company, "hostile.csv", &case.file);
        import.list = format!("list {number}");
        import.read_as = ReadAs::default();
        let mut seen = Vec::new();
        match world.run_import(&import).await {
            Err(error) => seen.push(format!("file {error}")),
            Ok(report) => {
                assert_eq!(report.taken + report.refused, report.rows, "{}", case.what);
                for problem in &report.problems {
                    let kind = if problem.refused { "refused" } else { "remark" };
                    let (row, field) = (problem.row, &problem.field);
                    seen.push(format!("row {row} {field} {kind} {}", problem.expected));
                    assert!(!problem.value.chars().any(|c| c.is_control() || c == '\u{202e}'));
                }
            }
        }
        if let Some(list) = world.store.find_list(&company, &import.list).await.unwrap() {
            for contact in world.store.contacts_page(&list.id, None, 100).await.unwrap() {
                let mut line = format!("kept {}", contact.address_raw);
                if let Ok(address) = contact.address_raw.parse::<domain::EmailAddress>()
                    && address.as_str() != contact.address_raw
                {
                    let known = world.store.find_contact(&list.id, address.as_str()).await.unwrap();
                    assert_eq!(known.map(|known| known.id), Some(contact.id), "{}", case.what);
                    line.push_str(&format!(" as {address}"));
                }
                if !contact.first_name.is_empty() {
                    line.push_str(&format!(" first={}", contact.first_name));
                }
                for (name, value) in &contact.fields {
                    line.push_str(&format!(" {name}={value}"));
                }
                seen.push(line);
            }
        }
        let missing: Vec<_> =
            case.want.iter().filter(|want| !seen.iter().any(|line| fits(line, want))).collect();
        if !missing.is_empty() || seen.len() != case.want.len() {
            wrong.push(format!("{}:\n  wanted {:#?}\n  got {seen:#?}", case.what, case.want));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
