//! Finding out which column is which: by `--map`, by name, by other words for it.

use super::{ColumnSet, Field, Header, Others, Speak, Use};
use crate::{
    error::{Error, Problem, Result, cut},
    nearest::nearest,
    report::masked,
    table::{
        names::{key, merge_field_name},
        read_as::ReadAs,
    },
};

/// See [`Header::read`].
pub(super) fn find(
    place: &str,
    names: Vec<String>,
    columns: &ColumnSet,
    read_as: &ReadAs,
    speak: Speak,
) -> Result<(Header, Vec<String>)> {
    let uses = vec![Use::Open; names.len()];
    let keys = names.iter().map(|name| key(name)).collect();
    let least = names.iter().rposition(|name| !name.is_empty()).map_or(0, |at| at + 1);
    let header = Header { names, uses, merge_fields: Vec::new(), least };
    let (notes, problems) = (Vec::new(), Vec::new());
    let mut finding = Finding { header, keys, columns, place, speak, notes, problems };
    finding.follow_maps(read_as);
    finding.find_fields();
    finding.say_what_was_found();
    finding.sort_out_others(read_as.only_known);
    if finding.problems.is_empty() {
        Ok((finding.header, finding.notes))
    } else {
        Err(Error::BadInput { problems: finding.problems })
    }
}

/// A header while it is found out.
struct Finding<'a> {
    header: Header,
    keys: Vec<String>,
    columns: &'a ColumnSet,
    place: &'a str,
    speak: Speak,
    notes: Vec<String>,
    problems: Vec<Problem>,
}

