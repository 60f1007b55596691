//! Argon2id hashes in PHC form.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};

use crate::{
    config::PasswordsConfig,
    domain::{Error, Result},
};

const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
/// A stored hash may ask for more than ours, but not for all of the function's memory or time.
const MAX_MEMORY_KIB: u32 = 262_144;
const MAX_PASSES: u32 = 16;

/// The cost of one guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    bytes: usize,
}

impl Cost {
    pub(super) fn of(config: PasswordsConfig) -> Self {
        Self { memory_kib: config.memory_kib, passes: config.passes, lanes: LANES, bytes: HASH_BYTES }
    }

    pub(super) fn is_below(self, wanted: Self) -> bool {
        self.memory_kib < wanted.memory_kib || self.passes < wanted.passes || self.bytes < wanted.bytes
    }

    /// The work that `wanted` takes and this does not, in no more memory than `wanted`: a cheap hash
    /// must not respond sooner than no hash. `None` when it takes as much.
    pub(super) fn missing_to(self, wanted: Self) -> Option<Self> {
        let work = |cost: Self| u64::from(cost.memory_kib) * u64::from(cost.passes);
        let missing = work(wanted).checked_sub(work(self))?;
        let passes = missing.div_ceil(u64::from(wanted.memory_kib)).max(1);
        let memory_kib = u32::try_from(missing / passes).ok()?;
        let passes = u32::try_from(passes).ok()?;
        (memory_kib >= Params::MIN_M_COST).then_some(Self { memory_kib, passes, ..wanted })
    }

    fn params(self) -> Result<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(self.bytes)).map_err(Error::internal)
    }
}

/// A hash as it is stored.
pub(super) struct Stored {
    pub(super) cost: Cost,
    salt: Vec<u8>,
    output: Output,
}

impl Stored {
    /// `None` unless it is Argon2id, version 19, and within bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let phc = Phc::new(text).ok()?;
        let params = Params::try_from(&phc).ok()?;
        let (salt, output) = (phc.salt?, phc.hash?);
        let fits = phc.algorithm == Algorithm::Argon2id.ident()
            && phc.version == Some(Version::V0x13.into())
            && params.m_cost() <= MAX_MEMORY_KIB
            && params.t_cost() <= MAX_PASSES;
        let cost = Cost {
            memory_kib: params.m_cost(),
            passes: params.t_cost(),
            lanes: params.p_cost(),
            bytes: output.as_bytes().len(),
        };
        fits.then(|| Self { cost, salt: salt.to_vec(), output })
    }

    pub(super) fn matches(&self, password: &str, memory: &mut Vec<Block>) -> Result<bool> {
        // Compares in constant time.
        Ok(derive(password, &self.salt, self.cost, memory)? == self.output)
    }
}

pub(super) fn hash(password: &str, salt: [u8; 16], cost: Cost, memory: &mut Vec<Block>) -> Result<String> {
    let phc = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&cost.params()?).map_err(Error::internal)?,
        salt: Some(Salt::new(&salt).map_err(Error::internal)?),
        hash: Some(derive(password, &salt, cost, memory)?),
    };
    Ok(phc.to_string())
}

pub(super) fn derive(password: &str, salt: &[u8], cost: Cost, memory: &mut Vec<Block>) -> Result<Output> {
    let params = cost.params()?;
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let output = Output::init_with(cost.bytes, |output| {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password.as_bytes(), salt, output, &mut memory[..blocks])
            .map_err(|_| argon2::password_hash::phc::Error::OutputSize {
                provided: core::cmp::Ordering::Equal,
                expected: cost.bytes,
            })
    });
    output.map_err(|_| Error::internal("Argon2 refused its parameters"))
}
