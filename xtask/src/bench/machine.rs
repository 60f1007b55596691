//! What a run was measured on, without its name.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub cores: usize,
    /// As the processor calls itself.
    pub processor: String,
    pub architecture: &'static str,
    pub system: &'static str,
}

impl Machine {
    #[must_use]
    pub fn here() -> Self {
        let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let processor = model.map_or("an unknown processor", |(_, name)| name.trim());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor.to_owned(),
            architecture: std::env::consts::ARCH,
            system: std::env::consts::OS,
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}, {}, {}", self.cores, self.processor, self.architecture, self.system)
    }
}