impl Finding<'_> {
    /// Does what `--map` asks for.
    fn follow_maps(&mut self, read_as: &ReadAs) {
        for map in &read_as.maps {
            let asked = format!("{}={}", map.column, map.field);
            let at = match self.column_asked_for(&map.column) {
                Ok(at) => at,
                Err(expected) => {
                    self.problems.push(Problem::new("--map", &asked, &expected));
                    continue;
                }
            };
            let used = self.use_asked_for(at, &map.field).and_then(|used| {
                let is_taken = matches!(used, Use::Field(_)) && self.header.uses.contains(&used);
                match self.header.uses[at] {
                    _ if is_taken => Err(format!("one column for {}, not two", map.field)),
                    Use::Open => Ok(used),
                    _ => Err("every column once".to_owned()),
                }
            });
            match used {
                Ok(used) => self.header.uses[at] = used,
                Err(expected) => self.problems.push(Problem::new("--map", &asked, &expected)),
            }
        }
    }

    /// By the name as written, by the name however it is written, by number.
    fn column_asked_for(&self, asked: &str) -> Result<usize, String> {
        let all = |fits: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..self.keys.len()).filter(|at| fits(*at)).collect()
        };
        let wanted = key(asked);
        let mut found = all(&|at| self.header.names[at] == asked);
        if found.is_empty() && !wanted.is_empty() {
            found = all(&|at| self.keys[at] == wanted);
        }
        if found.is_empty() && self.speak == Speak::Numbers {
            let number: Option<usize> = asked.parse().ok();
            found.extend(number.and_then(|n| n.checked_sub(1)).filter(|at| *at < self.keys.len()));
        }
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let near = nearest(asked, self.header.names.iter().map(String::as_str))
                    .map(|near| format!("; did you mean `{}`?", shown(near)))
                    .unwrap_or_default();
                Err(format!("a column of the file ({}){near}", self.all_names()))
            }
            several => {
                let numbers: Vec<_> = several.iter().map(|at| (at + 1).to_string()).collect();
                Err(format!(
                    "one column: {} have this name, so give its number",
                    numbers.join(", ")
                ))
            }
        }
    }

    fn use_asked_for(&mut self, at: usize, asked: &str) -> Result<Use, String> {
        if asked == "-" {
            return Ok(Use::NotRead);
        }
        let wanted = key(asked);
        if let Some(field) = self.columns.fields.iter().find(|field| key(field.name) == wanted) {
            return Ok(Use::Field(field.name));
        }
        let names = || self.columns.fields.iter().map(|field| field.name);
        let all = names().collect::<Vec<_>>().join(", ");
        if let Some(field) = self.columns.named(&wanted) {
            return Err(format!("{}, which \"{asked}\" is another word for", field.name));
        }
        if self.columns.others == Others::NotRead {
            let near = nearest(asked, names())
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            return Err(format!("one of {all}, or - to leave it out{near}"));
        }
        let name = merge_field_name(asked, at + 1);
        if name != asked {
            return Err(format!(
                "one of {all}, - to leave it out, or the name of a merge field: lower-case letters, \
                 digits and _, such as {name}"
            ));
        }
        if self.header.merge_fields.iter().any(|(_, other)| *other == name) {
            return Err(format!("one column for {name}, not two"));
        }
        self.header.merge_fields.push((at, name));
        Ok(Use::MergeField)
    }

    /// Finds the fields by their names, and where there is none, by other words for them.
    fn find_fields(&mut self) {
        for field in self.columns.fields {
            if self.header.at(field.name).is_some() {
                continue;
            }
            let name = key(field.name);
            let is_open = |at: &usize| self.header.uses[*at] == Use::Open;
            let columns = || (0..self.keys.len()).filter(is_open);
            let mut found: Vec<usize> = columns().filter(|at| self.keys[*at] == name).collect();
            let words: Vec<String> = field.synonyms.iter().map(|word| key(word)).collect();
            let also: Vec<usize> = columns().filter(|at| words.contains(&self.keys[*at])).collect();
            if found.is_empty() || field.is_decisive {
                found.extend(also);
            }
            match found.as_slice() {
                [] if field.is_required => self.miss(field),
                [] => {}
                [at] => self.header.uses[*at] = Use::Field(field.name),
                [first, ..] if !field.is_decisive => {
                    self.header.uses[*first] = Use::Field(field.name);
                }
                several => {
                    let which: Vec<_> = several.iter().map(|at| self.called(*at)).collect();
                    let first = match self.speak {
                        Speak::Numbers => (several[0] + 1).to_string(),
                        Speak::Names => self.header.names[several[0]].clone(),
                    };
                    let expected = format!(
                        "one column for {}; {} may be it: say which, like --map \"{first}={}\"",
                        field.name,
                        which.join(" and "),
                        field.name
                    );
                    let names: Vec<_> =
                        several.iter().map(|at| shown(&self.header.names[*at])).collect();
                    self.problems.push(Problem::new(self.place, &names.join(", "), &expected));
                }
            }
        }
    }

    fn miss(&mut self, field: &Field) {
        let name = field.name;
        let names = self.header.names.iter().map(String::as_str);
        let near = nearest(name, names.clone())
            .map(|near| format!("; the nearest is `{0}` (--map \"{0}={name}\")", shown(near)))
            .unwrap_or_default();
        // A list of addresses without a header is what people have most often.
        let is_data = names.clone().any(|name| name.parse::<domain::EmailAddress>().is_ok());
        let hint = match self.speak {
            Speak::Numbers if is_data => "; the first line looks like a row, put a header above it",
            _ => "",
        };
        let expected = format!("a column `{name}`{near}{hint}");
        self.problems.push(Problem::new(self.place, &self.all_names(), &expected));
    }

    fn say_what_was_found(&mut self) {
        let said: Vec<String> = self
            .header
            .names
            .iter()
            .zip(&self.header.uses)
            .filter_map(|(written, used)| match used {
                Use::Field(field) if written != field => {
                    Some(format!("`{}` is {field}", shown(written)))
                }
                _ => None,
            })
            .collect();
        if !said.is_empty() {
            self.notes.push(format!("columns: {}", said.join(", ")));
        }
    }

    /// What becomes of all other columns.
    fn sort_out_others(&mut self, only_known: bool) {
        let mut left_out = 0;
        for at in 0..self.keys.len() {
            if self.header.uses[at] != Use::Open {
                continue;
            }
            self.header.uses[at] = Use::NotRead;
            let called = self.called(at);
            if self.header.names[at].is_empty() {
                if at < self.header.least && self.speak == Speak::Numbers {
                    self.notes.push(format!("{called} has no name and is not read"));
                }
                continue;
            }
            if let Some(field) = self.columns.named(&self.keys[at]) {
                let name = field.name;
                let taken = self.header.at(name).map(|at| self.called(at)).unwrap_or_default();
                self.notes.push(format!(
                    "{called} is another word for {name}, which {taken} is; it is not read"
                ));
            } else if only_known {
                left_out += 1;
            } else if self.columns.others == Others::MergeFields {
                self.take_merge_field(at);
            } else {
                let known = self.columns.fields.iter().map(|field| field.name);
                let near = nearest(&self.header.names[at], known)
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                self.notes.push(format!("{called} is not known and is not read{near}"));
            }
        }
        if left_out > 0 {
            self.notes.push(format!("{left_out} columns are not known and, as asked, not read"));
        }
        let said: Vec<String> = self
            .header
            .merge_fields
            .iter()
            .map(|(at, name)| match &self.header.names[*at] {
                written if written == name => name.clone(),
                written => format!("{name} (`{}`)", shown(written)),
            })
            .collect();
        if !said.is_empty() {
            self.notes.push(format!("merge fields: {}", said.join(", ")));
        }
    }

    fn take_merge_field(&mut self, at: usize) {
        let mut name = merge_field_name(&self.header.names[at], at + 1);
        // What is left of a name in another script may be the name of something else.
        if self.columns.named(&key(&name)).is_some() {
            name = format!("column_{}", at + 1);
        }
        match self.header.merge_fields.iter().find(|(_, other)| *other == name) {
            None => {
                self.header.uses[at] = Use::MergeField;
                self.header.merge_fields.push((at, name));
            }
            Some((first, _)) => {
                let (first, called) = (self.called(*first), self.called(at));
                self.notes.push(format!(
                    "{first} and {called} are both merge field {name}; the second is not read \
                     (--map gives it a name of its own)"
                ));
            }
        }
    }

    fn called(&self, at: usize) -> String {
        let name = shown(&self.header.names[at]);
        match self.speak {
            Speak::Numbers if name.is_empty() => format!("column {}", at + 1),
            Speak::Numbers => format!("column {} (`{name}`)", at + 1),
            Speak::Names => format!("`{name}`"),
        }
    }

    fn all_names(&self) -> String {
        self.header.names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
    }
}

