//! What a file is when it is no table: told by its first bytes, with what to do about it.

/// Save it as what the import reads: the name this has in every spreadsheet program.
const SAVE_AS: &str = "save the sheet as \"CSV UTF-8\" and import that";

/// First bytes, what they are the beginning of, and what to do.
const KINDS: [(&[u8], &str, &str); 20] = [
    (b"\xD0\xCF\x11\xE0", "an Excel file (.xls)", SAVE_AS),
    (b"\x1F\x8B", "a file packed with gzip", "unpack it (gunzip) and import what is in it"),
    (b"BZh", "a file packed with bzip2", "unpack it (bunzip2) and import what is in it"),
    (b"\xFD7zXZ\0", "a file packed with xz", "unpack it (unxz) and import what is in it"),
    (b"\x28\xB5\x2F\xFD", "a file packed with zstd", "unpack it (unzstd) and import what is in it"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive", "unpack it and import the CSV file in it"),
    (b"Rar!\x1A\x07", "a RAR archive", "unpack it and import the CSV file in it"),
    (b"\x89PNG\r\n\x1A\n", "a PNG picture", "a CSV file with a header line"),
    (b"\xFF\xD8\xFF", "a JPEG picture", "a CSV file with a header line"),
    (b"GIF8", "a GIF picture", "a CSV file with a header line"),
    (b"%PDF-", "a PDF document", "export the table itself as CSV, and import that"),
    (b"{\\rtf", "an RTF document", "export the table itself as CSV, and import that"),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV, and import that"),
    (b"PAR1", "a Parquet file", "export the table as CSV, and import that"),
    (b"\x7FELF", "a program", "a CSV file with a header line"),
    (b"MZ\x90\0", "a program", "a CSV file with a header line"),
    (b"BEGIN:VCARD", "a vCard file", "export the contacts as CSV, and import that"),
    (b"<?xml", "an XML file", SAVE_AS),
    (b"<!DOCTYPE", "a web page", SAVE_AS),
    (b"<html", "a web page", SAVE_AS),
];

/// What a file that begins like this is, and what to do about it; `None` if it may be a table.
pub(super) fn foreign(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(zip(head));
    }
    if head.starts_with(b"\xFF\xFE\0\0") || head.starts_with(b"\0\0\xFE\xFF") {
        return Some(("a file in UTF-32", SAVE_AS));
    }
    // Text formats are told by their first word, whatever white space and byte order mark is before it.
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    KINDS
        .iter()
        .find(|(magic, _, _)| {
            let begins = |bytes: &[u8]| {
                bytes.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
            };
            head.starts_with(magic) || (magic.is_ascii() && magic.len() > 4 && begins(text))
        })
        .map(|(_, what, instead)| (*what, *instead))
}

/// Office documents are zip archives; the names of their first parts say which.
fn zip(head: &[u8]) -> (&'static str, &'static str) {
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    if has(b"spreadsheetml") || has(b"xl/") {
        ("an Excel file (.xlsx)", SAVE_AS)
    } else if has(b"opendocument.spreadsheet") {
        ("a LibreOffice Calc file (.ods)", SAVE_AS)
    } else if has(b"Index/") {
        ("a Numbers file", SAVE_AS)
    } else if has(b"[Content_Types].xml") || has(b"word/") || has(b"opendocument") {
        ("an office document", "export the table itself as CSV, and import that")
    } else {
        ("a zip archive", "unpack it and import the CSV file in it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_named_with_what_to_do() {
        for (head, what, instead) in [
            (
                &b"PK\x03\x04\x14\0\x06\0[Content_Types].xml ... xl/workbook.xml"[..],
                ".xlsx",
                "save",
            ),
            (
                b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
                ".ods",
                "save",
            ),
            (b"PK\x03\x04....customers.csv", "zip archive", "unpack"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", ".xls", "save"),
            (b"\x1F\x8B\x08\0", "gzip", "gunzip"),
            (b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", "PNG", "CSV"),
            (b"%PDF-1.7", "PDF", "export"),
            (b"\xEF\xBB\xBF\n <?XML version=\"1.0\"?>", "XML", "save"),
            (b"<HTML><table>", "web page", "save"),
            (b"\xFF\xFE\0\0e\0\0\0", "UTF-32", "save"),
        ] {
            let (said, todo) = foreign(head).unwrap_or_else(|| panic!("{what}"));
            assert!(said.contains(what) && todo.contains(instead), "{what}: {said}, {todo}");
        }
        for head in ["email,name\n", "PK,name\n", "<b>,email\n", "GIF,email", "bzh,email", ""] {
            assert_eq!(foreign(head.as_bytes()), None, "{head}");
        }
    }
}
