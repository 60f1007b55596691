//! This checkout of the project: where its files, its functions and its local state are.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The checkout that `cargo xtask` was called in.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// Names the code of this checkout, as git does.
    pub fn label(&self) -> String {
        let mut git = Command::new("git");
        git.args(["describe", "--always", "--dirty", "--tags"]).current_dir(&self.root);
        let output = git.output().ok().filter(|output| output.status.success());
        output.map_or_else(
            || "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    }

    /// The checkout this binary belongs to.
    pub fn find() -> Result<Self> {
        // `cargo run` sets the variable; a binary called directly knows where it was built.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package.parent().unwrap_or(&package).to_path_buf();
        if !root.join("xtask/python").is_dir() {
            bail!("{} is not a checkout of this project; run `cargo xtask` inside one", root.display());
        }
        Ok(Self { root })
    }

    /// Another checkout, such as a copy.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder that holds the workspace's Cargo.toml.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The state of one stack on this machine, git-ignored, readable by its owner only.
    pub fn state_dir(&self, stack: &str) -> Result<PathBuf> {
        let folder = self.root.join(".local").join(stack);
        private_dir(&folder)?;
        Ok(folder)
    }

    /// A cargo command in this checkout, without what `cargo run` said about xtask itself.
    #[must_use]
    pub fn cargo(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(&self.root);
        for (key, _) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST")
                || name == "CARGO_BIN_NAME"
                || name == "CARGO_CRATE_NAME"
            {
                command.env_remove(&key);
            }
        }
        command
    }

    /// Where cargo puts what it builds.
    pub fn target_dir(&self) -> Result<PathBuf> {
        let metadata = self.metadata()?;
        let folder =
            metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
        Ok(PathBuf::from(folder))
    }

    /// What cargo knows of the workspace's packages.
    pub fn metadata(&self) -> Result<Value> {
        let output = self
            .cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot run cargo; install Rust from https://rustup.rs")?;
        if !output.status.success() {
            bail!("cargo cannot read the workspace:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Returns the files that git tracks or would track, as they are in the work tree.
    pub fn files(&self) -> Result<BTreeSet<PathBuf>> {
        let output = Command::new("git")
            .current_dir(&self.root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .context("cannot run git")?;
        if !output.status.success() {
            bail!("git cannot list the files: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
        let names = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        // Deleted and not yet committed: git still lists it.
        Ok(names.filter(|name| self.root.join(name).is_file()).collect())
    }

    /// The functions: one folder in `functions/` is one package and one binary of that name.
    pub fn functions(&self) -> Result<Vec<String>> {
        let folder = self.root.join("functions");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join("Cargo.toml").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// The function of that name, or an error that lists the names there are.
    pub fn function(&self, name: &str) -> Result<String> {
        let functions = self.functions()?;
        if functions.iter().any(|function| function == name) {
            return Ok(name.to_owned());
        }
        bail!("`{name}` is not a function; choose one of: {}", functions.join(", "));
    }
}

/// Makes a folder that only its owner can read.
pub fn private_dir(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o700)))
        .with_context(|| {
            format!("cannot prepare {}; if another user made it, remove it as that user", folder.display())
        })
}

/// Writes a file that only its owner can read, in one step: a reader never sees half of it.
pub fn private_file(path: &Path, content: &str) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, "")
        .and_then(|()| fs::set_permissions(&partial, fs::Permissions::from_mode(0o600)))
        .and_then(|()| fs::write(&partial, content))
        .and_then(|()| fs::rename(&partial, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// `bytes` random bytes of the operating system, in hexadecimal.
pub fn random_hex(bytes: usize) -> Result<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;
    let mut random = vec![0; bytes];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .context("cannot read random numbers from /dev/urandom")?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
