//! The private Python environment in `.local/python`, and the scripts in `xtask/python/`.
//!
//! It is installed at first use and again when `requirements.txt` changes. Scripts get a request in
//! JSON and reply in JSON lines (see `tooling.py`), so that their errors are reported like ours.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use crate::checkout::{Checkout, private_dir, private_file};
use crate::ui;

/// What a script finds in its environment.
#[derive(Debug)]
pub enum Environment {
    /// These variables. The caller's proxies and AWS settings are for the world, not for this machine.
    Only(Vec<(String, String)>),
    /// What the caller's shell has: its credentials and its profile.
    Caller,
}

/// The installed environment.
#[derive(Debug, Clone)]
pub struct Python {
    environment: PathBuf,
    scripts: PathBuf,
}

impl Python {
    /// The environment of this checkout, installed first if it is missing or out of date.
    pub fn ready(checkout: &Checkout) -> Result<Self> {
        let local = checkout.root().join(".local");
        private_dir(&local)?;
        let scripts = checkout.root().join("xtask/python");
        let python = Self { environment: local.join("python"), scripts };
        // Two commands started together install once.
        let lock = File::create(local.join("python.lock")).context("cannot write .local/python.lock")?;
        lock.lock()?;
        let wanted = fs::read_to_string(python.scripts.join("requirements.txt"))
            .context("cannot read xtask/python/requirements.txt")?;
        let stamp = python.environment.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.program().exists()
        {
            return Ok(python);
        }
        python.install(&wanted, &stamp)?;
        Ok(python)
    }

    /// One that is installed already: tests are told where, by the variable `TEST_PYTHON`.
    #[must_use]
    pub fn installed(environment: PathBuf, checkout: &Checkout) -> Self {
        Self { environment, scripts: checkout.root().join("xtask/python") }
    }

    /// Installs the packages of another requirements file into the same environment, once.
    pub fn add(&self, requirements: &str) -> Result<()> {
        let lock = File::create(self.environment.join(format!("{requirements}.lock")))?;
        lock.lock()?;
        let file = self.scripts.join(requirements);
        let wanted = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let stamp = self.environment.join(format!("installed-{requirements}"));
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        ui::heading(&format!("Installing xtask/python/{requirements} into .local/python (once)"));
        self.pip_install(requirements)?;
        private_file(&stamp, &wanted)
    }

    /// The interpreter.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.environment.join("bin/python")
    }

    /// A program that one of the packages brings.
    #[must_use]
    pub fn tool(&self, name: &str) -> Command {
        Command::new(self.environment.join("bin").join(name))
    }

    /// Where the packages are installed.
    pub fn packages(&self) -> Result<PathBuf> {
        let code = "import sysconfig; print(sysconfig.get_path('platlib'))";
        let output = Command::new(self.program()).args(["-c", code]).output()?;
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    }

    /// The path of a script.
    #[must_use]
    pub fn script(&self, name: &str) -> PathBuf {
        self.scripts.join(name)
    }

    /// Runs a script on a request and returns its result. Its stderr goes to `log`.
    pub fn run(&self, script: &str, request: &Value, log: &Path) -> Result<Value> {
        self.run_by_steps(script, request, &Environment::Only(Vec::new()), log, &mut |_| ())
    }

    /// The same in an environment of choice; `steps` gets each step that the script reports.
    pub fn run_by_steps(
        &self,
        script: &str,
        request: &Value,
        environment: &Environment,
        log: &Path,
        steps: &mut dyn FnMut(&Value),
    ) -> Result<Value> {
        let mut command = Command::new(self.program());
        if let Environment::Only(variables) = environment {
            command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
            command.envs(variables.iter().map(|(key, value)| (key, value)));
        }
        let stderr = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = command
            .arg(self.script(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {script}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(request.to_string().as_bytes())?;
        }
        let mut response = Err(anyhow!("{script} ended without a result; see {}", log.display()));
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line: Value = serde_json::from_str(&line?)
                    .with_context(|| format!("{script} wrote something that is not JSON"))?;
                if let Some(result) = line.get("result") {
                    response = Ok(result.clone());
                } else if let Some(error) = line["error"].as_str() {
                    response = Err(anyhow!("{error}\n  hint: {}", line["hint"].as_str().unwrap_or("")));
                } else {
                    steps(&line);
                }
            }
        }
        child.wait()?;
        response
    }

    fn install(&self, wanted: &str, stamp: &Path) -> Result<()> {
        let interpreter = find_interpreter()?;
        ui::heading("Installing the Python tools into .local/python (once; about 200 MB)");
        if self.environment.exists() {
            fs::remove_dir_all(&self.environment).context(
                "cannot remove the old .local/python; if another user made it, remove it as that user",
            )?;
        }
        let status = Command::new(&interpreter)
            .args(["-m", "venv"])
            .arg(&self.environment)
            .status()
            .context("cannot run Python")?;
        if !status.success() {
            bail!(
                "Python could not create .local/python; {}",
                "on Debian and Ubuntu: apt install python3-venv"
            );
        }
        self.pip_install("requirements.txt")?;
        private_file(stamp, wanted)
    }

    /// Runs pip and shows which package it is at.
    fn pip_install(&self, requirements: &str) -> Result<()> {
        let mut pip = Command::new(self.program())
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
            .args(["--require-hashes", "--progress-bar", "off", "--requirement"])
            .arg(self.scripts.join(requirements))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run pip")?;
        if let Some(stdout) = pip.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line?;
                if line.starts_with("Collecting") {
                    ui::say(line.split(" (from").next().unwrap_or_default());
                } else if line.starts_with("Installing") {
                    ui::say("Installing all packages");
                }
            }
        }
        if !pip.wait()?.success() {
            bail!(
                "pip could not install xtask/python/{requirements}; see above. It needs a package index; \
                 pip's settings apply"
            );
        }
        Ok(())
    }
}

/// A Python from 3.11 on that can make virtual environments.
fn find_interpreter() -> Result<PathBuf> {
    // The newest one last: packages with compiled parts appear later for it.
    let names = ["python3", "python3.13", "python3.12", "python3.11", "python3.14", "python"];
    let chosen = std::env::var("PYTHON").ok();
    let mut without_venv = None;
    for name in chosen.iter().map(String::as_str).chain(names) {
        let version = Command::new(name)
            .args(["-c", "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 1)"])
            .stderr(Stdio::null())
            .status();
        if !version.is_ok_and(|status| status.success()) {
            continue;
        }
        let venv = Command::new(name).args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
        if venv.is_ok_and(|status| status.success()) {
            return Ok(PathBuf::from(name));
        }
        without_venv.get_or_insert(name.to_owned());
    }
    if let Some(name) = without_venv {
        bail!("{name} cannot create virtual environments; on Debian and Ubuntu: apt install python3-venv");
    }
    bail!(
        "Python 3.11 or newer was not found; install it, or set the variable PYTHON to its path\n  \
         Debian and Ubuntu: apt install python3 python3-venv\n  \
         macOS: brew install python\n  Fedora: dnf install python3"
    );
}
