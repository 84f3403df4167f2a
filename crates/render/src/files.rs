//! The only place where files are read: a package's folder, and the shared templates.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use crate::error::ReadError;

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../templates");
static CAMPAIGNS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../campaigns");

const MOST_FILES: usize = 1_000;
const MOST_BYTES: u64 = 32 * 1024 * 1024;
const MOST_DEPTH: usize = 8;

/// The files of a package: path relative to its folder, with `/`, and content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageFiles(BTreeMap<String, Vec<u8>>);

impl PackageFiles {
    /// Reads a folder. Hidden files are left out, and symbolic links are not followed: a package can't
    /// reach out of its folder.
    ///
    /// # Errors
    /// The folder can't be read, or holds more than 1,000 files or 32 MiB or 8 levels.
    pub fn load_dir(dir: &Path) -> Result<Self, ReadError> {
        read_folder(dir).map(Self)
    }

    /// A package from files in memory.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// The files.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// One file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), content.into());
    }

    /// Takes a file out.
    pub fn remove(&mut self, path: &str) -> Option<Vec<u8>> {
        self.0.remove(path)
    }
}

/// Layouts and partials that all packages share: those in the program, and those of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedTemplates(BTreeMap<String, Vec<u8>>);

impl SharedTemplates {
    /// Those that come with the program.
    pub fn embedded() -> Self {
        Self(embedded_files(&TEMPLATES, Path::new("")))
    }

    /// The same, with every file that `dir` has too replaced, and those that only `dir` has added.
    ///
    /// # Errors
    /// As [`PackageFiles::load_dir`].
    pub fn with_folder(mut self, dir: &Path) -> Result<Self, ReadError> {
        self.0.extend(read_folder(dir)?);
        Ok(self)
    }

    /// The same, with these files replaced or added.
    #[must_use]
    pub fn with_files(mut self, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        self.0.extend(files);
        self
    }

    /// A package that is kept among the templates, by the name of its folder; empty if there is none.
    pub fn package(&self, folder: &str) -> PackageFiles {
        let inside = |(path, bytes): (&String, &Vec<u8>)| {
            let path = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((path.to_owned(), bytes.clone()))
        };
        PackageFiles(self.0.iter().filter_map(inside).collect())
    }

    /// The text of `path`, if there is such a file and it is UTF-8.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.0.get(path).and_then(|bytes| text_of(bytes).ok())
    }

    /// The paths of all files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A finished package that comes with the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePackage {
    name: String,
    files: PackageFiles,
}

impl SamplePackage {
    /// All of them.
    pub fn all() -> Vec<Self> {
        CAMPAIGNS
            .dirs()
            .map(|dir| Self {
                name: dir.path().to_string_lossy().into_owned(),
                files: PackageFiles(embedded_files(dir, dir.path())),
            })
            .collect()
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|package| package.name == name)
    }

    /// The name of its folder, which is its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its files.
    pub fn files(&self) -> &PackageFiles {
        &self.files
    }
}

/// The text of a file with line ends as `\n`, so that a package has the same hash on every system.
pub(crate) fn text_of(bytes: &[u8]) -> Result<String, std::str::Utf8Error> {
    let text = std::str::from_utf8(bytes)?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    Ok(if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() })
}

fn embedded_files(dir: &Dir<'static>, root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![dir];
    while let Some(dir) = open.pop() {
        open.extend(dir.dirs());
        for file in dir.files() {
            let path = file.path().strip_prefix(root).unwrap_or(file.path());
            files.insert(key_of(path), file.contents().to_vec());
        }
    }
    files
}

fn key_of(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn read_folder(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, ReadError> {
    let refuse = |limit| ReadError::TooMuch { path: root.to_owned(), limit };
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    let mut open: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let failed = |source: io::Error| ReadError::Io { path: dir.clone(), source };
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            let failed = |source| ReadError::Io { path: path.clone(), source };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                if depth + 1 >= MOST_DEPTH {
                    return Err(refuse("8 levels of folders"));
                }
                open.push((path, depth + 1));
            } else if kind.is_file() {
                bytes += entry.metadata().map_err(failed)?.len();
                if bytes > MOST_BYTES {
                    return Err(refuse("32 MiB"));
                }
                if files.len() >= MOST_FILES {
                    return Err(refuse("1,000 files"));
                }
                let content = fs::read(&path).map_err(failed)?;
                let relative = path.strip_prefix(root).unwrap_or(&path);
                files.insert(key_of(relative), content);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_without_hidden_files_and_without_leaving_it() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::create_dir_all(dir.path().join("en/announce")).unwrap();
        fs::write(dir.path().join("en/announce/subject.txt.hbs"), "x").unwrap();
        fs::write(dir.path().join(".hidden"), "x").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let files = PackageFiles::load_dir(dir.path()).unwrap();
        let paths: Vec<_> = files.iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(paths, ["en/announce/subject.txt.hbs"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = PackageFiles::load_dir(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "can't read /nowhere/at/all");
    }

    #[test]
    fn a_folder_that_goes_too_deep_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b/c/d/e/f/g/h/i")).unwrap();
        let error = PackageFiles::load_dir(dir.path()).unwrap_err();
        assert!(error.to_string().ends_with("8 levels of folders"), "{error}");
    }

    #[test]
    fn a_folder_on_disk_overrides_file_by_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = "email/layouts/cobrand.txt.hbs";
        fs::create_dir_all(dir.path().join("email/layouts")).unwrap();
        fs::write(dir.path().join(path), "mine").unwrap();
        let embedded = SharedTemplates::embedded();
        let shared = embedded.clone().with_folder(dir.path()).unwrap();
        assert_eq!(shared.text(path).as_deref(), Some("mine"));
        let other = "email/layouts/cobrand.html.hbs";
        assert_eq!(shared.text(other), embedded.text(other));
        assert!(embedded.text(other).is_some());
    }
}
