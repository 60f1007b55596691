//! Times, their spread, and their ratio to a floor.

use std::time::Duration;

use serde_json::{Value, json};

/// What one thing took, once a round.
#[derive(Debug)]
pub struct Series {
    name: &'static str,
    micros: Vec<f64>,
    /// The floor: the other subjects of its group are compared with it.
    floor: bool,
    target: Option<Target>,
}

#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// The most it may be of a floor's time; of several floors one is enough ("COPY or unnest").
    Ratio(f64),
    /// The most it may take.
    Micros(f64),
    /// The most that 99 of 100 may take, in microseconds.
    P99(f64),
}

/// Things that were measured turn by turn in the same rounds.
#[derive(Debug)]
pub struct Group {
    pub title: &'static str,
    pub series: Vec<Series>,
}

/// Where the numbers of a series lie.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub p10: f64,
    pub median: f64,
    pub p90: f64,
    pub p99: f64,
}

impl Series {
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, micros: Vec::new(), floor: false, target: None }
    }

    #[must_use]
    pub fn floor(name: &'static str) -> Self {
        Self { floor: true, ..Self::new(name) }
    }

    #[must_use]
    pub fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    pub fn push(&mut self, took: Duration) {
        self.micros.push(took.as_secs_f64() * 1e6);
    }

    /// Repeats the last row, for another comparison.
    pub fn copy_last(&self, other: &mut Self) {
        other.micros.extend(self.micros.last());
    }

    /// The median of what each round says: a slow second slows both sides of it.
    fn ratio(&self, floor: &Self) -> Spread {
        Spread::of(self.micros.iter().zip(&floor.micros).map(|(ours, theirs)| ours / theirs).collect())
    }
}

impl Spread {
    /// # Panics
    /// Without a number.
    #[must_use]
    pub fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let at = |percent: usize| numbers[(numbers.len() - 1) * percent / 100];
        Self { p10: at(10), median: at(50), p90: at(90), p99: at(99) }
    }
}

impl Group {
    fn floors(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(|series| series.floor)
    }

    /// The verdict on a series that has a target.
    fn met(&self, series: &Series) -> Option<bool> {
        match series.target? {
            Target::Micros(most) => Some(Spread::of(series.micros.clone()).median < most),
            Target::P99(most) => Some(Spread::of(series.micros.clone()).p99 < most),
            Target::Ratio(most) => Some(self.floors().any(|floor| series.ratio(floor).median <= most)),
        }
    }
}

#[must_use]
pub fn json(groups: &[Group]) -> Value {
    let spread = |s: Spread| json!({ "p10": s.p10, "median": s.median, "p90": s.p90, "p99": s.p99 });
    let series = |group: &Group, series: &Series| {
        let ratios = group.floors().filter(|floor| floor.name != series.name);
        json!({
            "name": series.name,
            "rounds": series.micros.len(),
            "microseconds": spread(Spread::of(series.micros.clone())),
            "is_floor": series.floor,
            "ratio_to": ratios
                .map(|floor| (floor.name.to_owned(), spread(series.ratio(floor))))
                .collect::<serde_json::Map<_, _>>(),
            "target": match series.target {
                None => Value::Null,
                Some(Target::Ratio(most)) => json!({ "ratio": most }),
                Some(Target::Micros(most)) => json!({ "microseconds": most }),
                Some(Target::P99(most)) => json!({ "p99_microseconds": most }),
            },
            "met": group.met(series),
        })
    };
    groups
        .iter()
        .map(|group| {
            let all: Vec<_> = group.series.iter().map(|one| series(group, one)).collect();
            json!({ "title": group.title, "series": all })
        })
        .collect()
}

pub fn print(groups: &[Group]) {
    println!("{:<56} {:>10} {:>17}   ratio (p10–p90)", "", "median", "p10–p90");
    for group in groups {
        println!("{}", group.title);
        for series in &group.series {
            let time = Spread::of(series.micros.clone());
            let (unit, by) = if time.median < 1_000.0 { ("µs", 1.0) } else { ("ms", 1_000.0) };
            let times = format!("{}–{}", number(time.p10 / by), number(time.p90 / by));
            print!("  {:<54} {:>7} {unit} {times:>17}", series.name, number(time.median / by));
            for (line, said) in said(group, series).iter().enumerate() {
                let indent = if line == 0 { 0 } else { 85 };
                print!("{}{:indent$}   {said}", if line == 0 { "" } else { "\n" }, "");
            }
            println!();
        }
    }
}

/// Its ratio to each floor, and what became of its target.
fn said(group: &Group, series: &Series) -> Vec<String> {
    if series.floor {
        return vec!["floor".to_owned()];
    }
    let ratio = |floor: &Series| {
        let ratio = series.ratio(floor);
        format!("{:.2} × ({:.2}–{:.2}) {}", ratio.median, ratio.p10, ratio.p90, floor.name)
    };
    let mut said: Vec<String> = group.floors().map(ratio).collect();
    if let Some(target) = series.target {
        let most = match target {
            Target::Ratio(most) => format!("≤ {most:.2} × one of them"),
            Target::Micros(most) => format!("< {most} µs"),
            Target::P99(most) => {
                let p99 = Spread::of(series.micros.clone()).p99;
                format!("p99 < {:.0} ms, it is {:.2} ms", most / 1e3, p99 / 1e3)
            }
        };
        let verdict = if group.met(series) == Some(true) { "met" } else { "MISSED" };
        said.push(format!("target {most}: {verdict}"));
    }
    said
}

fn number(number: f64) -> String {
    if number < 10.0 { format!("{number:.2}") } else { format!("{number:.1}") }
}