/// A name as it may be shown: an address, where a file has no header, is nobody's business.
fn shown(name: &str) -> String {
    if name.contains('@') { masked(name) } else { cut(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn field(
        name: &'static str,
        is_required: bool,
        is_decisive: bool,
        synonyms: &'static [&'static str],
    ) -> Field {
        Field { name, is_required, is_decisive, synonyms }
    }
    const FIELDS: &[Field] = &[
        field("email", true, true, &["mail", "電子メール"]),
        field("first_name", false, false, &["vorname", "given name"]),
    ];
    const CONTACTS: ColumnSet = ColumnSet { fields: FIELDS, others: Others::MergeFields };
    const PARTNERS: ColumnSet = ColumnSet { fields: FIELDS, others: Others::NotRead };

    fn read(columns: &ColumnSet, names: &[&str], maps: &[&str]) -> Result<(Header, String)> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let maps = maps.iter().map(|map| map.parse().unwrap()).collect();
        let read_as = ReadAs { maps, ..ReadAs::default() };
        Header::read("line 1", names, columns, &read_as, Speak::Numbers)
            .map(|(header, notes)| (header, notes.join("\n")))
    }

    /// Where the fields are, and the merge fields.
    fn found(names: &[&str], maps: &[&str]) -> (Option<usize>, Option<usize>, Vec<String>, String) {
        let (header, notes) = read(&CONTACTS, names, maps).unwrap();
        let merge_fields = header.merge_fields().iter().map(|(at, name)| format!("{at}:{name}"));
        (header.at("email"), header.at("first_name"), merge_fields.collect(), notes)
    }

    #[test]
    fn columns_are_found_however_they_are_written() {
        let (email, first_name, merge_fields, notes) =
            found(&["Given Name", "E-Mail", "Job Title", "notes"], &[]);
        assert_eq!((email, first_name), (Some(1), Some(0)));
        assert_eq!(merge_fields, ["2:job_title", "3:notes"]);
        assert_eq!(
            notes,
            "columns: `Given Name` is first_name, `E-Mail` is email\n\
             merge fields: job_title (`Job Title`), notes"
        );
        assert_eq!(found(&["電子メール"], &[]).0, Some(0));
    }

    #[test]
    fn maps_win_over_names() {
        let (email, first_name, merge_fields, notes) = found(
            &["email", "Work", "x=y", "Secret", "2"],
            &["Work=email", "x=y=first_name", "secret=-", "5=score"],
        );
        assert_eq!((email, first_name), (Some(1), Some(2)));
        assert_eq!(merge_fields, ["4:score"]);
        assert!(
            notes.contains("column 1 (`email`) is another word for email, which column 2"),
            "{notes}"
        );
        assert_eq!(found(&["email", "email"], &["2=email"]).0, Some(1));
    }

    #[test]
    fn a_map_that_fits_nothing_says_what_would() {
        for (maps, want) in [
            (&["Emial=email"][..], "did you mean `E-Mail`?"),
            (&["Note=x"], "number"),
            (&["E-Mail=email", "E-Mail=x"], "every column once"),
            (&["E-Mail=email", "City=email"], "one column for email, not two"),
            (&["City=Stadt!"], "such as stadt"),
            (&["City=mail"], "email, which \"mail\" is another word for"),
            (&["9=email"], "a column of the file"),
        ] {
            let error = read(&CONTACTS, &["E-Mail", "City", "Note", "Note"], maps).unwrap_err();
            assert!(error.to_string().contains(want), "{maps:?}: {error}");
        }
        let error = read(&PARTNERS, &["email", "City"], &["City=frist_name"]).unwrap_err();
        assert!(error.to_string().contains("did you mean first_name?"), "{error}");
    }

    #[test]
    fn which_column_is_the_address_is_never_guessed() {
        for names in [["email", "email"], ["email", "E-Mail"], ["E-Mail", "Mail"]] {
            let error = read(&CONTACTS, &names, &[]).unwrap_err().to_string();
            assert!(error.contains("column 1") && error.contains("--map \"1=email\""), "{error}");
        }
        let (_, first_name, merge_fields, notes) =
            found(&["email", "Vorname", "Given name", "first_name"], &[]);
        assert_eq!((first_name, merge_fields), (Some(3), vec![]));
        assert!(notes.contains("column 2 (`Vorname`) is another word"), "{notes}");
    }

    #[test]
    fn of_two_merge_fields_of_one_name_the_first_is_read() {
        let (_, _, merge_fields, notes) =
            found(&["email", "Phone", "phone", "部署", "почта email"], &[]);
        assert_eq!(merge_fields, ["1:phone", "3:column_4", "4:column_5"]);
        assert!(notes.contains("column 2 (`Phone`) and column 3 (`phone`)"), "{notes}");
    }

    #[test]
    fn columns_without_a_name_are_not_read() {
        let (header, notes) = read(&CONTACTS, &["", "email", "", ""], &[]).unwrap();
        assert_eq!(header.least(), 2);
        assert_eq!(notes, "column 1 has no name and is not read");
    }

    #[test]
    fn a_missing_column_names_what_was_found_and_the_nearest() {
        let error = read(&CONTACTS, &["first_name", "emial"], &[]).unwrap_err().to_string();
        assert!(error.contains("`email`") && error.contains("nearest is `emial`"), "{error}");
        assert!(error.contains("first_name, emial"), "{error}");
        let error = read(&CONTACTS, &["anna@example.com", "Anna"], &[]).unwrap_err().to_string();
        assert!(error.contains("looks like a row") && !error.contains("anna@"), "{error}");
    }

    #[test]
    fn what_a_command_does_not_know_is_said() {
        let (_, notes) = read(&PARTNERS, &["email", "fist_name", "zzz"], &[]).unwrap();
        assert!(
            notes.contains("`fist_name`) is not known and is not read; did you mean `first_name`?")
        );
        assert!(notes.contains("column 3 (`zzz`) is not known"), "{notes}");
    }
}
